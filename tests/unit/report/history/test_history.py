"""Which reports belong together, and where their figures changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import cells, cli, records
from bench.errors import UsageError
from bench.metrics.values import Score
from bench.report import history
from bench.report.history import ChangePoint, describe
from bench.values import Estimate, Missing, Plan, Setting
from tests import examples
from tests.unit.report.history import stories
from tests.unit.report.history.stories import LOCAL, NAMES, PHONE, report


def load(folder):
    return history.load(folder, "tiny")


def series(found, name):
    """Of the only track."""
    (track,) = found.tracks
    return next(each for each in track.series if each.variant == name)


def test_reports_are_in_order_of_time_and_not_of_name(tmp_path):
    for number, name in ((3, "a"), (1, "b"), (2, "c")):
        report(tmp_path, number).rename(tmp_path / f"{name}.jsonl")
    found = load(tmp_path)
    assert found.reports == ("b", "c", "a")
    assert list(found.started_at) == sorted(found.started_at)
    assert [point.report for point in series(found, "float32").points] == ["b", "c", "a"]


def test_each_point_has_its_figures(tmp_path):
    report(tmp_path, 1, accuracies={"float32": 0.9})
    (point,) = series(load(tmp_path), "float32").points
    assert point.median_us.value == pytest.approx(100, rel=0.02)
    assert point.median_us.low < point.median_us.value < point.median_us.high
    assert isinstance(point.p99_us, Estimate)
    assert (point.launches, point.size_bytes, point.zipped_bytes) == (10, 1000, 800)
    assert point.accuracy == 0.9
    (other,) = series(load(tmp_path), "quantize:int8").points
    assert other.accuracy is None


def test_too_few_runs_give_no_p99(tmp_path):
    report(tmp_path, 1, runs=4)
    assert isinstance(series(load(tmp_path), "float32").points[0].p99_us, Missing)


def test_a_level_that_changed_is_found_where_it_began(tmp_path):
    for number in range(1, 13):
        report(tmp_path, number, levels={"quantize:int8": 1.2 if number >= 8 else 1.0})
    found = load(tmp_path)
    assert series(found, "float32").changes == ()
    changes = {change.figure: change for change in series(found, "quantize:int8").changes}
    assert changes.keys() == {"median", "p99"}
    assert [change.index for change in changes.values()] == [7, 7]
    assert changes["median"].by == pytest.approx(1.2, rel=0.02)
    assert series(found, "quantize:int8").changes_at(7) == tuple(changes.values())
    assert series(found, "quantize:int8").changes_at(6) == ()


def test_a_size_that_differs_at_all_is_a_change(tmp_path):
    for number, size in enumerate((400, 400, 402, 402), start=1):
        report(tmp_path, number, size_bytes=size)
    (change,) = series(load(tmp_path), "quantize:int8").changes
    assert (change.index, change.figure) == (2, "size")
    assert change.by == pytest.approx(1.005)


def test_an_accuracy_changes_on_the_same_samples_only(tmp_path):
    report(tmp_path, 1, accuracies={"float32": 0.90})
    report(tmp_path, 2, accuracies={"float32": 0.89})
    report(tmp_path, 3, accuracies={"float32": 0.70}, samples="others")
    report(tmp_path, 4, accuracies={}, samples="others")
    (change,) = series(load(tmp_path), "float32").changes
    assert (change.index, change.figure) == (1, "accuracy")
    assert change.by == pytest.approx(-0.01)


@pytest.mark.parametrize(
    "changed",
    [
        {"environments": [replace(LOCAL, facts={"cpu": "another", "threads": 1})]},
        {"plan": Plan(launches=10, threads=4)},
        {"plan": Plan(launches=10, delegate="gpu")},
    ],
    ids=["fact", "threads", "delegate"],
)
def test_figures_that_may_not_be_compared_are_never_joined(tmp_path, changed):
    for number in range(1, 9):
        report(tmp_path, number, levels=dict.fromkeys(NAMES, 1.0 if number < 5 else 1.5),
               **(changed if number >= 5 else {}))  # fmt: skip
    first, second = load(tmp_path).tracks
    for track, reports in ((first, (1, 2, 3, 4)), (second, (5, 6, 7, 8))):
        for each in track.series:
            assert [point.report for point in each.points] == [f"r{n:02d}" for n in reports]
            assert each.changes == ()


def test_a_new_environment_of_a_target_says_what_is_new(tmp_path):
    report(tmp_path, 1, environments=[PHONE])
    report(tmp_path, 2, environments=[replace(PHONE, facts={"fingerprint": "second"})])
    first, second = load(tmp_path).tracks
    assert first.differs == ""
    assert second.differs == "fingerprint (first against second)"


def test_a_battery_is_no_other_environment(tmp_path):
    report(tmp_path, 1, environments=[PHONE])
    report(tmp_path, 2, environments=[replace(PHONE, facts={**PHONE.facts, "battery_level": 20})])
    assert len(load(tmp_path).tracks) == 1


def test_each_target_and_each_setting_is_a_track_of_its_own(tmp_path):
    report(tmp_path, 1, environments=[LOCAL, PHONE])
    report(tmp_path, 2, plan=Plan(threads=4, launches=10, profile=True))
    found = [(track.target, track.settings, track.differs) for track in load(tmp_path).tracks]
    assert found == [
        ("local", "1 thread", ""),
        ("adb:R5", "1 thread", ""),
        ("local", "4 threads · profile", ""),
    ]


def test_a_report_of_several_settings_goes_on_with_the_track_of_each(tmp_path):
    report(tmp_path, 1)
    plan = Plan(launches=6, runs=4, threads=2, settings=(Setting(2), Setting(1)))
    made = cells.expand((examples.FLOAT32, examples.INT8), plan)
    session = examples.session(
        variants=made, plan=plan, started_at="2026-09-02T08:00:00+00:00", data={"sha256": "x"}
    )
    launches = examples.launches([cell.name for cell in made], 6, base_us=800)
    examples.write(tmp_path / "r02.jsonl", session, [LOCAL, *launches])
    report(tmp_path, 3)
    one, two = load(tmp_path).tracks
    assert (one.settings, two.settings) == ("1 thread", "2 threads")
    assert [each.variant for each in (*one.series, *two.series)] == [*NAMES, *NAMES]
    float32 = one.series[0].points
    assert [point.report for point in float32] == ["r01", "r02", "r03"]
    assert float32[1].median_us.value == pytest.approx(400, rel=0.01)
    assert two.series[0].points[0].median_us.value == pytest.approx(800, rel=0.01)


def test_answers_that_are_wrong_on_the_phone_are_told_with_their_report(tmp_path):
    path = report(tmp_path, 1, environments=[PHONE])
    told = examples.answers("quantize:int8", "wrong", target="adb:R5", reason="all zero")
    good = examples.answers("float32", "same", target="adb:R5")
    line = records.encode(told) + "\n" + records.encode(good) + "\n"
    path.write_text(path.read_text() + line)
    (note,) = load(tmp_path).notes
    assert "r01.jsonl: quantize:int8 on adb:R5: it answers wrongly there: all zero" in note


def test_a_variant_that_came_later_or_left_has_the_points_it_has(tmp_path):
    report(tmp_path, 1)
    only = examples.session(
        variants=(examples.FLOAT32,), launches=6, started_at="2026-09-02T08:00:00+00:00"
    )
    launches = [stories.LOCAL, *examples.launches(["float32"], 6)]
    examples.write(tmp_path / "r02.jsonl", only, launches)
    assert len(series(load(tmp_path), "float32").points) == 2
    assert len(series(load(tmp_path), "quantize:int8").points) == 1


def test_what_cannot_be_used_is_left_out_and_told(tmp_path):
    report(tmp_path, 1)
    (tmp_path / "broken.jsonl").write_text("{]\n")
    (tmp_path / "notes.txt").write_text("not a report")
    other = examples.session(model=replace(examples.MODEL, name="other"))
    examples.write(tmp_path / "other.jsonl", other, examples.launches(NAMES, 3))
    examples.write(tmp_path / "empty.jsonl", examples.session(), [])
    found = load(tmp_path)
    assert found.reports == ("r01",)
    assert len(found.notes) == 3
    assert any("broken.jsonl line 1" in note for note in found.notes)
    assert any("empty.jsonl: it holds no launch" in note for note in found.notes)
    assert "left out reports of other models: other (1)" in found.notes


def test_no_report_of_that_model_names_those_there_are(tmp_path):
    report(tmp_path, 1)
    with pytest.raises(UsageError, match="did you mean 'tiny'"):
        history.load(tmp_path, "tinny")
    with pytest.raises(UsageError, match="no folder"):
        history.load(tmp_path / "nowhere", "tiny")


def test_the_only_model_needs_no_name_and_several_are_named(tmp_path):
    with pytest.raises(UsageError, match="has no report: measure first"):
        history.load(tmp_path)
    report(tmp_path, 1)
    (tmp_path / "broken.jsonl").write_text("not a report")
    assert history.load(tmp_path).model == "tiny"
    other = examples.session(model=replace(examples.MODEL, name="other"))
    examples.write(tmp_path / "other.jsonl", other, examples.launches(NAMES, 3))
    with pytest.raises(UsageError, match="several models: name one of: other, tiny"):
        history.load(tmp_path)


@pytest.mark.parametrize(
    "typed",
    [
        ["{}"],
        ["{}/r01.jsonl"],
        ["tiny", "--reports", "{}/r01.jsonl"],
        ["--reports", "{}/r01.jsonl"],
        ["--reports", "{}"],
    ],
)
def test_a_report_or_a_folder_of_them_is_as_good_as_a_name(tmp_path, typed, capsys):
    report(tmp_path, 1)
    assert cli.main(["history", *(text.format(tmp_path) for text in typed)]) == cli.GOOD
    assert capsys.readouterr().out.startswith("tiny on ")


def test_a_session_that_stopped_by_itself_keeps_its_promise(tmp_path):
    report(tmp_path, 1, plan=Plan(until=0.2, launches=10))
    (point,) = series(load(tmp_path), "float32").points
    assert point.median_us.high >= point.median_us.value * 1.2 * (1 - 1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ChangePoint(1, "median", 1.08), "median 1.08x slower"),
        (ChangePoint(1, "p99", 0.8), "p99 1.25x faster"),
        (ChangePoint(1, "median", 0.4), "median 2.5x faster"),
        (ChangePoint(1, "median", 2.0), "median 2.0x slower"),
        (ChangePoint(1, "size", 1.12), "size +12.0 %"),
        (ChangePoint(1, "size", 0.5), "size -50.0 %"),
        (ChangePoint(1, "accuracy", -0.004, Score("", "accuracy", 0.9)), "accuracy -0.40 points"),
        (
            ChangePoint(1, "accuracy", 0.25, Score("y", "RMSE", 2.0, is_fraction=False)),
            "y RMSE +0.25",
        ),
    ],
)
def test_a_change_in_words(change, said):
    assert describe(change) == said
