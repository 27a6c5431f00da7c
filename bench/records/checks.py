"""What types cannot say of a value that comes from a file: ranges, and fields that nothing has."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, TypedDict, get_args, get_type_hints

from bench.records.encoding import convert
from bench.values import Launch, Variant

_MOST = 2**62
"""Far beyond any count, size or time, and still a number that numpy can hold."""

_FAR = 1e100
"""Far beyond any score, and still a number that can be shown in per cent."""

_UNITS = ("_us", "_ns", "_s", "_bytes")
"""At the end of a name: what is measured in these is never negative."""

_RANGES: Mapping[str, tuple[float, float]] = {
    "block": (0, _MOST),
    "blocks": (0, _MOST),
    "launches": (1, _MOST),
    "max_launches": (1, _MOST),
    "runs": (1, _MOST),
    "warmup_runs": (0, _MOST),
    "threads": (1, _MOST),
    "retries": (0, _MOST),
    "until": (1e-6, 100),
    "samples": (0, _MOST),
    "number": (0, _MOST),
    "warm_starts": (0, _MOST),
    "top1": (0, 1),
    "agreement": (0, 1),
    **dict.fromkeys(("value", "low", "high", "loss_low", "loss_high"), (-_FAR, _FAR)),
    "max_difference": (0, math.inf),
    "mean_difference": (0, math.inf),
    "sparsity": (0, 1),
    "int8_share": (0, 1),
    "integer_share": (0, 1),
}
"""By the name of a field: its least and its greatest value."""


class Reading(TypedDict, total=False):
    """A device before or after a launch, as far as a report reads it."""

    celsius: float | None
    thermal_status: int | float | str | None


class LaunchState(TypedDict, total=False):
    """What a report reads of ``Launch.state``."""

    before: Reading | None
    after: Reading | None
    work_us: float | None
    cool_work_us: float | None
    other_cpu_share: float | None


class OpRow(TypedDict):
    """One row of a profile."""

    op: str
    avg_us: float
    inside: str


class LaunchFacts(TypedDict, total=False):
    """What a report reads of ``Launch.facts``."""

    ops: list[OpRow] | None
    tool_s: float | None


class StepFindings(TypedDict, total=False):
    """What a report reads of ``Variant.steps``, by technique."""

    skipped: list[str]
    skipped_fraction: float | None


_KNOWN: Mapping[type, Mapping[str, Any]] = {
    Launch: {"state": LaunchState, "facts": LaunchFacts},
    Variant: {"steps": dict[str, StepFindings]},
}
"""Of fields that may hold anything, what must be of a type all the same."""


def check(value: Any, body: Any, where: str = "") -> None:
    """See that every number is in the range of its name, and that no field was ignored.

    Args:
        value: a dataclass made of ``body``.
        body: the mapping that it was made of.
        where: the fields that lead to the value, for the message.

    Raises:
        ValueError: naming the field.
    """
    kind: Any = type(value)
    known, ranged, nested = _fields(kind)
    if not body.keys() <= known:
        extra = min(body.keys() - known)
        raise ValueError(f"{where}{extra} is no field of it")
    for name, low, high in ranged:
        number = getattr(value, name)
        if number is None:
            continue
        least, most = number, number
        # Asked so, since a report may hold millions of numbers and tells an abstract type slowly.
        if type(number) is not float and type(number) is not int:
            numbers = number.values() if isinstance(number, Mapping) else number
            least, most = min(numbers, default=low), max(numbers, default=low)
        if not low <= least <= most <= high:
            bound = f"at least {low:g}" if least < low else f"at most {high:g}"
            raise ValueError(f"{where}{name} must be {bound}")
    for name, known_part in _KNOWN.get(kind, {}).items():
        try:
            if part := getattr(value, name):
                convert(part, known_part)
        except ValueError as fault:
            raise ValueError(f"{where}{name}.{fault}") from fault
    for name in nested:
        _check_parts(getattr(value, name), body.get(name), f"{where}{name}")


def _check_parts(part: Any, body: Any, where: str) -> None:
    if dataclasses.is_dataclass(part):
        check(part, body, f"{where}.")
    elif isinstance(part, Mapping):
        for key, each in part.items():
            _check_parts(each, body[str(key)], f"{where}.{key}")
    elif isinstance(part, tuple) and body is not None:
        for index, (each, raw) in enumerate(zip(part, body, strict=True)):
            _check_parts(each, raw, f"{where}[{index}]")


@cache
def _fields(kind: Any) -> tuple[frozenset[str], tuple[tuple[str, float, float], ...], list[str]]:
    """The names of a dataclass's fields, those with a range, and those that hold dataclasses."""
    hints = get_type_hints(kind)
    ranged = [
        (name, *_RANGES.get(name, (0, _MOST)))
        for name in hints
        if name in _RANGES or name.endswith(_UNITS)
    ]
    return frozenset(hints), tuple(ranged), [n for n, hint in hints.items() if _is_nested(hint)]


def _is_nested(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint) or any(map(_is_nested, get_args(hint)))
