"""Figures as short as they can be and still true, in every format."""

from __future__ import annotations

import csv as csv_reader
import io
import json as json_reader
import re
from dataclasses import replace

import pytest

from bench import plugins
from bench.formats import csv, json, md, text
from bench.records import read
from bench.report import assemble
from bench.values import Environment, Failure
from tests import examples

NAMES = ["float32", "quantize:int8"]


def made(tmp_path, items, *, session=None, end=True):
    session = session or examples.session(launches=6)
    return assemble(read(examples.write(tmp_path / "x.jsonl", session, items, end=end)))


@pytest.fixture
def whole(tmp_path):
    accuracies = [
        examples.accuracy("float32", 1000, top1=0.9),
        examples.accuracy("quantize:int8", 1000, top1=0.875, before=0.9, agreement=0.99),
    ]
    items = [examples.ENVIRONMENT, *accuracies, *examples.launches(NAMES, 6)]
    return made(tmp_path, items)


@pytest.mark.parametrize(("base_us", "unit"), [(20, "µs"), (5000, "ms")])
def test_the_unit_suits_the_fastest_variant(tmp_path, base_us, unit):
    shown = text.render(made(tmp_path, examples.launches(NAMES, 6, base_us=base_us)))
    assert f"median {unit}" in shown


def test_medians_of_very_different_magnitude_stay_readable(tmp_path):
    fast = [examples.launch("quantize:int8", block, samples_us=[0.7] * 4) for block in range(6)]
    slow = [examples.launch("float32", block, samples_us=[2e6] * 4) for block in range(6)]
    shown = text.render(made(tmp_path, [*fast, *slow]))
    assert "2,000,000" in shown
    assert "0.700" in shown
    assert "e+" not in shown


def test_the_terminal_table(whole):
    shown = text.render(whole)
    assert shown.startswith("tiny on this machine · 1 thread · 6 launches × 4 runs\n")
    groups, header, float32, int8 = shown.splitlines()[2:6]
    assert groups.split() == ["file", "test", "samples", "latency"]
    assert header.split() == [
        "variant", "size", "zipped", "accuracy", "median", "µs", "p99", "µs", "vs", "float32",
    ]  # fmt: skip
    float32, int8 = (re.sub(r" {2,}", "  ", line).strip() for line in (float32, int8))
    assert float32.startswith("float32  1.00 kB  800 B  90.0 ±2.1%  100 ±0.3%  ")
    assert float32.endswith("baseline")
    assert int8.startswith("quantize:int8  400 B  200 B  87.5 ±2.2%  50.3 ±0.5%  ")
    assert int8.endswith("1.99x faster [1.99, 2.00]")
    assert "not shown: size-ratio, zipped-ratio, lost, init, first, memory (--columns all" in shown
    assert "median: samples" in shown
    assert "vs float32: time ratio of launches paired block by block, [ ] 96 %" in shown
    assert "accuracy: on 1,000 samples, [ ] 95 % over samples, of losses by paired" in shown
    assert "measured in 10.0 s, 5.0 % of it outside launches" in shown
    assert "warning: latency was measured on this machine's interpreter" in shown
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_without_labels_the_agreement_is_shown(tmp_path):
    items = [
        examples.accuracy("float32", 1000),
        examples.accuracy("quantize:int8", 1000, agreement=0.987),
        *examples.launches(NAMES, 6),
    ]
    shown = text.render(made(tmp_path, items))
    assert "agreement" in shown
    assert "98.7 ±1.0%" in shown
    assert "accuracy " not in shown.splitlines()[3]
    assert "lost" not in shown.splitlines()[3]  # what does not agree is the loss


def test_failures_are_shown_with_their_cure_once(tmp_path):
    # A lost target fails the launch in hand, and then every variant that was not finished.
    lost = [
        Failure("quantize:int8", "local", block, "device_lost", "it has gone", "plug it in")
        for block in (0, None)
    ]
    shown = text.render(made(tmp_path, [*lost, *examples.launches(["float32"], 6)]))
    line = "failed: quantize:int8 on local (device_lost): it has gone: plug it in"
    assert shown.count(line) == 1
    assert "failed: device_lost" in shown


def test_a_discarded_try_is_not_shown_as_a_failure(tmp_path):
    tried = Failure("float32", "local", 0, "crash", "it broke", "again", discarded=True)
    assert "failed" not in text.render(made(tmp_path, [tried, *examples.launches(NAMES, 6)]))


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
    odd = examples.variant("a|b\\|c\nd")
    session = examples.session(variants=[odd], launches=2)
    items = [examples.launch(odd.name, block) for block in (0, 1)]
    rows = [
        line
        for line in md.render(made(tmp_path, items, session=session)).splitlines()
        if line.startswith("|")
    ]
    assert len(rows) == 3
    assert rows[2].startswith("| a\\|b\\\\\\|c d |")


