"""Figures as short as they can be and still true, in every format."""

from __future__ import annotations

import csv as csv_reader
import io
import json as json_reader
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import report, store
from bench.formats import _layout, csv, json, md, text
from bench.values import Accuracy, Environment, Estimate, Failure, Missing
from tests import records

NAMES = ["float32", "quantize:int8"]


def made(tmp_path, items, *, session=None, end=True):
    session = session or records.session(launches=6)
    return report.assemble(store.read(records.write(tmp_path / "x.jsonl", session, items, end=end)))


@pytest.fixture
def whole(tmp_path):
    accuracies = [
        Accuracy("float32", 10, top1=0.9),
        Accuracy("quantize:int8", 10, top1=0.875, agreement=0.99),
    ]
    items = [records.ENVIRONMENT, *accuracies, *records.launches(NAMES, 6)]
    return made(tmp_path, items)


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (547_312, "547 kB"),
        (2_714_000, "2.71 MB"),
        (3_210_000_000, "3.21 GB"),
        (3_210_000_000_000, "3,210 GB"),
    ],
)
def test_sizes(size_bytes, shown):
    assert _layout.size(size_bytes) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0.00"),
        (0.0123, "0.0123"),
        (1.2, "1.20"),
        (25.16, "25.2"),
        (252, "252"),
        (12400, "12,400"),
    ],
)
def test_three_digits(value, shown):
    assert _layout.three_digits(value) == shown


@given(st.floats(1e-6, 1e9))
def test_three_digits_are_true_and_have_no_exponent(value):
    shown = _layout.three_digits(value)
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=5.1e-3)
    assert "e" not in shown


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (1.213, 1.198, 1.231, "1.21 [1.20, 1.23]"),
        (100.0, 99.98, 100.04, "100.00 [99.98, 100.04]"),
        (5.0, None, None, "5.00"),
        (5.0, 5.0, 5.0, "5.00 [5.00, 5.00]"),
        (31_000, 30_000, 32_500, "31,000 [30,000, 32,500]"),
    ],
)
def test_intervals_show_their_bounds_apart(value, low, high, shown):
    assert _layout.interval(Estimate(value, low, high, "samples")) == shown


def test_a_missing_p99_tells_what_it_takes():
    assert _layout.p99(Missing("too few", launches=1), 1.0) == "needs 1 more launch"
    assert _layout.p99(Missing("too few", launches=9), 1.0) == "needs 9 more launches"
    assert _layout.p99(Missing("the tool prints no maximum"), 1.0) == "the tool prints no maximum"


@pytest.mark.parametrize(("base_us", "unit"), [(20, "µs"), (5000, "ms")])
def test_the_unit_suits_the_fastest_variant(tmp_path, base_us, unit):
    shown = text.render(made(tmp_path, records.launches(NAMES, 6, base_us=base_us)))
    assert f"median {unit}" in shown


def test_medians_of_very_different_magnitude_stay_readable(tmp_path):
    fast = [records.launch("quantize:int8", block, samples_us=[0.7] * 4) for block in range(6)]
    slow = [records.launch("float32", block, samples_us=[2e6] * 4) for block in range(6)]
    shown = text.render(made(tmp_path, [*fast, *slow]))
    assert "2,000,000" in shown
    assert "0.700" in shown
    assert "e+" not in shown


def test_the_terminal_table(whole):
    shown = text.render(whole)
    assert shown.startswith("tiny on this machine · 1 thread · 6 launches × 4 runs\n")
    header, float32, int8 = shown.splitlines()[2:5]
    assert header.split() == [
        "variant", "size", "zipped", "accuracy", "median", "µs", "p99", "µs", "vs", "float32",
    ]  # fmt: skip
    assert re.match(r"\s+float32\s+1.00 kB\s+800 B\s+90.00 %\s+100.*baseline$", float32)
    assert re.match(r"\s+quantize:int8\s+400 B\s+2.50x\s+200 B\s+4.00x\s+87.50 %", int8)
    assert re.search(r"  2\.0x faster \[1\.99, 2\.00\]$", int8)
    assert "median: samples" in shown
    assert "measured in 10.0 s, 5.0 % of it outside launches" in shown
    assert "warning: latency was measured on this machine's interpreter" in shown
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_without_labels_the_agreement_is_shown(tmp_path):
    items = [
        Accuracy("float32", 10),
        Accuracy("quantize:int8", 10, agreement=0.987),
        *records.launches(NAMES, 6),
    ]
    shown = text.render(made(tmp_path, items))
    assert "agreement" in shown
    assert "98.70 %" in shown
    assert "accuracy " not in shown.splitlines()[2]


