"""Arrays out of launches: one figure per launch, or every run, in microseconds or their logarithms.

A tool prints what it prints: for a set of launches the best figure that all of them have is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.intervals import Floats
from bench.values import Latency, Launch, MedianKind

_CLOCK_US = 0.001
"""No time is shorter than a nanosecond: a tool that prints whole microseconds may print 0."""

_HALF_PRINTED_US = 0.5


def median_kind(launches: Sequence[Launch]) -> MedianKind:
    """What a median over these launches comes from: the best that all of them have."""
    if all(launch.latency.samples_ns for launch in launches):
        return "samples"
    if all(x.latency.samples_ns or x.latency.median_us is not None for x in launches):
        return "launch medians"
    return "launch means"


def logs(times_us: ArrayLike) -> Floats:
    """Natural logarithms of times."""
    return np.log(np.maximum(np.asarray(times_us, dtype=np.float64), _CLOCK_US))


def levels_us(launches: Sequence[Launch], kind: MedianKind) -> Floats:
    """The level of each launch: its median, or its mean for the kind ``launch means``."""
    if kind == "launch means":
        return np.array([launch.latency.mean_us for launch in launches])
    return np.array([_median_us(launch.latency) for launch in launches])


def log_levels_by_block(launches: Sequence[Launch], kind: MedianKind) -> dict[int, float]:
    """The logarithm of each block's level; the mean, where a block was measured twice."""
    levels = logs(levels_us(launches, kind)).tolist()
    numbers = [launch.block for launch in launches]
    once = dict(zip(numbers, levels, strict=True))
    if len(once) == len(launches):
        return once
    blocks: defaultdict[int, list[float]] = defaultdict(list)
    for number, level in zip(numbers, levels, strict=True):
        blocks[number].append(level)
    return {number: sum(each) / len(each) for number, each in blocks.items()}


def runs_of(launches: Sequence[Launch]) -> NDArray[Any]:
    """How many runs each launch had."""
    return np.array([launch.latency.runs for launch in launches])


def maxima_us(launches: Sequence[Launch]) -> Floats | None:
    """The largest run of each launch; None if one does not tell."""
    maxima = [_maximum_us(launch.latency) for launch in launches]
    known = [maximum for maximum in maxima if maximum is not None]
    return np.array(known) if len(known) == len(maxima) else None


def means_without_maxima_us(launches: Sequence[Launch], maxima: Floats) -> Floats:
    """The mean of each launch's other runs: a level that one slow run does not lift."""
    runs = np.array([launch.latency.runs for launch in launches], dtype=np.float64)
    means = np.array([launch.latency.mean_us for launch in launches])
    return np.where(runs > 1, (runs * means - maxima) / np.maximum(runs - 1, 1), means)


def samples_us(launches: Sequence[Launch]) -> tuple[Floats, NDArray[Any]]:
    """Every kept run, launch after launch, and how many each launch kept."""
    runs = np.array([len(launch.latency.samples_ns) for launch in launches])
    flat = chain.from_iterable(launch.latency.samples_ns for launch in launches)
    return np.fromiter(flat, dtype=np.float64, count=int(runs.sum())) / 1000.0, runs


def pooled_moments_us(launches: Sequence[Launch]) -> tuple[float, float | None]:
    """Mean and standard deviation of all runs of all launches together.

    From each launch's count, mean and standard deviation; None for the latter where a tool does
    not print it.
    """
    runs = np.array([launch.latency.runs for launch in launches], dtype=np.float64)
    means = np.array([launch.latency.mean_us for launch in launches])
    mean = float(np.average(means, weights=runs))
    spreads = [_std_us(launch.latency) for launch in launches]
    known = np.array([spread for spread in spreads if spread is not None])
    if len(known) < len(spreads):
        return mean, None
    return mean, float(np.sqrt(np.average(known**2 + (means - mean) ** 2, weights=runs)))


def least_us(launches: Sequence[Launch]) -> float | None:
    """The fastest run of all; None if no launch tells."""
    return min(
        (x for launch in launches if (x := _minimum_us(launch.latency)) is not None), default=None
    )


def rounding_us(times_us: Floats) -> float:
    """How far a printed time may lie from the true one: half a unit where all are whole numbers.

    Old tools print whole microseconds; for a model of 12 µs that is no small matter.
    """
    return _HALF_PRINTED_US if bool(np.all(times_us == np.round(times_us))) else 0.0


def _median_us(latency: Latency) -> float:
    if latency.median_us is not None:
        return latency.median_us
    return float(np.median(latency.samples_ns)) / 1000.0


def _maximum_us(latency: Latency) -> float | None:
    if latency.max_us is None and latency.samples_ns:
        return max(latency.samples_ns) / 1000.0
    return latency.max_us


def _minimum_us(latency: Latency) -> float | None:
    if latency.min_us is None and latency.samples_ns:
        return min(latency.samples_ns) / 1000.0
    return latency.min_us


def _std_us(latency: Latency) -> float | None:
    if latency.std_us is None and latency.samples_ns:
        return float(np.std(latency.samples_ns)) / 1000.0
    return latency.std_us
