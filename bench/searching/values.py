"""What a search is asked for and what it knows of each trial, as frozen values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench import recipes
from bench.report.recommend import Aim
from bench.values import Recipe

Origin = Literal["known shape", "sampler", "promoted", "same beginning"]
"""Where a trial comes from: a recipe that is often good, the sampler, a longer training of an
earlier trial, or an earlier trial's trained beginning with another ending."""

Params = Mapping[str, float | int | str]
"""A point of the space, by name of the parameter."""


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
class Goal:
    """When a search may stop early: a figure of what is to be best.

    Attributes:
        times: so many times smaller or faster than float32; None where ``value`` is given.
        value: bytes or microseconds.
    """

    times: float | None = None
    value: float | None = None

    def is_met(self, value: float, baseline: float) -> bool:
        """Whether this figure, in bytes or microseconds, is good enough."""
        if self.times is not None:
            return baseline / value >= self.times
        return self.value is not None and value <= self.value


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


@dataclass(frozen=True)
class Trial:
    """One recipe that was tried.

    Attributes:
        number: of the trial in its study, from 0.
        rung: how long it was trained: 0 is shortest.
    """

    number: int
    params: Params
    rung: int
    recipe: Recipe
    origin: Origin
    outcome: Outcome

    def figure(self, aim: Aim) -> float:
        """What is to be small: bytes, or the slowest target's time as a fraction of float32's."""
        if aim == "size":
            return float(self.outcome.size_bytes)
        if aim == "zipped":
            return float(self.outcome.zipped_bytes)
        return max((1 / times for times in self.outcome.times.values()), default=math.inf)

    @property
    def works(self) -> bool:
        """Whether there is a file and a loss."""
        return not self.outcome.failure and self.outcome.loss is not None

    @property
    def trained(self) -> bool:
        """Whether anything was trained, which could be trained longer."""
        return recipes.trains(self.recipe)

    @property
    def is_timed(self) -> bool:
        """Whether its seconds tell how long training takes."""
        return self.trained and not self.outcome.cached


def careful_loss(trial: Trial, limits: Limits) -> float:
    """The loss with a standard error on top, so that luck on few samples is not chosen.

    It is Breiman's rule of one standard error ("Classification and Regression Trees", 1984); at
    most a quarter of the limit, since on few samples nothing else would ever keep to it.
    """
    loss = trial.outcome.loss
    return math.inf if loss is None else loss + min(trial.outcome.loss_error, limits.loss / 4)


def violations(trial: Trial, limits: Limits) -> tuple[float, ...]:
    """How far a trial breaks each limit, as a fraction of it; at most 0 where it keeps it."""
    outcome = trial.outcome
    found = [(careful_loss(trial, limits) - limits.loss) / max(limits.loss, 0.001)]
    for value, limit in (
        (outcome.size_bytes, limits.size_bytes),
        (outcome.zipped_bytes, limits.zipped_bytes),
        *((median, limits.median_us) for median in outcome.medians_us.values()),
    ):
        if limit is not None:
            found.append(value / limit - 1)
    return tuple(found)


def keeps(trial: Trial, limits: Limits) -> bool:
    """Whether it keeps to all limits on the validation samples, its loss with care."""
    return trial.works and max(violations(trial, limits)) <= 0
