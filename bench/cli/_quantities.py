"""Read what is typed behind a flag: ``5%``, ``200kB``, ``5ms``, whole numbers within bounds."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal

Shape = tuple[str, tuple[int, ...]]
Range = tuple[str, tuple[float, float]]
Number = Callable[[str], float]


def whole(least: int) -> Callable[[str], int]:
    """A whole number of at least so much."""

    def read(text: str) -> int:
        return int(_at_least(text, int, least))

    return read


def real(least: float) -> Callable[[str], float]:
    """A finite number of at least so much."""

    def read(text: str) -> float:
        return _at_least(text, float, least)

    return read


def _at_least(text: str, kind: Callable[[str], float], least: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not least <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is too small or large: at least {least:g}")
    return number


def size_bytes(text: str) -> int:
    """``200kB``, ``1.5 MB`` or ``204800``."""
    return round(_quantity(text, {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}, "200kB"))


def microseconds(text: str) -> float:
    """``5ms``, ``800 us`` or ``0.1s``."""
    return _quantity(text, {"us": 1, "µs": 1, "ms": 1e3, "s": 1e6}, "5ms")


def seconds(text: str) -> float:
    """``90s``, ``10min`` or ``2h``, more than 0."""
    number = text.strip().lower().rstrip("hmins")
    unit = text.strip().lower()[len(number) :].strip()
    try:
        taken = float(number) * {"s": 1, "min": 60, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read: write 10min") from None
    if not 0 < taken < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time that anything can be done in")
    return taken


def _quantity(text: str, units: Mapping[str, float], example: str) -> float:
    number = text.strip().lower().rstrip("bkmgsuµ")
    unit = text.strip().lower()[len(number) :]
    try:
        return float(number) * units[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read: write {example}") from None


def percent(text: str) -> float:
    """``5%`` or ``5 %`` as 0.05."""
    number, sign, rest = text.partition("%")
    try:
        if not sign or rest.strip():
            raise ValueError
        fraction = float(number) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage: write 5%") from None
    if not 0 <= fraction < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a percentage of 0 % or more")
    return fraction


def reachable(text: str) -> float:
    """A precision that can be reached."""
    fraction = percent(text)
    if not 0 < fraction < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 % and 100 %")
    return fraction


def samples(text: str) -> int | Literal["all"]:
    """A number of samples, ``all``, or ``no`` for none."""
    if text == "all":
        return "all"
    if text == "no":
        return 0
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of samples: write 200, all or no")
    return number


def several(read: Callable[[str], Any], separator: str = ",") -> Callable[[str], tuple[Any, ...]]:
    """One value or more, with a separator between them."""

    def read_all(text: str) -> tuple[Any, ...]:
        return tuple(read(part) for part in text.split(separator))

    return read_all


def one_of(*known: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in known:
            from bench.plugins import nearest  # which takes time that help does not have

            raise argparse.ArgumentTypeError(f"no {text!r}: {nearest(text, known)}")
        return text

    return read


def column(text: str) -> str:
    """The name of a column of the table, or ``all``."""
    from bench.errors import UsageError
    from bench.report.view import check_column

    try:
        return check_column(text.strip())
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message}: {error.hint}") from None


def affinity(text: str) -> str | None:
    """CPUs as targets read them; ``all`` binds to none."""
    if not text:
        raise argparse.ArgumentTypeError("an affinity is empty: write 0-3/4-7, big/little or all")
    from bench.affinity import ALL, canonical  # which takes time at each start
    from bench.errors import TargetError

    try:
        return None if text == ALL else canonical(text)
    except TargetError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def shape(text: str) -> Shape:
    """``NAME=1,224,224,3``; the name may hold ``=``."""
    name, equals, sizes = text.rpartition("=")
    try:
        read = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        read = ()
    if not equals or not read or min(read) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape: write NAME=1,224,224,3")
    return name, read


def bounds(text: str) -> Range:
    """``NAME=LOW,HIGH``, the bounds of random values."""
    name, equals, both = text.rpartition("=")
    try:
        low, high = (float(bound) for bound in both.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not equals or not low < high:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write NAME=LOW,HIGH")
    return name, (low, high)


def option(text: str) -> tuple[str, str]:
    """``KEY=VALUE``."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} has no value: write KEY=VALUE")
    return key, value
