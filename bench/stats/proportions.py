"""Intervals of proportions of samples: of one, and of the difference of two that are paired.

Everything works on arrays of counts at once, so that the simulations in ``tests`` prove the very
code that makes a report.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

Z = NormalDist().inv_cdf(0.975)
"""How many standard deviations the ends of a 95 % interval lie off."""

_HALVINGS = 60
_POWER = NormalDist().inv_cdf(0.8)
_HOPELESS = 10_000
"""So many times the samples are as good as never."""

Ends = Callable[[float, float], tuple[float, float]]


def joint_z(comparisons: int) -> float:
    """How many standard deviations off, so that all of several intervals hold with 95 %.

    By Bonferroni's inequality, which asks nothing of how the comparisons depend on one another
    (here they share a baseline and its samples).
    """
    return NormalDist().inv_cdf(1.0 - 0.025 / max(comparisons, 1))


def proportion_interval(
    count: ArrayLike, total: ArrayLike, *, z: float = Z
) -> tuple[Floats, Floats]:
    """The interval of a proportion by Wilson's score test.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA
    22:209-212; recommended by Brown, Cai and DasGupta 2001, "Interval estimation for a binomial
    proportion", Statistical Science 16:101-133.

    Args:
        count: samples that have it.
        total: all samples, at least 1.
        z: how many standard deviations each end lies off.
    """
    n = np.asarray(total, np.float64)
    share = np.asarray(count, np.float64) / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # What is left of rounding must not put the proportion outside its own interval.
    return np.clip(centre - half, 0.0, share), np.clip(centre + half, share, 1.0)


def paired_loss_interval(
    lost: ArrayLike, gained: ArrayLike, total: ArrayLike, *, z: float = Z
) -> tuple[Floats, Floats]:
    """The interval of ``(lost - gained) / total`` for paired answers, by Tango's score test.

    Tango 1998, "Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design", Statistics in Medicine 17:891-908; among the methods that Newcombe and
    later reviews compare, the one that keeps its coverage where few answers differ. Samples that
    both answer right, or both wrong, count through ``total`` alone.

    Args:
        lost: samples that the baseline answers right and the variant does not.
        gained: the reverse.
        total: all samples, at least 1.
        z: how many standard deviations each end lies off.
    """
    counts: Any = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (lost, gained, total)))
    return _tango_end(counts, -z), _tango_end(counts, z)


def _tango_end(counts: Any, z: float) -> Floats:
    """Where the score statistic, which falls with the difference, is ``-z``: by bisection."""
    lost, gained, total = counts
    low, high = np.full(lost.shape, -1.0), np.full(lost.shape, 1.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _tango_score(lost, gained, total, middle) > -z
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    end: Floats = (low + high) / 2
    return end


def _tango_score(lost: Floats, gained: Floats, total: Floats, difference: Floats) -> Floats:
    """The observed difference less an assumed one, in standard errors under that assumption."""
    a = 2 * total
    b = -lost - gained + (2 * total - lost + gained) * difference
    c = -gained * difference * (1 - difference)
    share = (-b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0))) / (2 * a)
    variance = total * (2 * share + difference * (1 - difference))
    score: Floats = (lost - gained - total * difference) / np.sqrt(np.maximum(variance, 1e-300))
    return score


def samples_to_tell(ends: Ends, value: float, samples: int, limit: float) -> int | None:
    """About how many samples more would tell on which side of a limit a figure lies.

    So many that, if the figure is what it now seems, its interval keeps clear of the limit in four
    cases out of five.

    Args:
        ends: the interval as it would be with so many times the samples, its ends so many standard
            deviations further out.
        value: of the figure.
        samples: that there are.
        limit: that the figure is held against.

    Returns:
        0 where it is told, None where no number of samples that one could have would.
    """

    def told(times: float, further: float) -> bool:
        low, high = ends(times, further)
        return high <= limit if value <= limit else low > limit

    if told(1.0, 0.0):
        return 0
    low, high = 1.0, 2.0
    while not told(high, _POWER):
        low, high = high, high * 2
        if high > _HOPELESS:
            return None
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if told(middle, _POWER) else (middle, high)
    return max(math.ceil(samples * (high - 1)), 1)
