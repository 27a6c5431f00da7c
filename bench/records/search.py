"""What a search tried and what came of it, as its report file keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

By = Literal["latency", "size", "zipped"]
"""What is to be best."""

Origin = Literal["known shape", "sampler", "promoted", "same beginning"]
"""Where a trial comes from: a recipe that is often good, the sampler, a longer training of an
earlier trial, or an earlier trial's trained beginning with another ending."""


@dataclass(frozen=True)
class Limits:
    """What a variant must keep to; None does not matter.

    Attributes:
        loss: against float32, of the metric that decides; 0.01 is one point.
        size_bytes, zipped_bytes: of the file.
        median_us: of the latency, on each target.
    """

    loss: float = 0.01
    size_bytes: int | None = None
    zipped_bytes: int | None = None
    median_us: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one recipe that was built and evaluated on the validation samples.

    Attributes:
        size_bytes, zipped_bytes: of the file; 0 where it could not be built.
        loss: against float32, the greatest over outputs; None where it is not known.
        loss_error: its standard error over samples; 0 where that is not known.
        medians_us: by target, where latency was measured.
        times: how many times faster than float32 in paired launches, by target.
        seconds: that building and evaluating took.
        cached: the file was there already, so that the seconds tell nothing of training.
        failure: why there are no figures; empty where there are.
    """

    size_bytes: int = 0
    zipped_bytes: int = 0
    loss: float | None = None
    loss_error: float = 0.0
    medians_us: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cached: bool = False
    failure: str = ""

    @property
    def works(self) -> bool:
        """Whether there is a file and a loss."""
        return not self.failure and self.loss is not None

    def figure(self, by: By) -> float:
        """What is to be small: bytes, or the slowest target's time as a fraction of float32's."""
        if by == "size":
            return float(self.size_bytes)
        if by == "zipped":
            return float(self.zipped_bytes)
        return max((1 / times for times in self.times.values()), default=math.inf)

    def careful_loss(self, limits: Limits) -> float:
        """The loss with a standard error on top, so that luck on few samples is not chosen.

        It is Breiman's rule of one standard error ("Classification and Regression Trees", 1984); at
        most a quarter of the limit, since on few samples nothing else would ever keep to it.
        """
        return math.inf if self.loss is None else self.loss + min(self.loss_error, limits.loss / 4)

    def violations(self, limits: Limits) -> tuple[float, ...]:
        """How far each limit is broken, as a fraction of it; at most 0 where it is kept."""
        found = [(self.careful_loss(limits) - limits.loss) / max(limits.loss, 0.001)]
        for value, limit in (
            (self.size_bytes, limits.size_bytes),
            (self.zipped_bytes, limits.zipped_bytes),
            *((median, limits.median_us) for median in self.medians_us.values()),
        ):
            if limit is not None:
                found.append(value / limit - 1)
        return tuple(found)

    def keeps(self, limits: Limits) -> bool:
        """Whether it keeps to all limits on the validation samples, its loss with care."""
        return self.works and max(self.violations(limits)) <= 0


@dataclass(frozen=True)
class SearchTrial:
    """One recipe that was tried.

    Attributes:
        number: of the trial in its study, from 0; points that were dropped have numbers, too.
        rung: how long it was trained: 0 is shortest.
        recipe: its canonical text.
    """

    number: int
    rung: int
    recipe: str
    origin: Origin
    outcome: Outcome


@dataclass(frozen=True)
class DroppedPoint:
    """A point that was not worth a training, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class Search:
    """One search, so far.

    Attributes:
        by: what is to be best.
        samples: validation samples that everything was chosen on.
        seconds: of work, over all sittings.
        ended: why the search ended.
        front: numbers of trials, by the names that their recipes have in the report, the best
            first.
    """

    by: By
    limits: Limits
    samples: int
    seconds: float
    ended: str
    front: Mapping[str, int]
    trials: tuple[SearchTrial, ...]
    dropped: tuple[DroppedPoint, ...] = ()