def test_failures_are_shown_with_their_cure_once(tmp_path):
    # A lost target fails the launch in hand, and then every variant that was not finished.
    lost = [
        Failure("quantize:int8", "local", block, "device_lost", "it has gone", "plug it in")
        for block in (0, None)
    ]
    shown = text.render(made(tmp_path, [*lost, *records.launches(["float32"], 6)]))
    line = "failed: quantize:int8 on local (device_lost): it has gone: plug it in"
    assert shown.count(line) == 1
    assert "failed: device_lost" in shown


def test_a_discarded_try_is_not_shown_as_a_failure(tmp_path):
    tried = Failure("float32", "local", 0, "crash", "it broke", "again", discarded=True)
    assert "failed" not in text.render(made(tmp_path, [tried, *records.launches(NAMES, 6)]))


@pytest.mark.parametrize("form", [text, md, csv, json])
def test_no_launch_at_all_is_still_a_report(tmp_path, form):
    assert form.render(made(tmp_path, [], end=False))


def test_colours_only_where_they_are_asked_for(whole):
    assert "\033[" not in text.render(whole)
    coloured = text.render(whole, colour=True)
    assert "\033[32m" in coloured
    assert re.sub(r"\033\[\d+m", "", coloured) == text.render(whole)


def test_markdown_is_a_table_that_github_reads(whole):
    lines = md.render(whole).splitlines()
    assert lines[0] == "**tiny on this machine · 1 thread · 6 launches × 4 runs**"
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert re.fullmatch(r"\|:?-+:?(\|:?-+:?)*\|", table[1].replace(" ", ""))


def test_markdown_cannot_be_broken_by_a_name(tmp_path):
    odd = records.variant("a|b\\|c\nd")
    session = records.session(variants=[odd], launches=2)
    items = [records.launch(odd.name, block) for block in (0, 1)]
    rows = [
        line
        for line in md.render(made(tmp_path, items, session=session)).splitlines()
        if line.startswith("|")
    ]
    assert len(rows) == 3
    assert rows[0].endswith("vs a\\|b\\\\\\|c d |")
    assert rows[2].startswith("| a\\|b\\\\\\|c d |")


def test_csv_holds_every_figure_unrounded(whole):
    rows = list(csv_reader.DictReader(io.StringIO(csv.render(whole))))
    assert [row["variant"] for row in rows] == NAMES
    assert list(rows[0]) == list(whole.to_dataframe().columns)
    summary = whole.tables[0].rows[1].summary
    assert float(rows[1]["median_us"]) == summary.median_us.value
    assert rows[0]["ratio"] == ""


def test_csv_keeps_a_name_with_commas_and_quotes_whole(tmp_path):
    odd = records.variant('quantize:int8,io=uint8,"x"\ny')
    session = records.session(variants=[odd], launches=2)
    shown = csv.render(made(tmp_path, [records.launch(odd.name)], session=session))
    (row,) = csv_reader.DictReader(io.StringIO(shown))
    assert row["variant"] == odd.name


def test_json_is_json_and_nothing_else(whole):
    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    body = json_reader.loads(json.render(whole), parse_constant=refuse)
    assert list(body) == [
        *("session", "environments", "rows", "profiles", "failures", "cautions"),
    ]
    assert body["session"]["model"]["name"] == "tiny"
    assert body["session"]["complete"] is True
    assert body["rows"][0]["ratio"] is None
    assert body["rows"][1]["verdict"] == "faster"
    assert body["rows"][1]["median_us"] == whole.tables[0].rows[1].summary.median_us.value
    assert body["cautions"][0]["advice"]


def test_two_targets_are_two_tables(tmp_path):
    session = records.session(launches=2, targets=("local", "adb:1"))
    items = [
        records.ENVIRONMENT,
        Environment("adb:1", "adb", "a phone"),
        *(records.launch("float32", b, target=t) for t in ("local", "adb:1") for b in (0, 1)),
    ]
    shown = text.render(made(tmp_path, items, session=session))
    assert shown.count("variant ") == 2
    assert shown.index("this machine") < shown.index("a phone")


def test_a_long_recipe_is_shown_without_options_that_nobody_needs_to_tell_it_apart():
    long = "channels:0.5,batch=128,distill=0.5,epochs=12+quantize:int8"
    alike = "prune:0.5,batch=128,distill=0.5,epochs=12,lr=0.001"
    other = "prune:0.5,batch=128,distill=0.5,epochs=24,lr=0.001"
    names = ["float32", "quantize:dynamic,per_channel_dense=no", long, alike, other]
    assert _layout.labels(names) == {
        **{name: name for name in names},
        long: "channels:0.5+quantize:int8",
    }


def test_a_label_is_never_another_variants_name():
    long = "tune,batch=128,distill=0.5,epochs=12,lr=0.001"
    assert _layout.labels(["tune", long])[long] == long
