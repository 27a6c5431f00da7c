"""Figures and names as short as they can be and still true, for every table and message."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from bench.metrics.values import Score
from bench.values import Comparison, Estimate, Missing

INDENT = "  "
MICROSECONDS_BELOW_MS = 0.1
"""A column that holds a median below this is in microseconds, any other in milliseconds."""
LONG_NAME = 40
"""Of a variant, in letters: longer ones are shortened where they can be."""
_EVEN = 1e-9
"""Less than any figure tells: what binary fractions add to decimal ones."""
NAMED = 6
"""So many layers are named; of more, the number is told."""


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


COARSE_MARK = "~"
"""Before a figure that its tool has rounded by more than 1 %."""


def bare(estimate: Estimate, scale: float = 1.0) -> str:
    """The figure without its interval, in three digits: ``1.21``, or ``~1.21`` where coarse."""
    mark = COARSE_MARK if estimate.is_coarse else ""
    return mark + three_digits(estimate.value * scale)


def interval(estimate: Estimate, scale: float = 1.0) -> str:
    """``1.21 [1.20, 1.23]``: as many decimals as tell the bounds apart, at most five digits."""
    value = estimate.value * scale
    if estimate.low is None or estimate.high is None:
        return bare(estimate, scale)
    low, high = estimate.low * scale, estimate.high * scale
    places = decimals(value)
    while (
        low < high and f"{low:.{places}f}" == f"{high:.{places}f}" and places < decimals(value, 5)
    ):
        places += 1
    mark = COARSE_MARK if estimate.is_coarse else ""
    return f"{mark}{value:,.{places}f} [{low:,.{places}f}, {high:,.{places}f}]"


def margin(estimate: Estimate, scale: float = 1.0) -> str:
    """``1.21 ±2%``: the interval by its wider side, rounded up, so that it lies within.

    More than the whole value is no margin: ``1.21 ±>99%``.
    """
    value = bare(estimate, scale)
    if estimate.low is None or estimate.high is None or estimate.value <= 0:
        return value
    side = max(estimate.high - estimate.value, estimate.value - estimate.low) / estimate.value
    return f"{value} ±{_rounded_up(side * 100)}%" if side < 1 else f"{value} ±>99%"


def score_margin(score: Score) -> str:
    """A score as short as that: ``92.3 ±1.3%``, ``0.832 ±3%``."""
    if score.value is None or score.low is None or score.high is None:
        return figure(score.value, is_fraction=score.is_fraction)
    if not score.is_fraction:
        return margin(Estimate(score.value, score.low, score.high, ""))
    side = max(score.high - score.value, score.value - score.low)
    return f"{score.value * 100:.1f} ±{math.ceil(side * 1000 - _EVEN) / 10:.1f}%"


def _rounded_up(percent: float) -> str:
    """Whole from 1 on, else one digit; never less than it is."""
    if percent >= 1 - _EVEN:
        return f"{math.ceil(percent - _EVEN)}"
    return f"{math.ceil(percent * 10 - _EVEN) / 10:g}"


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


def figure(value: float | None, *, is_fraction: bool, digits: int = 3) -> str:
    """A figure of a metric: ``92.30 %``, or ``0.832``."""
    if value is None:
        return "-"
    return f"{value * 100:.2f} %" if is_fraction else f"{value:,.{decimals(value, digits)}f}"


def score_text(score: Score) -> str:
    """A score with its interval: ``92.30 % [91.1, 93.4]``, ``0.832 [0.810, 0.851]``."""
    value = figure(score.value, is_fraction=score.is_fraction)
    if score.value is None or score.low is None or score.high is None:
        return value
    if score.is_fraction:
        return f"{value} [{score.low * 100:.1f}, {score.high * 100:.1f}]"
    return interval(Estimate(score.value, score.low, score.high, ""))


def loss_interval_text(score: Score) -> str:
    """A loss in points or per cent, with its interval: ``0.15 [-0.24, 0.55]``."""
    if score.loss is None:
        return "-"
    text = f"{_signless(score.loss)}"
    if score.loss_low is None or score.loss_high is None:
        return text
    return f"{text} [{_signless(score.loss_low)}, {_signless(score.loss_high)}]"


def _signless(fraction: float) -> str:
    """Hundredths of a point, with no ``-0.00``."""
    return f"{round(fraction * 100, 2) + 0.0:.2f}"


def loss_unit(score: Score) -> str:
    """What losses of it are told in."""
    return "%" if score.loss_is_relative else "points"


def loss_text(score: Score) -> str:
    """``0.15 points of accuracy lost [-0.24, 0.55]``, ``gained`` where it is better.

    Of an error ``RMSE 1.20 % worse [0.31, 2.05]``, of the distance to the baseline ``relative error
    3.20 % [3.02, 3.41]``.
    """
    if score.loss is None:
        return f"loss of {score.label} not known"
    sign = -1.0 if score.loss < 0 else 1.0
    amount = _signless(abs(score.loss))
    if score.loss_is_relative:
        text = f"{score.label} {amount} % {'better' if sign < 0 else 'worse'}"
    elif score.lower_is_better:
        text = f"{score.label} {amount} %"
    else:
        text = f"{amount} points of {score.label} {'gained' if sign < 0 else 'lost'}"
    if score.loss_low is None or score.loss_high is None:
        return text
    low, high = sorted((sign * score.loss_low, sign * score.loss_high))
    return f"{text} [{_signless(low)}, {_signless(high)}]"


def change_text(comparison: Comparison) -> str:
    """``2.04x faster [1.81, 2.06]``: the factor that the words name, within its own interval.

    Value and ends have the same number of decimals, enough to tell a certain change from none.
    """
    if comparison.low is None or comparison.high is None:
        return comparison.verdict
    low, value, high = comparison.low, comparison.ratio, comparison.high
    if comparison.verdict == "no clear change":
        return f"{comparison.verdict} [{low:.2f}, {high:.2f}]"
    if comparison.verdict == "faster":
        low, value, high = 1 / high, 1 / value, 1 / low
    places = decimals(value)
    while float(f"{low:.{places}f}") <= 1.0 and places < 6:
        places += 1
    return f"{value:.{places}f}x {comparison.verdict} [{low:.{places}f}, {high:.{places}f}]"


def one_line(name: str) -> str:
    """A name that was a file's, for tables and messages: what is no printable letter is a blank."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(printable.split()) or "unnamed"


def escape_markdown(text: str) -> str:
    """For a cell of Markdown: a bar would end it, and a backslash could escape what follows."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def layer_of(tensor: str) -> str:
    """The layer in a tensor's name: ``net/quant_se/mul;net/se/x`` is ``se``."""
    parts = tensor.split(";", maxsplit=1)[0].split("/")
    inner = parts[1:-1] or parts[-1:]
    return inner[0].removeprefix("quant_")


def name_some(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    listed = list(names)
    more = len(listed) - NAMED
    text = ", ".join(listed[:NAMED])
    return f"{text} and {more} more" if more > 0 else text


def duration(seconds: float) -> str:
    """``4.2 s``, ``95 s``, ``12 min``, ``1.5 h``."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.2g} min" if seconds < 5940 else f"{seconds / 3600:.2g} h"
