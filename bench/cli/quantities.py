"""Read the quantities of a command line: ``5%``, ``200kB``, ``5ms``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping


def size_bytes(text: str) -> int:
    """``200kB``, ``1.5 MB`` or ``204800``."""
    return round(_quantity(text, {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}, "200kB"))


def microseconds(text: str) -> float:
    """``5ms``, ``800 us`` or ``0.1s``."""
    return _quantity(text, {"us": 1, "µs": 1, "ms": 1e3, "s": 1e6}, "5ms")


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
        share = float(number) / 100
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no share: write 5%") from None
    if not 0 <= share < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a share of 0 % or more")
    return share


def reachable(text: str) -> float:
    """A share that can be reached."""
    share = percent(text)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 % and 100 %")
    return share
