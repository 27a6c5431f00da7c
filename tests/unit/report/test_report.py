"""What a table shows is assembled from records alone."""

from __future__ import annotations

import math

import pytest

from bench.formats import text
from bench.records import End, read
from bench.report import assemble, harness_cost
from bench.report.dataframe import COLUMNS
from bench.values import Environment, Failure, Plan
from tests import examples

NAMES = ["float32", "quantize:int8"]
SESSION = examples.session(launches=6)


def assembled(tmp_path, items, *, session=SESSION, end=True):
    path = examples.write(tmp_path / "x.jsonl", session, items, end=end)
    return assemble(read(path))


def codes(made):
    return [warning.code for warning in made.warnings]


def test_one_row_per_variant_with_what_belongs_to_it(tmp_path):
    accuracy = examples.accuracy("quantize:int8", 10, top1=0.9)
    items = [examples.ENVIRONMENT, accuracy, *examples.launches(NAMES, 6)]
    (table,) = assembled(tmp_path, items).tables
    assert table.environment == examples.ENVIRONMENT
    float32, int8 = table.rows
    assert float32.baseline is float32.variant is int8.baseline
    assert (float32.accuracy, int8.accuracy) == (None, accuracy)
    assert float32.comparison is None
    assert int8.comparison.verdict == "faster"
    assert int8.comparison.ratio == pytest.approx(0.5, rel=0.01)
    assert (int8.size_ratio, int8.zipped_ratio) == (2.5, 4.0)
    assert float32.summary.median_us.value == pytest.approx(100.3, rel=0.01)
    assert (float32.failure, int8.failure) == (None, None)


def test_a_variant_that_failed_has_its_reason(tmp_path):
    failure = Failure("quantize:int8", "local", 0, "missing_op", "no such op", "use another")
    made = assembled(tmp_path, [failure, *examples.launches(["float32"], 6)])
    float32, int8 = made.tables[0].rows
    assert float32.summary is not None
    assert int8.summary is None
    assert int8.failure == failure
    assert made.failures == (failure,)


@pytest.mark.parametrize("launched", [True, False])
def test_where_latency_was_measured_is_told_where_it_was_measured(tmp_path, launched):
    failures = [Failure(name, "local", 0, "crash", "it broke", "again") for name in NAMES]
    items = examples.launches(["float32"], 6) if launched else failures
    codes = [warning.code for warning in assembled(tmp_path, items).warnings]
    assert ("local" in codes) == launched


def test_a_failure_in_the_middle_stands_beside_the_figures(tmp_path):
    failure = Failure("quantize:int8", "local", 2, "crash", "it broke", "again")
    items = [*examples.launches(NAMES, 2), failure, *examples.launches(["float32"], 6)[2:]]
    row = assembled(tmp_path, items).tables[0].rows[1]
    assert row.summary.launches == 2
    assert row.failure == failure


@pytest.mark.parametrize("block", [2, None])
def test_a_failure_that_a_later_sitting_made_up_for_is_forgotten(tmp_path, block):
    failure = Failure("quantize:int8", "local", block, "device_lost", "it has gone", "plug it in")
    made = assembled(tmp_path, [failure, *examples.launches(NAMES, 6)])
    assert made.failures == ()
    assert made.tables[0].rows[1].failure is None


def test_a_discarded_try_is_kept_and_fails_nothing(tmp_path):
    failure = Failure("quantize:int8", "local", 2, "crash", "it broke", "again", discarded=True)
    made = assembled(tmp_path, [failure, *examples.launches(NAMES, 6)])
    assert made.failures == (failure,)
    assert made.tables[0].rows[1].failure is None


def test_a_build_failure_has_no_row_and_is_told(tmp_path):
    failure = Failure("prune:0.8", "", None, "build", "no data", "give --data")
    made = assembled(tmp_path, [failure, *examples.launches(NAMES, 6)])
    assert [row.variant.name for row in made.tables[0].rows] == NAMES
    assert made.failures == (failure,)


def test_an_accuracy_failure_is_forgotten_once_it_was_evaluated(tmp_path):
    failure = Failure("quantize:int8", "", None, "accuracy", "it broke", "again")
    items = [failure, *examples.launches(NAMES, 6)]
    assert assembled(tmp_path / "a", items).failures == (failure,)
    items.append(examples.accuracy("quantize:int8", 10, top1=0.9))
    assert assembled(tmp_path / "b", items).failures == ()


def test_figures_of_two_targets_never_share_a_table(tmp_path):
    session = examples.session(launches=2, targets=("local", "adb:1"))
    phone = Environment("adb:1", "adb", "a phone")
    items = [
        examples.ENVIRONMENT,
        phone,
        *(
            examples.launch("float32", block, target=t)
            for t in ("local", "adb:1")
            for block in (0, 1)
        ),
    ]
    made = assembled(tmp_path, items, session=session)
    assert [table.environment.label for table in made.tables] == ["this machine", "a phone"]
    assert all(table.rows[0].summary.launches == 2 for table in made.tables)


def test_a_target_that_was_never_reached_has_an_empty_table(tmp_path):
    session = examples.session(targets=("adb:1",))
    failure = Failure("float32", "adb:1", None, "device_lost", "it has gone", "plug it in")
    (table,) = assembled(tmp_path, [failure], session=session).tables
    assert table.environment.kind == "adb"
    assert "not reached" in table.environment.label
    assert all(row.summary is None for row in table.rows)
    assert table.rows[0].failure == failure


