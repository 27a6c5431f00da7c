"""Small multiples: a chart for each target and setting, on equal axes, one colour a variant."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from bench import cells
from bench.formats import html, svg
from bench.records import read
from bench.report import assemble
from bench.values import Environment, Plan, Setting
from tests import examples

pytest.importorskip("altair", reason="the extra `plot` is not installed")

PLAN = Plan(launches=6, runs=4, settings=(Setting(1), Setting(2)))
CELLS = cells.expand((examples.FLOAT32, examples.INT8), PLAN)
FILES = ["float32", "quantize:int8"]


def report(path, *, targets=("local",), plan=PLAN, variants=CELLS, accuracy=True):
    """Launches on several targets, each slower than the one before."""
    items = [Environment(target, "adb", f"a phone ({target})") for target in targets]
    if accuracy:
        items += [examples.accuracy("float32", 500, 0.9)]
        items += [examples.accuracy("quantize:int8", 500, 0.9, before=0.9, swapped=2)]
    names = [variant.name for variant in variants]
    for number, target in enumerate(targets, start=1):
        made = examples.launches(names, 6, base_us=100.0 * number)
        items += [replace(each, target=target) for each in made]
    session = examples.session(variants=variants, plan=plan, targets=targets)
    return assemble(read(examples.write(path / "r.jsonl", session, items)))


def drawn(made):
    page = html.render(made)
    (data,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)
    return page[: page.index('<script type="application/json"')], json.loads(data)


def domains(spec, name):
    """The domains of the scales of that name, wherever in a chart they stand."""
    found = [scale["domain"] for scale in spec.get("scales", ()) if scale["name"] == name]
    for mark in spec.get("marks", ()):
        found += domains(mark, name)
    return found


def test_each_setting_has_a_chart_of_each_kind_under_its_name(tmp_path):
    page, specs = drawn(report(tmp_path))
    for kind in ("pareto-median", "launches", "spread"):
        assert {key for key in specs if key.startswith(kind)} == {f"{kind}-0", f"{kind}-1"}
    titles = re.findall(r"<figure><h4>(.*?)</h4>", page)
    assert titles == ["1 thread", "2 threads"] * 3


def test_a_file_is_as_large_under_every_setting_and_on_every_phone(tmp_path):
    _, specs = drawn(report(tmp_path, targets=("adb:1", "adb:2")))
    assert [key for key in specs if key.startswith("pareto-zipped")] == ["pareto-zipped"]


@pytest.mark.parametrize(
    ("kind", "scales"),
    [
        ("pareto-median", ("x", "y")),
        ("launches", ("x", "y")),
        ("spread", ("x", "y")),
    ],
)
@pytest.mark.parametrize("targets", [("local",), ("adb:1", "adb:2")])
def test_the_axes_of_all_panels_are_equal(tmp_path, kind, scales, targets):
    _, specs = drawn(report(tmp_path, targets=targets))
    panels = [specs[key] for key in specs if key.startswith(kind)]
    assert len(panels) == 2 * len(targets)
    for name in scales:
        first, *others = [domains(spec, name) for spec in panels]
        assert first
        assert all(isinstance(end, float | int) for domain in first for end in domain)
        assert others == [first] * len(others)


def test_a_variant_has_one_colour_in_all_panels(tmp_path):
    _, specs = drawn(report(tmp_path))
    colours = {
        json.dumps([scale["domain"], scale["range"]])
        for key, spec in specs.items()
        if key.startswith(("pareto", "launches", "spread"))
        for scale in spec["scales"]
        if scale["name"] == "color"
    }
    (only,) = colours
    assert json.loads(only)[0] == FILES


def test_phones_are_panels_with_their_own_launches_each(tmp_path):
    variants = (examples.FLOAT32, examples.INT8)
    made = report(
        tmp_path, targets=("adb:1", "adb:2"), plan=Plan(launches=6, runs=4), variants=variants
    )
    page, specs = drawn(made)
    assert re.findall(r"<figure><h4>(.*?)</h4>", page)[:2] == ["a phone (adb:1)", "a phone (adb:2)"]
    for number, base_us in enumerate((100, 200)):
        (rows,) = [
            data["values"] for data in specs[f"launches-{number}"]["data"] if "values" in data
        ]
        assert len(rows) == 12
        assert max(row["median_us"] for row in rows) == pytest.approx(base_us, rel=0.01)


def test_notebooks_and_pictures_have_the_same_panels(tmp_path):
    made = report(tmp_path)
    titles = ["1 thread", "2 threads"]
    for chart in (made.pareto(), made.launches()):
        whole = chart.to_dict()
        assert [panel["title"] for panel in whole["concat"]] == titles
        assert whole["description"]
    assert "concat" not in made.pareto(x="zipped_bytes").to_dict()
    picture = svg.render(made)
    assert all(title in picture for title in titles)


def test_without_accuracy_size_stands_in_its_place_in_every_panel(tmp_path):
    page, specs = drawn(report(tmp_path, accuracy=False))
    assert "Accuracy is not known" in page
    assert {"pareto-median-0", "pareto-median-1"} < set(specs)
    assert "pareto-zipped" not in specs


def test_heat_and_waits_stand_below_the_launches_of_every_panel(tmp_path):
    made = report(tmp_path)
    hot = [
        replace(each, state={"before": {"celsius": 30.0 + each.block}, "waited_s": 2.0})
        if each.variant.endswith("1 thread")
        else each
        for each in made.all_launches
    ]
    _, specs = drawn(replace(made, all_launches=tuple(hot)))
    axes = [
        {axis["title"] for mark in specs[f"launches-{n}"]["marks"] for axis in mark.get("axes", ())
         if "title" in axis}
        for n in (0, 1)
    ]  # fmt: skip
    assert axes[0] == axes[1] >= {"°C", "waited, s"}
