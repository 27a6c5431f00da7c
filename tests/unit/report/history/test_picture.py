"""What is drawn, read from the figure itself; how it looks was looked at."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.report.history import _panels, load, picture
from bench.values import Plan
from tests.unit.report.history.stories import LOCAL, NAMES, PHONE, report

pytest.importorskip("matplotlib")
OTHER = replace(LOCAL, facts={"cpu": "another", "threads": 1})


def figure_of(folder):
    return picture._figure(load(folder, "tiny"))


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_panel_per_target_and_setting_and_one_for_sizes(tmp_path):
    report(tmp_path, 1, environments=[LOCAL, PHONE])
    report(tmp_path, 2, plan=Plan(threads=4, launches=10))
    assert titles(figure_of(tmp_path)) == [
        "this machine · 1 thread",
        "a phone · 1 thread",
        "this machine · 4 threads",
        "size",
    ]


def test_accuracies_have_a_panel_where_there_are_any(tmp_path):
    report(tmp_path, 1, accuracies={"float32": 0.9})
    assert titles(figure_of(tmp_path))[-1] == "accuracy, %"


def test_each_line_is_named_beside_it(tmp_path):
    report(tmp_path, 1)
    assert sorted(texts(figure_of(tmp_path).axes[0])) == ["float32", "quantize:int8"]


def joined(axes):
    """The reports that each line of medians goes through."""
    lines = [line for line in axes.get_lines() if line.get_linestyle() != "None"]
    return [[int(x) for x in line.get_xdata()] for line in lines if len(line.get_xdata())]


def test_lines_end_where_the_environment_changes(tmp_path):
    for number in range(1, 7):
        report(tmp_path, number, environments=[LOCAL if number < 4 else OTHER])
    (latencies, _) = figure_of(tmp_path).axes
    through = joined(latencies)
    assert through.count([0, 1, 2]) == 2
    assert through.count([3, 4, 5]) == 2
    assert "other cpu" in texts(latencies)


def test_environments_that_take_turns_get_panels_of_their_own(tmp_path):
    for number in range(1, 6):
        report(tmp_path, number, environments=[LOCAL if number % 2 else OTHER])
    figure = figure_of(tmp_path)
    assert titles(figure)[:2] == ["this machine · 1 thread", "this machine · 1 thread · other cpu"]
    assert joined(figure.axes[0]) == [[0, 2, 4]] * 2
    assert joined(figure.axes[1]) == [[1, 3]] * 2


def test_changes_are_marked_with_their_figure(tmp_path):
    for number in range(1, 13):
        late = number >= 8
        report(
            tmp_path,
            number,
            levels={"quantize:int8": 1.3 if late else 1.0},
            size_bytes=500 if late else 400,
            accuracies={"quantize:int8": 0.8 if late else 0.9},
        )
    latencies, sizes, accuracies = figure_of(tmp_path).axes
    assert any(text.endswith("x slower") for text in texts(latencies))
    assert texts(sizes) == ["+25.0 %"]
    assert texts(accuracies) == ["-10.00"]


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_same_history_gives_the_same_bytes(tmp_path, kind, start):
    report(tmp_path, 1)
    found = load(tmp_path, "tiny")
    drawn = picture.draw(found, kind)
    assert drawn.startswith(start)
    assert picture.draw(found, kind) == drawn


def test_one_launch_without_an_interval_is_drawn(tmp_path):
    report(tmp_path, 1, launches=1)
    assert picture.draw(load(tmp_path, "tiny"), "png")


def test_where_matplotlib_is_missing_the_cure_is_named(tmp_path, monkeypatch):
    report(tmp_path, 1)
    found = load(tmp_path, "tiny")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r"pip install 'tflite-bench\[plot\]'"):
        picture.draw(found, "png")


def test_names_that_would_overlap_move_apart_as_little_as_may_be():
    assert _panels.apart({"a": 0.1, "b": 0.9}, 0.05) == pytest.approx({"a": 0.1, "b": 0.9})
    placed = _panels.apart({"a": 0.50, "b": 0.51, "c": 0.52, "d": 0.9}, 0.05)
    assert placed == pytest.approx({"a": 0.46, "b": 0.51, "c": 0.56, "d": 0.9})
    assert _panels.apart({}, 0.05) == {}


def test_names_at_one_height_keep_their_order():
    placed = _panels.apart(dict.fromkeys("abc", 0.5), 0.1)
    assert placed == pytest.approx({"a": 0.4, "b": 0.5, "c": 0.6})


@pytest.mark.parametrize(
    ("started", "labels"),
    [
        (["2026-09-01T12:00:00", "2026-09-13T12:00:00"], ["1 Sep\n2026", "13 Sep"]),
        (["2026-12-31T12:00:00", "2027-01-01T12:00:00"], ["31 Dec\n2026", "1 Jan\n2027"]),
        (["2026-09-01T08:00:00", "2026-09-01T09:30:00"], ["1 Sep\n08:00", "1 Sep\n09:30"]),
        (["?"], ["?"]),
    ],
)
def test_dates_are_as_short_as_they_can_be(started, labels):
    assert _panels.dates(started) == labels


def test_words_at_changes_of_several_variants_stand_clear_of_each_other(tmp_path):
    for number in range(1, 9):
        report(tmp_path, number, levels=dict.fromkeys(NAMES, 0.5 if number >= 5 else 1.0))
    figure = figure_of(tmp_path)
    figure.canvas.draw()
    words = [text for text in figure.axes[0].texts if text.get_text().endswith("faster")]
    first, second = (text.get_window_extent() for text in words)
    assert not first.overlaps(second)
