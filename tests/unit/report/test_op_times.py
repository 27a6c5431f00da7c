"""Time by type of op: summed within a launch, the median over launches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.formats import text
from bench.records import read
from bench.report import assemble
from bench.report.op_times import op_times
from bench.values import Environment, Launch
from tests import examples


def op(name: str, avg_us: float, inside: str = "graph") -> dict[str, object]:
    return {"op": name, "avg_us": avg_us, "inside": inside}


def profiled(block: int, *ops: dict[str, object], variant: str = "float32") -> Launch:
    launch = examples.launch(variant, block, target="adb:X")
    return replace(launch, facts={"ops": list(ops)})


def test_ops_of_a_type_are_summed_and_the_longest_comes_first():
    times = op_times([profiled(0, op("ADD", 1), op("CONV_2D", 5), op("CONV_2D", 7))])
    assert list(times.items()) == [("CONV_2D", 12), ("ADD", 1)]


def test_over_launches_the_median_counts():
    launches = [profiled(block, op("CONV_2D", us)) for block, us in enumerate((10, 11, 90))]
    assert op_times(launches) == {"CONV_2D": 11}


def test_what_splits_up_a_delegate_does_not_count_twice():
    ops = (op("TfLiteXNNPackDelegate", 9), op("Convolution", 8, inside="delegate"))
    assert op_times([profiled(0, *ops)]) == {"TfLiteXNNPackDelegate": 9}


def test_launches_without_a_profile_have_no_times():
    assert op_times([examples.launch()]) == {}
    assert op_times([]) == {}


def test_variants_stand_beside_each_other(tmp_path: Path):
    environment = Environment("adb:X", "adb", "some phone")
    session = examples.session(targets=("adb:X",), launches=1)
    launches = [
        profiled(0, op("CONV_2D", 1234), op("SOFTMAX", 2)),
        profiled(0, op("CONV_2D", 617), op("QUANTIZE", 3), variant="quantize:int8"),
    ]
    path = examples.write(tmp_path / "r.jsonl", session, [environment, *launches])
    lines = text.render(assemble(read(path))).splitlines()
    start = next(i for i, line in enumerate(lines) if "µs by type of op" in line)
    cells = [line.split() for line in lines[start + 2 : start + 6]]
    assert cells[0] == ["op", "float32", "quantize:int8"]
    assert cells[1] == ["CONV_2D", "1,234", "617"]
    assert ["QUANTIZE", "3"] in cells
    assert ["SOFTMAX", "2"] in cells


def test_a_profile_asked_for_and_not_given_is_said(tmp_path: Path):
    session = examples.session(launches=1)
    session = replace(session, plan=replace(session.plan, profile=True))
    path = examples.write(tmp_path / "r.jsonl", session, [examples.ENVIRONMENT, examples.launch()])
    codes = [warning.code for warning in assemble(read(path)).warnings]
    assert "no-profile" in codes
