"""What a search is asked for and what it knows of each trial, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench import recipes
from bench.records.search import Limits, Origin, Outcome
from bench.report.recommend import Aim
from bench.values import Recipe

__all__ = [
    "Goal",
    "Limits",
    "Origin",
    "Outcome",
    "Params",
    "Trial",
    "careful_loss",
    "keeps",
    "violations",
]

Params = Mapping[str, float | int | str]
"""A point of the space, by name of the parameter."""


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
        return self.outcome.figure(aim)

    @property
    def works(self) -> bool:
        """Whether there is a file and a loss."""
        return self.outcome.works

    @property
    def trained(self) -> bool:
        """Whether anything was trained, which could be trained longer."""
        return recipes.trains(self.recipe)

    @property
    def is_timed(self) -> bool:
        """Whether its seconds tell how long training takes."""
        return self.trained and not self.outcome.cached


def careful_loss(trial: Trial, limits: Limits) -> float:
    """The loss with a standard error on top (see ``Outcome.careful_loss``)."""
    return trial.outcome.careful_loss(limits)


def violations(trial: Trial, limits: Limits) -> tuple[float, ...]:
    """How far a trial breaks each limit, as a fraction of it; at most 0 where it keeps it."""
    return trial.outcome.violations(limits)


def keeps(trial: Trial, limits: Limits) -> bool:
    """Whether it keeps to all limits on the validation samples, its loss with care."""
    return trial.outcome.keeps(limits)
