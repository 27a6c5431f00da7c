"""Cold and warm starts in a report: figures over pairs, columns, and reasons for none."""

from __future__ import annotations

import re

import pytest

from bench.formats import html, md, text
from bench.records import read
from bench.report import assemble
from bench.report.view import View
from bench.values import Environment, Plan, StartPair
from tests import examples

NAMES = ("float32", "quantize:int8")
PHONE = Environment("adb:1", "adb", "a phone")


def pair(number: int, cold_us: float, warm_us: float, *, target: str = "adb:1") -> StartPair:
    return StartPair("float32", target, number, cold_us, warm_us, "packed weights", 1_500_000)


@pytest.fixture
def report(tmp_path):
    """Seven pairs of the baseline; none of the other variant."""
    items = [
        PHONE,
        StartPair("quantize:int8", "adb:1", 0, fault="no cache there", hint="name a delegate"),
        *(
            examples.launch(name, block, target="adb:1", samples_us=[900 + block])
            for block in range(3)
            for name in NAMES
        ),
        *(pair(number, 9000.0 + 100 * number, 90.0 + number) for number in range(7)),
    ]
    session = examples.session(targets=("adb:1",), plan=Plan(launches=3, runs=1, warm_starts=7))
    return assemble(read(examples.write(tmp_path / "x.jsonl", session, items)))


def test_the_figures_are_medians_over_pairs_with_their_intervals(report):
    starts, other = (row.starts for row in report.tables[0].rows)
    assert (starts.pairs, starts.cache_bytes) == (7, 1_500_000)
    assert starts.cold_init_us.value == pytest.approx(9300, rel=0.001)
    assert 9000 <= starts.cold_init_us.low < 9100
    assert 95 < starts.warm_init_us.high < 97
    assert (other.pairs, other.cold_init_us, other.fault) == (0, None, "no cache there")


def test_both_columns_have_one_unit_and_cells_without_figures_are_explained(report):
    shown = text.render(report, view=View(("cold-init", "warm-init")))
    assert "cold init µs" in shown
    assert "warm init µs" in shown
    assert re.search(r"9,300 \[9,0\d\d, 9,5\d\d\] +93\.0 \[90\.\d, 96\.\d\]", shown)
    assert "7 pairs of further launches" in shown
    assert "packed weights: 1.50 MB" in shown
    assert "quantize:int8 adb:1: no warm start measured: no cache there: name a delegate" in shown
    assert "CompiledModel" not in shown
    for page in (md.render(report), html.fragment(report)):
        assert "cold init" in page
        assert "9,300" in page


def test_a_data_frame_has_both_with_their_ends(report):
    line = report.to_dataframe().iloc[0]
    assert line["start_pairs"] == 7
    assert line["cache_bytes"] == 1_500_000
    assert line["cold_init_low_us"] < line["cold_init_us"] < line["cold_init_high_us"]
    assert line["warm_init_us"] == pytest.approx(93, rel=0.001)


def test_a_report_without_pairs_has_neither_columns_nor_notes(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 3)]
    made = assemble(read(examples.write(tmp_path / "x.jsonl", examples.session(), items)))
    assert made.tables[0].rows[0].starts is None
    assert "cold init" not in text.render(made, view=View(("all",)))


def test_a_pair_that_failed_and_was_made_later_counts(tmp_path):
    fault = StartPair("float32", "local", 0, fault="it broke", hint="again", error_class="crash")
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 3), fault]
    later = [pair(0, 900.0, 90.0, target="local")]
    session = examples.session(plan=Plan(launches=3, runs=4, warm_starts=1))
    made = assemble(read(examples.write(tmp_path / "x.jsonl", session, [*items, *later])))
    starts = made.tables[0].rows[0].starts
    assert (starts.pairs, starts.fault) == (1, "")
    assert not [each for each in made.warnings if each.code == "no-warm-start"]


def test_missing_pairs_of_a_whole_set_of_launches_are_told(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 3)]
    session = examples.session(plan=Plan(launches=3, runs=4, warm_starts=2))
    path = examples.write(tmp_path / "x.jsonl", session, items, end=False)
    shown = text.render(assemble(read(path)))
    assert "not all cold and warm starts were made: run the same command again" in shown
