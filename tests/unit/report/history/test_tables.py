"""A history for people and for programs."""

from __future__ import annotations

import csv
import io

import pytest

from bench.report.history import load, tables
from tests.unit.report.history.stories import LOCAL, PHONE, report


@pytest.fixture
def found(tmp_path):
    for number in range(1, 9):
        report(
            tmp_path,
            number,
            environments=[LOCAL, PHONE],
            levels={"quantize:int8": 0.4 if number >= 5 else 1.0},
            accuracies={"float32": 0.9},
        )
    return load(tmp_path, "tiny")


def test_one_table_per_track_with_what_changed(found):
    shown = tables.text(found)
    assert shown.count("tiny on this machine · 1 thread") == 1
    assert shown.count("tiny on a phone · 1 thread") == 1
    lines = [line for line in shown.splitlines() if "2026-09-05" in line]
    assert sum("median 2.5x faster, p99 2.5x faster" in line for line in lines) == 2
    assert "90.00 %" in shown
    assert "µs" in shown  # a median below 100 µs turns its table to microseconds


def test_a_variant_is_named_once(found):
    assert tables.text(found).count("quantize:int8") == 2


def test_markdown_has_the_same_rows(found):
    rendered = tables.markdown(found)
    rows = [line for line in rendered.splitlines() if line.startswith("|")]
    assert len(rows) == 2 * (2 + 16)
    assert rendered.startswith("**tiny on this machine")


def test_csv_is_one_line_per_figure_and_unrounded(found):
    rows = list(csv.DictReader(io.StringIO(tables.csv(found))))
    assert len(rows) == 2 * 16
    assert len({(row["target"], row["variant"], row["report"]) for row in rows}) == 32
    changed = [row for row in rows if row["median_change"]]
    assert {(row["variant"], row["report"]) for row in changed} == {("quantize:int8", "r05")}
    point = found.tracks[0].series[0].points[0]
    first = next(r for r in rows if (r["report"], r["variant"]) == ("r01", "float32"))
    assert float(first["median_us"]) == pytest.approx(point.median_us.value, rel=1e-12)


def test_a_report_that_does_not_say_when():
    assert tables.local_time("") is None
