"""What a search that bears few trainings ends with: the nearest miss, trained longer.

Its shapes are sought with trainings of one length, so that many are seen. What is smaller or faster
than the best, and loses a little too much, may keep to the limits when it is trained longer. It is
chosen by what it lets hope for: the expected improvement of Jones et al., "Efficient Global
Optimization of Expensive Black-Box Functions" (1998), of the logarithm of the figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from bench.report.recommend import Aim
from bench.searching.rungs import highest
from bench.searching.values import Limits, Trial, careful_loss, keeps, violations

WON_BACK = 0.3
"""Of a loss, by the longest training instead of one of the length that shapes are sought with. 0.82
points of `fashion` after 12 epochs became 0.60 after 40, 0.62 became 0.28, and 2.68 became 1.88."""

LUCK = 0.25
"""Of the limit, that one training of the same differs from another by, at least."""

LEAST_CHANCE = 0.1
"""What has less of a chance is not worth the time of several other trainings."""


def worth_longer(trials: Sequence[Trial], limits: Limits, aim: Aim, longest: int) -> list[Trial]:
    """What may become the best when it is trained longer, the most promising first.

    Args:
        trials: all so far.
        longest: the rung that it would be trained at.
    """
    kept = [trial.figure(aim) for trial in trials if keeps(trial, limits)]
    best = min(kept, default=math.inf)
    found: list[tuple[float, Trial]] = []
    for trial in highest(trials):
        figure, chance = trial.figure(aim), _chance(trial, limits)
        if trial.trained and trial.rung < longest and figure < best and chance >= LEAST_CHANCE:
            # Where nothing keeps to the limits, that is what counts.
            found.append((chance * (math.log(best / figure) if kept else 1.0), trial))
    return [trial for _, trial in sorted(found, key=lambda one: one[0], reverse=True)]


def _chance(trial: Trial, limits: Limits) -> float:
    """The chance that a trial keeps to the limits after the longest training."""
    _, *others = violations(trial, limits)
    if max(others, default=0.0) > 0:
        return 0.0  # no training makes a file smaller or faster
    loss = careful_loss(trial, limits) - WON_BACK * max(0.0, trial.outcome.loss or 0.0)
    least = LUCK * max(limits.loss, 0.001)
    return NormalDist(loss, max(trial.outcome.loss_error, least)).cdf(limits.loss)
