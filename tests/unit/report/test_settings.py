"""Reports of several settings: pairing, accuracy, the best setting, and what to tell an app."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import cells, plugins
from bench.records import read
from bench.report import Report, assemble
from bench.report.best_settings import best_settings, best_text
from bench.report.in_app import in_app
from bench.report.recommend import Requirements, recommendations
from bench.report.setting_warnings import setting_warnings
from bench.values import Environment, Failure, Plan, Setting
from tests import examples

SETTINGS = (Setting(1), Setting(2))
PLAN = Plan(launches=8, runs=4, settings=SETTINGS)
CELLS = cells.expand((examples.FLOAT32, examples.INT8), PLAN)
NAMES = [cell.name for cell in CELLS]


def report(path: Path, *items: object) -> Report:
    session = examples.session(variants=CELLS, plan=PLAN)
    return assemble(read(examples.write(path / "r.jsonl", session, items)))


def launches(*times_us: float) -> list[object]:
    """Eight blocks, each cell with its own time."""
    return [
        examples.launch(
            name, block, samples_us=[time + block * 0.1 + run / 100 for run in range(4)]
        )
        for block in range(8)
        for name, time in zip(NAMES, times_us, strict=True)
    ]


def evaluated() -> list[object]:
    return [
        examples.accuracy("float32", 1000, 0.9),
        examples.accuracy("quantize:int8", 1000, 0.9, before=0.9, swapped=2),
    ]


def test_every_cell_is_held_against_the_first_variant_under_the_first_setting(tmp_path) -> None:
    made = report(tmp_path, *evaluated(), *launches(100, 50, 40, 80))
    rows = made.tables[0].rows
    assert [row.variant.name for row in rows] == NAMES
    assert [row.setting for row in rows] == [*SETTINGS, *SETTINGS]
    assert rows[0].comparison is None
    assert [row.comparison.ratio for row in rows[1:]] == pytest.approx([0.5, 0.4, 0.8], rel=0.01)
    assert {row.baseline.name for row in rows} == {"float32 @ 1 thread"}


def test_a_file_is_evaluated_once_and_every_cell_shows_it(tmp_path) -> None:
    rows = report(tmp_path, *evaluated(), *launches(100, 50, 40, 80)).tables[0].rows
    assert [row.accuracy.variant for row in rows] == [*["float32"] * 2, *["quantize:int8"] * 2]
    assert rows[1].loss == 0.0
    assert rows[2].loss == rows[3].loss == pytest.approx(0.0)


def test_the_best_setting_is_named_where_it_is_certain(tmp_path) -> None:
    made = report(tmp_path, *launches(100, 50, 40, 40))
    table = made.tables[0]
    first, second = best_settings(made, table)
    assert best_text(first, table) == "float32: 2 threads"
    assert best_text(second, table) == "quantize:int8: no clear best"
    text = plugins.load("formats", "text").render(made)
    assert "best setting: float32: 2 threads; quantize:int8: no clear best" in text


def test_one_setting_names_no_best_one(tmp_path) -> None:
    made = assemble(read(examples.write(tmp_path / "r.jsonl", examples.session(), [])))
    assert best_settings(made, made.tables[0]) == ()


def test_a_cell_that_fails_leaves_the_others_of_its_variant(tmp_path) -> None:
    failure = Failure(NAMES[1], "local", 0, "setting", "no", "none")
    kept = [each for each in launches(100, 50, 40, 80) if each.variant != NAMES[1]]
    made = report(tmp_path, *kept, failure)
    table = made.tables[0]
    assert [row.failure is not None for row in table.rows] == [False, True, False, False]
    first, second = best_settings(made, table)
    assert best_text(first, table) == "float32: 1 thread (no other was measured)"
    assert best_text(second, table) == "quantize:int8: 1 thread"


def test_variant_and_setting_are_recommended_together(tmp_path) -> None:
    made = report(tmp_path, *evaluated(), *launches(100, 50, 80, 40))
    chosen = made.best()
    assert (chosen.variant.base, chosen.setting) == ("quantize:int8", Setting(2))
    assert "setNumThreads(2)" in chosen.in_app.kotlin


def test_of_settings_as_fast_the_one_with_fewest_threads_is_recommended(tmp_path) -> None:
    made = report(tmp_path, *evaluated(), *launches(100, 100, 40, 40))
    (found,) = recommendations(made, Requirements(), "latency")
    assert found.chosen.variant.name == "quantize:int8 @ 1 thread"
    assert [row.variant.name for row in found.equals] == ["quantize:int8 @ 2 threads"]
    (by_size,) = recommendations(made, Requirements(), "size")
    assert by_size.chosen.variant.name == "quantize:int8 @ 1 thread"


def test_one_loss_is_judged_once_however_many_settings(tmp_path) -> None:
    made = report(tmp_path, *evaluated(), *launches(100, 50, 40, 80))
    (found,) = recommendations(made, Requirements(), "latency")
    assert "losses together" not in found.loss_limit


@pytest.mark.parametrize("name", ["text", "md"])
def test_tables_group_by_variant(tmp_path, name) -> None:
    made = report(tmp_path, *launches(100, 50, 40, 80))
    lines = plugins.load("formats", name).render(made).splitlines()
    first = [line.strip("| ") for line in lines]
    settings = [line for line in first if re.search(r"[ 8] (1 thread|2 threads) ", line)]
    starts = [line.split()[0] for line in settings if line.startswith(("float32 ", "″", "quant"))]
    assert starts == ["float32", "″", "quantize:int8", "″"]


@pytest.mark.parametrize("delegate", [None, "none", "xnnpack", "gpu", "nnapi", "hexagon", "npu"])
def test_an_app_is_told_every_setting(delegate) -> None:
    told = in_app(Setting(3, delegate, "big"))
    assert "--num_threads=3" in told.flags
    assert "big CPUs" in told.flags
    for code in (told.kotlin, told.cpp):
        assert code.startswith("// bound to the big CPUs")
    if delegate != "npu":
        assert "setNumThreads(3)" in told.kotlin
        assert "SetNumThreads(3)" in told.cpp
    plain = in_app(Setting(3, delegate))
    assert "CPUs" not in plain.kotlin + plain.cpp + plain.flags


def test_what_litert_2_has_lost_is_told_with_what_stands_for_it() -> None:
    assert "CompiledModel.Options(Accelerator.GPU" in in_app(Setting(1, "gpu")).kotlin
    assert "not in LiteRT 2" in in_app(Setting(1, "nnapi")).kotlin


@pytest.mark.parametrize("delegate", ["xnnpack", "gpu", "hexagon"])
def test_a_delegate_that_is_made_is_one_that_can_be_deleted(delegate) -> None:
    code = in_app(Setting(2, delegate)).cpp
    made = re.search(r"delegate = (TfLite\w+Delegate(?:V2)?)Create\(&options\)", code)
    assert made is not None
    assert f"{made[1]}Delete(delegate)" in code


def test_delegates_are_told_apart() -> None:
    named = ("none", "xnnpack", "gpu", "nnapi", "hexagon", "npu")
    told = [in_app(Setting(1, each)) for each in named]
    for texts in zip(*((each.flags, each.kotlin, each.cpp) for each in told), strict=True):
        assert len(set(texts)) == len(named)


def test_a_cell_of_an_unknown_file_is_still_one_file(tmp_path) -> None:
    renamed = tuple(replace(cell, facts=None) for cell in CELLS)
    assert [each.name for each in cells.files_of(renamed)] == ["float32", "quantize:int8"]


def test_more_threads_than_cpus_are_told_by_setting(tmp_path) -> None:
    facts = {"usable_cpus": {"": 2, "big": 1}}
    here = Environment("local", "local", "here", facts)
    settings = (Setting(1), Setting(4), Setting(2, affinity="big"), Setting(2))
    plan = Plan(settings=settings)
    told = list(setting_warnings(plan, here))
    assert [(each.code, each.target) for each in told] == [("threads-beyond-cpus", "local")] * 2
    assert told[0].message.startswith("4 threads, all CPUs on 2 CPUs: they wait")
    assert told[0].hint == "--threads 2 at most there, or more CPUs"
    assert told[1].message.startswith("2 threads, big CPUs on 1 CPU:")
    assert told[1].hint.endswith("or no --affinity")
    assert not list(setting_warnings(plan, replace(here, facts={})))
    path = examples.write(
        tmp_path / "r.jsonl",
        examples.session(plan=replace(PLAN, threads=3, settings=())),
        [here, *examples.launches(["float32", "quantize:int8"], 3)],
    )
    warned = [each for each in assemble(read(path)).warnings if each.code == told[0].code]
    assert [each.message for each in warned] == ["3 threads on 2 CPUs: they wait for each other"]
