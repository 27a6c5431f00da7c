"""Whatever a field of a report file is changed to: it is refused with its line, or can be shown."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench import records
from bench.errors import StoreError
from bench.formats import text
from bench.report import assemble
from bench.values import Environment, Failure
from tests import examples

SESSION = examples.session(
    variants=(
        examples.variant_with_facts("float32"),
        examples.variant_with_facts("quantize:int8"),
    )
)
STATE = {
    "before": {"celsius": 31.5, "thermal_status": 0},
    "after": {"thermal_status": "none"},
    "work_us": 100.0,
    "cool_work_us": 99.0,
    "other_cpu_share": 0.02,
}
OP = {"op": "CONV_2D", "name": "c", "avg_us": 3.0, "percent": 9.0, "calls": 1, "inside": "graph"}
LINES = [
    json.loads(records.encode(value))
    for value in (
        SESSION,
        Environment("local", "local", "this machine", {"cpu": "made up"}),
        examples.accuracy("float32", 10, top1=0.9),
        examples.accuracy("quantize:int8", 10, top1=0.8, agreement=0.9),
        Failure("quantize:int8", "local", 2, "crash", "it broke", "mend it"),
        *(
            replace(launch, state=STATE, facts={"ops": [OP], "tool_s": 0.5})
            for launch in examples.launches(["float32", "quantize:int8"], blocks=2)
        ),
        records.End(10.0, 9.5),
    )
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value within a record."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


PLACES = [(number, path) for number, line in enumerate(LINES) for path in places(line)]


def refusal(lines: list[Any], file: Path) -> str:
    """Read and show a file of these lines; why it was refused, empty if it was not."""
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    try:
        report = assemble(records.read(file))
    except StoreError as error:
        return error.message
    text.render(report)
    report.to_dataframe()
    return ""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken") / "x.jsonl"


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@example(place=(3, ("scores", 0, "value")), value=1.7e305)
@example(place=(3, ("scores", 0, "high")), value=1.7e305)
@given(place=st.sampled_from(PLACES), value=anything)
def test_another_value_is_refused_or_shown(
    file: Path, place: tuple[int, tuple[Any, ...]], value: Any
) -> None:
    number, path = place
    lines = copy.deepcopy(LINES)
    if path:
        *way, last = path
        inner = lines[number]
        for step in way:
            inner = inner[step]
        inner[last] = value
    else:
        lines[number] = value
    reason = refusal(lines, file)
    assert number == 0 or not reason or f"line {number + 1} " in reason


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(place=st.sampled_from([place for place in PLACES if place[1]]))
def test_a_missing_value_is_refused_or_shown(
    file: Path, place: tuple[int, tuple[Any, ...]]
) -> None:
    number, (*way, last) = place
    lines = copy.deepcopy(LINES)
    inner = lines[number]
    for step in way:
        inner = inner[step]
    del inner[last]
    reason = refusal(lines, file)
    assert number == 0 or not reason or f"line {number + 1} " in reason


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(number=st.integers(0, len(LINES) - 1), key=st.text(min_size=1, max_size=9), value=anything)
def test_a_field_that_no_record_has_is_refused(
    file: Path, number: int, key: str, value: Any
) -> None:
    lines = copy.deepcopy(LINES)
    if key in lines[number]:
        return
    lines[number][key] = value
    assert f"line {number + 1} " in refusal(lines, file)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60))
@example(b'{"record":"end","wall_s":NaN,"launches_s":1}')
@example(b'{"record":"end","wall_s":1e999,"launches_s":1}')
@example(b"\xff\xfe")
def test_any_bytes_in_a_line_are_refused(file: Path, content: bytes) -> None:
    good = records.encode(SESSION).encode()
    file.write_bytes(good + b"\n" + content.replace(b"\n", b"") + b"\n")
    with pytest.raises(StoreError, match="line 2 "):
        records.read(file)