def test_csv_holds_every_figure_unrounded(whole):
    rows = list(csv_reader.DictReader(io.StringIO(csv.render(whole))))
    assert [row["variant"] for row in rows] == NAMES
    assert list(rows[0]) == list(whole.to_dataframe().columns)
    summary = whole.tables[0].rows[1].summary
    assert float(rows[1]["median_us"]) == summary.median_us.value
    assert rows[0]["ratio"] == ""


def test_csv_keeps_a_name_with_commas_and_quotes_whole(tmp_path):
    odd = examples.variant('quantize:int8,io=uint8,"x"\ny')
    session = examples.session(variants=[odd], launches=2)
    shown = csv.render(made(tmp_path, [examples.launch(odd.name)], session=session))
    (row,) = csv_reader.DictReader(io.StringIO(shown))
    assert row["variant"] == odd.name


def test_json_is_json_and_nothing_else(whole):
    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    body = json_reader.loads(json.render(whole), parse_constant=refuse)
    assert list(body) == [
        *("session", "environments", "rows", "profiles", "failures", "warnings"),
    ]
    assert body["session"]["model"]["name"] == "tiny"
    assert body["session"]["complete"] is True
    assert body["rows"][0]["ratio"] is None
    assert body["rows"][1]["verdict"] == "faster"
    assert body["rows"][1]["median_us"] == whole.tables[0].rows[1].summary.median_us.value
    assert body["warnings"][0]["hint"]


def test_two_targets_are_two_tables(tmp_path):
    session = examples.session(launches=2, targets=("local", "adb:1"))
    items = [
        examples.ENVIRONMENT,
        Environment("adb:1", "adb", "a phone"),
        *(examples.launch("float32", b, target=t) for t in ("local", "adb:1") for b in (0, 1)),
    ]
    shown = text.render(made(tmp_path, items, session=session))
    assert shown.count("variant ") == 2
    assert shown.index("this machine") < shown.index("a phone")


def test_named_recipes_are_spelt_out_below_the_table(tmp_path):
    session = examples.session(launches=6)
    variants = (session.variants[0], replace(session.variants[1], name="small", recipe="prune:0.5"))
    items = examples.launches([each.name for each in variants], 6)
    named = replace(session, variants=variants)
    report = assemble(read(examples.write(tmp_path / "x.jsonl", named, items)))
    for name in ("text", "md"):
        shown = plugins.load("formats", name).render(report)
        assert "small: prune:0.5" in shown
        assert "float32: float32" not in shown
    assert list(report.to_dataframe().recipe.fillna("")) == ["", "prune:0.5"]


@pytest.fixture
def on_a_phone(tmp_path):
    items = [
        Environment("adb:1", "adb", "a phone"),
        examples.accuracy("float32", 1000, top1=0.9),
        examples.answers("float32", "rounds differently", top1=0.895, agreement=0.995),
        examples.answers("quantize:int8", "wrong", reason="NaN in 200 of 200 samples"),
        *(examples.launch(name, b, target="adb:1") for b in range(6) for name in NAMES),
    ]
    session = examples.session(launches=6, targets=("adb:1",))
    return made(tmp_path, items, session=session)


@pytest.mark.parametrize("renderer", [text, md])
def test_the_first_column_of_figures_is_the_verdict_on_answers(on_a_phone, renderer):
    shown = renderer.render(on_a_phone)
    rows = [re.split(r"\s*\|\s*|\s{2,}", line.strip(" |")) for line in shown.splitlines()]
    header = next(row for row in rows if row[0] == "variant")
    assert header[1] == "answers"
    by_name = {row[0]: row[1] for row in rows if row[0] in NAMES}
    verdict = "rounds" if renderer is text else "rounds differently"
    assert by_name == {"float32": verdict, "quantize:int8": "wrong"}
    assert "rounds differently" in shown
    assert "on phone" in shown
    assert ("89.5 ±5.1%" if renderer is text else "89.50 % [84.5, 93.0] |") in shown
    assert ("not shown: agrees" if renderer is text else "99.50 %") in shown
    assert ("accuracy: on 1,000 samples" in shown) == (renderer is md)  # nothing of it is shown
    assert "each row on 200 test samples of its own" in shown
    assert "answers wrongly: NaN in 200 of 200 samples" in shown


def test_files_for_machines_hold_the_answers_too(on_a_phone):
    rows = json_reader.loads(json.render(on_a_phone))["rows"]
    assert [row["answers"] for row in rows] == ["rounds differently", "wrong"]
    assert "device_agreement" in csv.render(on_a_phone).splitlines()[0]


def test_where_nothing_was_asked_there_is_no_column_for_it(whole):
    assert "answers " not in text.render(whole).replace("paired answers", "")
