"""Tests on one figure per launch or block: does it drift, and does it fall into two groups?

On plain arrays of logarithms, all leading axes at once, like ``bench.stats.intervals``. Each asks
for certainty (about 1 % false alarms) and for a size that matters.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.stats.intervals import Floats

MIN_TREND = 6
MIN_GROUPED = 8

_CERTAIN_Z = 2.6
_FALSE_SPLITS = 0.01
_SMALLER_GROUP = 0.2
_POINTS = 40


def drift(series: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Whether a series in order of time rises or falls.

    By the test of Mann (1945, "Nonparametric tests against trend", Econometrica 13:245-259) and
    Kendall, whatever the distribution. Long series are first averaged in 40 stretches.

    Returns:
        the change from the first third to the last, as a logarithm, and whether it is certain.
    """
    points = _stretches(series)
    size = points.shape[-1]
    third = max(size // 3, 1)
    change = np.median(points[..., -third:], axis=-1) - np.median(points[..., :third], axis=-1)
    if size < MIN_TREND:
        return change, np.zeros(points.shape[:-1], dtype=bool)
    first, second = np.triu_indices(size, 1)
    score = np.sign(points[..., second] - points[..., first]).sum(axis=-1)
    sd = math.sqrt(size * (size - 1) * (2 * size + 5) / 18)
    return change, np.abs(score) - 1 > _CERTAIN_Z * sd


def two_groups(values: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Whether values fall into two groups with a gap between.

    Of the gaps that leave at least a fifth of the values on either side the widest is held against
    the others. For evenly spread values, of all distributions with one peak the one with the widest
    gaps, one gap exceeds t times the mean of the m others with probability (1 + t/m)⁻ᵐ (spacings
    are exponential; Pyke 1965, "Spacings", Journal of the Royal Statistical Society B 27:395-449).
    More than 40 values are first thinned to 40 of their quantiles.

    Returns:
        the distance of the groups' medians, as a logarithm, and whether there are two.
    """
    ordered = np.sort(values, axis=-1)
    if ordered.shape[-1] > _POINTS:
        ordered = np.quantile(ordered, (np.arange(_POINTS) + 0.5) / _POINTS, axis=-1)
        ordered = np.moveaxis(ordered, 0, -1)
    size = ordered.shape[-1]
    if size < MIN_GROUPED:
        none = np.zeros(ordered.shape[:-1])
        return none, none.astype(bool)
    gaps = np.diff(ordered, axis=-1)
    least = max(2, math.ceil(_SMALLER_GROUP * size))
    inner = gaps[..., least - 1 : size - least]
    at = inner.argmax(axis=-1) + least
    widest = inner.max(axis=-1)
    others = size - 2
    limit = others * ((_FALSE_SPLITS / inner.shape[-1]) ** (-1 / others) - 1)
    split = widest > limit * (gaps.sum(axis=-1) - widest) / others
    lower = np.take_along_axis(ordered, (at // 2)[..., None], axis=-1)
    upper = np.take_along_axis(ordered, ((at + size) // 2)[..., None], axis=-1)
    return (upper - lower)[..., 0], split


def _stretches(series: Floats) -> Floats:
    """At most 40 points: averages of stretches of equal length."""
    if series.shape[-1] <= _POINTS:
        return series
    parts = np.array_split(series, _POINTS, axis=-1)
    return np.stack([part.mean(axis=-1) for part in parts], axis=-1)
