"""Figures over launches, frozen: what statistics make of them. ``bench.values`` offers them too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

COARSE = 0.01
"""A tool that rounds by a larger part of a figure hides what a reader looks for."""

MedianKind = Literal["samples", "launch medians", "launch means"]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval over launches, in the unit that its holder names.

    ``kind`` says what it was computed from. ``low`` and ``high`` are None where no interval exists
    (one launch, or too few runs). ``rounding`` is how far the figure may be off because the tool
    rounds what it prints; the interval is widened by it.
    """

    value: float
    low: float | None
    high: float | None
    kind: str
    rounding: float = 0.0

    @property
    def is_coarse(self) -> bool:
        """Whether rounding alone may put it off by more than 1 %."""
        return self.rounding > COARSE * abs(self.value)


@dataclass(frozen=True)
class Missing:
    """Why a figure is not shown, and how many more launches or runs would give it."""

    reason: str
    launches: int | None = None
    runs: int | None = None


@dataclass(frozen=True)
class Summary:
    """All launches of one variant on one target, in microseconds.

    ``init_us``, ``first_us`` and ``peak_bytes`` are of the typical launch, as the median is; None
    where the target does not tell.
    """

    variant: str
    target: str
    launches: int
    runs: int
    median_us: Estimate
    p99_us: Estimate | Missing
    min_us: float | None
    mean_us: float
    std_us: float | None
    init_us: Estimate | None
    first_us: Estimate | None
    peak_bytes: Estimate | None


@dataclass(frozen=True)
class Comparison:
    """A variant against the baseline, from paired blocks.

    Attributes:
        ratio: time of the variant over time of the baseline; below one is faster.
        low, high: its 96 % interval (``intervals.ALARM_TAIL`` says why), None with fewer than two
            shared blocks.
        blocks: how many blocks both share.
        verdict: ``faster``, ``slower`` or ``no clear change`` (the interval holds 1).
    """

    variant: str
    baseline: str
    target: str
    ratio: float
    low: float | None
    high: float | None
    blocks: int
    verdict: Literal["faster", "slower", "no clear change"]
