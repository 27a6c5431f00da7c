"""Figures and names as short as they can be and still true, for every table and message."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from bench.values import Estimate, Missing

INDENT = "  "
MICROSECONDS_BELOW_MS = 0.1
"""A column that holds a median below this is in microseconds, any other in milliseconds."""
LONG_NAME = 40
"""Of a variant, in letters: longer ones are shortened where they can be."""


def time_unit(medians_us: Iterable[float]) -> tuple[str, float]:
    """``µs`` or ``ms`` for a column that holds these medians, and how many of it a µs is."""
    least_us = min(medians_us, default=math.inf)
    return ("µs", 1.0) if least_us < MICROSECONDS_BELOW_MS * 1e3 else ("ms", 1e-3)


def size(size_bytes: int) -> str:
    """Bytes in decimal units, three digits: 547 kB, 2.71 MB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    power = min(int(math.log10(size_bytes) // 3), 3)
    return f"{three_digits(size_bytes / 1000**power)} {('B', 'kB', 'MB', 'GB')[power]}"


def count(number: int, one: str, many: str = "") -> str:
    """``1 launch``, ``10 launches``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def three_digits(value: float) -> str:
    """Three significant digits without an exponent: 0.0123, 1.21, 252, 12,400."""
    return f"{value:,.{decimals(value)}f}"


def decimals(value: float, digits: int = 3) -> int:
    """How many decimals show so many significant digits."""
    if value == 0 or not math.isfinite(value):
        return digits - 1
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))


def interval(estimate: Estimate, scale: float = 1.0) -> str:
    """``1.21 [1.20, 1.23]``: as many decimals as tell the bounds apart, at most five digits."""
    value = estimate.value * scale
    if estimate.low is None or estimate.high is None:
        return three_digits(value)
    low, high = estimate.low * scale, estimate.high * scale
    places = decimals(value)
    while (
        low < high and f"{low:.{places}f}" == f"{high:.{places}f}" and places < decimals(value, 5)
    ):
        places += 1
    return f"{value:,.{places}f} [{low:,.{places}f}, {high:,.{places}f}]"


def labels(names: Sequence[str]) -> dict[str, str]:
    """A name for each variant that leaves room for the figures.

    A long recipe is shown without its options where that tells it from all others; the table then
    spells it out below.
    """
    bare = {name: re.sub(r",[^+]*", "", name) for name in names}
    return {
        name: label
        if len(name) > LONG_NAME and list(bare.values()).count(label) == 1 and label not in names
        else name
        for name, label in bare.items()
    }


def p99(estimate: Estimate | Missing, scale: float) -> str:
    """The figure, or how many launches are missing for it."""
    if isinstance(estimate, Estimate):
        return interval(estimate, scale)
    if estimate.launches is not None:
        return f"needs {count(estimate.launches, 'more launch', 'more launches')}"
    return estimate.reason


def one_line(name: str) -> str:
    """A name that was a file's, for tables and messages: what is no printable letter is a blank."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split()) or "unnamed"


def escape_markdown(text: str) -> str:
    """For a cell of Markdown: a bar would end it, and a backslash could escape what follows."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