def test_a_target_that_cannot_do_what_was_asked_is_not_told_to_be_run_again(tmp_path):
    session = examples.session(targets=("adb:1",))
    failures = [
        Failure(name, "adb:1", None, "target", "it has no taskset", "leave --affinity away")
        for name in NAMES
    ]
    made = examples.write(tmp_path / "x.jsonl", session, failures, end=False)
    (told,) = (each for each in assemble(read(made)).warnings if each.code == "unfinished")
    assert told.hint.startswith("mend first what failed")


def test_warnings_tell_what_no_figure_says(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 2)]
    missing = examples.session(launches=6, data={"missing": "no test samples were given"})
    made = assembled(tmp_path / "a", items, session=missing, end=False)
    assert codes(made)[:3] == ["unfinished", "local", "no-accuracy"]
    assert "only 4 of 12 launches" in made.warnings[0].message
    phone = examples.session(launches=2, targets=("adb:1",))
    evaluated = [
        Environment("adb:1", "adb", "a phone"),
        examples.accuracy("float32", 9, top1=1.0),
        *(examples.launch("float32", block, target="adb:1") for block in (0, 1)),
    ]
    assert "accuracy-elsewhere" in codes(assembled(tmp_path / "b", evaluated, session=phone))
    assert "local" not in codes(assembled(tmp_path / "c", evaluated, session=phone))


def phone_report(folder, *answered):
    """Two launches of two variants on a phone, with what it answered."""
    items = [
        Environment("adb:1", "adb", "a phone"),
        examples.accuracy("float32", 200, top1=0.9),
        *answered,
        *(examples.launch(name, b, target="adb:1") for b in (0, 1) for name in NAMES),
    ]
    return assembled(folder, items, session=examples.session(launches=2, targets=("adb:1",)))


def test_answers_stand_in_their_rows_and_bad_ones_warn(tmp_path):
    made = phone_report(
        tmp_path,
        examples.answers("float32", top1=0.9),
        examples.answers("quantize:int8", "wrong", reason="NaN in 200 of 200 samples"),
    )
    rows = made.tables[0].rows
    assert [row.answers.verdict for row in rows] == ["same", "wrong"]
    assert "accuracy-elsewhere" not in codes(made)
    (warning,) = (each for each in made.warnings if each.code == "wrong-answers")
    assert (warning.variant, warning.target) == ("quantize:int8", "adb:1")
    assert warning.message == "answers wrongly: NaN in 200 of 200 samples"
    frame = made.to_dataframe()
    assert list(frame["answers"]) == ["same", "wrong"]
    assert frame.loc[0, "device_score"] == 0.9
    assert frame.loc[1, "answers_reason"] == "NaN in 200 of 200 samples"


def test_answers_that_are_not_known_say_why_once(tmp_path):
    unknown = [examples.answers(name, "not known", reason="no such flag") for name in NAMES]
    made = phone_report(tmp_path, *unknown)
    assert "accuracy-elsewhere" not in codes(made)
    lines = [line for line in text.render(made).splitlines() if "no such flag" in line]
    assert lines == ["warning: float32, quantize:int8 adb:1: no such flag: try another delegate"]


def test_the_data_frame_has_every_figure_with_its_unit(tmp_path):
    items = [
        examples.ENVIRONMENT,
        examples.accuracy("float32", 20, top1=0.9),
        examples.accuracy("quantize:int8", 20, top1=0.8, before=0.9, agreement=0.85),
        *examples.launches(NAMES, 6),
    ]
    frame = assembled(tmp_path, items).to_dataframe()
    assert list(frame.columns) == list(COLUMNS)
    float32, int8 = (frame.loc[index] for index in (0, 1))
    assert list(frame["variant"]) == NAMES
    assert list(frame["model"]) == ["tiny", "tiny"]
    assert list(frame["launches"]) == [6, 6]
    assert float32["median_low_us"] <= float32["median_us"] <= float32["median_high_us"]
    assert float32["median_kind"] == "samples"
    assert math.isnan(float32["ratio"])
    assert int8["ratio_low"] <= int8["ratio"] <= int8["ratio_high"] < 1
    assert int8["verdict"] == "faster"
    assert (int8["accuracy"], int8["agreement"]) == (0.8, 0.85)
    assert (int8["metric"], int8["score"]) == ("accuracy", 0.8)
    assert int8["loss"] == pytest.approx(0.1)
    assert int8["loss_low"] < int8["loss"] < int8["loss_high"]
    assert "agreement 85.00 %" in int8["scores"]
    assert math.isnan(float32["loss"])
    assert int8["size_ratio"] == 2.5
    assert float32["peak_bytes"] == pytest.approx(30_000_000)
    assert float32["init_low_us"] < float32["init_us"] < float32["init_high_us"]
    assert float32["first_us"] == pytest.approx(150)


def test_a_data_frame_without_figures_has_the_same_columns(tmp_path):
    failure = Failure("float32", "local", 0, "crash", "it broke", "again")
    frame = assembled(tmp_path, [failure]).to_dataframe()
    assert list(frame.columns) == list(COLUMNS)
    assert frame.loc[0, "error_class"] == "crash"
    assert frame["median_us"].isna().all()


def test_harness_cost_is_the_share_outside_launches():
    assert harness_cost(End(10.0, 9.0)) == pytest.approx(0.1)
    assert harness_cost(End(10.0, 18.0)) == 0.0  # two targets side by side
    assert harness_cost(End(0.0, 0.0)) == 0.0


def test_an_old_file_needs_nothing_but_itself(tmp_path):
    assert not any(v.path.exists() for v in SESSION.variants)
    made = assembled(tmp_path, examples.launches(NAMES, 6))
    assert made.session.plan == Plan(launches=6, runs=4)
