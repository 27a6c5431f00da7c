"""Arrays out of launches: one time per launch, or every run, in microseconds or their logarithms.

A tool prints what it prints: for a set of launches the best that all of them have is taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.stats.intervals import Floats
from bench.values import Latency, Launch, MedianKind

_CLOCK_US = 0.001
"""No time is shorter than a nanosecond: a tool that prints whole microseconds may print 0."""

_PRINTED_US = (10.0, 1.0)
"""Units in which tools print times that are not exact, the coarsest first."""


@dataclass(frozen=True, eq=False)
class Sample(Sequence[Launch]):
    """The launches of one variant on one target, with the arrays that statistics are made of.

    It is a sequence of its launches, so that it may stand wherever these may. Each array is
    computed once, when it is first asked for. :meth:`of` makes one.

    Attributes:
        kind: what a median over the launches comes from.
    """

    launches: tuple[Launch, ...]
    kind: MedianKind

    @classmethod
    def of(cls, launches: Sequence[Launch]) -> Sample:
        """The sample of these launches, of the best kind that all of them have.

        A sample is returned as it is.
        """
        if isinstance(launches, Sample):
            return launches
        latencies = [launch.latency for launch in launches]
        kind: MedianKind = "launch means"
        if all(each.samples_ns for each in latencies):
            kind = "samples"
        elif all(each.samples_ns or each.median_us is not None for each in latencies):
            kind = "launch medians"
        return cls(tuple(launches), kind)

    @overload
    def __getitem__(self, index: int) -> Launch: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Launch]: ...

    def __getitem__(self, index: int | slice) -> Launch | Sequence[Launch]:
        return self.launches[index]

    def __len__(self) -> int:
        return len(self.launches)

    @cached_property
    def means_us(self) -> Floats:
        """The mean of each launch."""
        return np.array([launch.latency.mean_us for launch in self.launches], dtype=np.float64)

    @cached_property
    def medians_us(self) -> Floats:
        """The median of each launch, or its mean where the kind is ``launch means``."""
        if self.kind == "launch means":
            return self.means_us
        return np.array([_median_us(launch.latency) for launch in self.launches], dtype=np.float64)

    @cached_property
    def log_medians(self) -> Floats:
        """Natural logarithms of ``medians_us``."""
        return logs(self.medians_us)

    @cached_property
    def log_medians_by_block(self) -> dict[int, float]:
        """The same by block; the mean, where a block was measured twice."""
        blocks: defaultdict[int, list[float]] = defaultdict(list)
        for launch, value in zip(self.launches, self.log_medians.tolist(), strict=True):
            blocks[launch.block].append(value)
        return {number: sum(each) / len(each) for number, each in blocks.items()}

    @property
    def rounding_us(self) -> float:
        """How far a median may lie from the true one because the tool rounds what it prints."""
        return 0.0 if self.kind == "samples" else rounding_us(self.medians_us)

    @cached_property
    def runs(self) -> NDArray[Any]:
        """How many runs each launch had."""
        return np.array([launch.latency.runs for launch in self.launches])

    @cached_property
    def samples_us(self) -> tuple[Floats, NDArray[Any]]:
        """Every kept run, launch after launch, and how many each launch kept."""
        runs = np.array([len(launch.latency.samples_ns) for launch in self.launches])
        flat = chain.from_iterable(launch.latency.samples_ns for launch in self.launches)
        return np.fromiter(flat, dtype=np.float64, count=int(runs.sum())) / 1000.0, runs

    @cached_property
    def maxima_us(self) -> Floats | None:
        """The largest run of each launch; None if one does not tell."""
        maxima = [_maximum_us(launch.latency) for launch in self.launches]
        known = [maximum for maximum in maxima if maximum is not None]
        return np.array(known) if len(known) == len(maxima) else None

    def means_without(self, maxima_us: Floats) -> Floats:
        """The mean of each launch's other runs: one slow run does not raise it."""
        runs = self.runs.astype(np.float64)
        others = (runs * self.means_us - maxima_us) / np.maximum(runs - 1, 1)
        return np.where(runs > 1, others, self.means_us)

    @cached_property
    def pooled_moments_us(self) -> tuple[float, float | None]:
        """Mean and standard deviation of all runs of all launches together.

        From each launch's count, mean and standard deviation; None for the latter where a tool does
        not print it.
        """
        runs, means = self.runs.astype(np.float64), self.means_us
        mean = float(np.average(means, weights=runs))
        spreads = [_std_us(launch.latency) for launch in self.launches]
        known = np.array([spread for spread in spreads if spread is not None])
        if len(known) < len(spreads):
            return mean, None
        return mean, float(np.sqrt(np.average(known**2 + (means - mean) ** 2, weights=runs)))

    @property
    def least_us(self) -> float | None:
        """The fastest run of all; None if no launch tells."""
        minima = [_minimum_us(launch.latency) for launch in self.launches]
        return min((minimum for minimum in minima if minimum is not None), default=None)


def alike(first: Sequence[Launch], second: Sequence[Launch]) -> tuple[Sample, Sample]:
    """Two samples whose medians are of one kind: means, where one side has nothing else."""
    sides = Sample.of(first), Sample.of(second)
    if len({each.kind == "launch means" for each in sides}) == 1:
        return sides
    return replace(sides[0], kind="launch means"), replace(sides[1], kind="launch means")


def logs(times_us: ArrayLike) -> Floats:
    """Natural logarithms of times."""
    return np.log(np.maximum(np.asarray(times_us, dtype=np.float64), _CLOCK_US))


def rounding_us(times_us: Floats) -> float:
    """How far a printed time may lie from the true one: half of the unit that all are multiples of.

    LiteRT's tool prints 0.01 ms and old tools whole microseconds; for a model of 120 µs or of 12 µs
    that is no small matter. A finer tool whose few figures all happen to be round is taken for
    a coarse one, which makes intervals wider, never narrower.
    """
    for unit_us in _PRINTED_US:
        if bool(np.all(times_us == np.round(times_us / unit_us) * unit_us)):
            return unit_us / 2
    return 0.0


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
