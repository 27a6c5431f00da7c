"""Where a history of figures changed: a simple rule, for a few to some hundred reports.

Binary segmentation (Scott and Knott 1974, "A cluster analysis method for grouping means in the
analysis of variance", Biometrics 30:507-512; Vostrikova 1981): the series is split where the levels
before and after differ most, if the difference is certain and matters; then each part is split
likewise. Certain means that the standardized difference (the CUSUM statistic) exceeds what the
largest of as many normal draws as there are splits does in one case of a hundred (Bonferroni).

What a report's interval does not know is how reports of the same file differ: another day, another
temperature. That noise is taken from the differences of neighbours, which a few jumps do not
disturb: their median (von Neumann 1941, for the differences; here of their absolute values).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from bench.stats.intervals import Floats
from bench.values import Estimate

NOTEWORTHY = 0.03
"""A change of less than 3 % is none."""

_CERTAIN = 0.01
_HALF_95 = 1.96
_MEDIAN_OF_ABSOLUTE_DIFFERENCES = 0.6745 * math.sqrt(2)


def change_points(history: Sequence[Estimate | float]) -> list[int]:
    """The indices at which a new level begins, in order.

    Args:
        history: positive figures, oldest first; with their intervals where they have them.

    The newest figure alone may be a change if it stands out by itself.
    """
    if len(history) < 3:
        return []
    levels = np.log([_value(figure) for figure in history])
    variances = np.array([_variance(figure) for figure in history])
    return change_points_of(levels, variances, least=max(map(_rounding_step, history)))


def change_points_of(levels: Floats, variances: Floats, least: float = 0.0) -> list[int]:
    """The rule on logarithms of figures and the squared standard errors of these.

    Args:
        levels: logarithms.
        variances: of each.
        least: differences of logarithms up to this are none, however certain: what rounds to two
            neighbours may be one.
    """
    least = max(least, math.log1p(NOTEWORTHY))
    steps = np.abs(np.diff(levels))
    noise = float(np.median(steps)) / _MEDIAN_OF_ABSOLUTE_DIFFERENCES if len(steps) else 0.0
    weights = 1.0 / np.maximum(variances, max(noise**2, 1e-12))
    threshold = NormalDist().inv_cdf(1.0 - _CERTAIN / 2 / max(len(levels) - 1, 1))
    threshold *= 1.0 + 3.0 / max(len(levels) - 1, 1)
    found: list[int] = []
    parts = [(0, len(levels))]
    while parts:
        start, stop = parts.pop()
        split = _best_split(levels[start:stop], weights[start:stop], threshold, least)
        if split:
            found.append(start + split)
            parts += [(start, start + split), (start + split, stop)]
    return sorted(found)


def _best_split(levels: Floats, weights: Floats, threshold: float, least: float) -> int | None:
    """Where to split a part, counted from its start; None where it is one level."""
    if len(levels) < 2:
        return None
    before, before_sum = np.cumsum(weights)[:-1], np.cumsum(weights * levels)[:-1]
    after, after_sum = weights.sum() - before, (weights * levels).sum() - before_sum
    difference = after_sum / after - before_sum / before
    score = np.abs(difference) * np.sqrt(before * after / (before + after))
    score[np.abs(difference) < least] = 0.0
    best = int(score.argmax())
    return best + 1 if score[best] > threshold else None


def _rounding_step(figure: Estimate | float) -> float:
    """What lies between two neighbours that its tool can print, as a difference of logarithms."""
    if not isinstance(figure, Estimate) or not figure.rounding:
        return 0.0
    # A hair more, so that neighbours themselves are no change.
    return (
        math.log1p(2.0 * figure.rounding / max(figure.value - 2.0 * figure.rounding, 1e-9)) + 1e-9
    )


def _value(figure: Estimate | float) -> float:
    return figure.value if isinstance(figure, Estimate) else float(figure)


def _variance(figure: Estimate | float) -> float:
    """Of a figure's logarithm, from its 95 % interval; 0 where it has none."""
    if not isinstance(figure, Estimate) or figure.low is None or figure.high is None:
        return 0.0
    return (math.log(figure.high / max(figure.low, 1e-9)) / (2 * _HALF_95)) ** 2
