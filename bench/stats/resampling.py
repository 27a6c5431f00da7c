"""Intervals of any figure that is a function of sums over samples, by the bootstrap.

A figure such as a mean IoU or R² is ``figure(totals)``, where ``totals`` are the sums over samples
of a few numbers per sample. Resampling samples then is a product of matrices, and leaving one out
is a subtraction.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.special import t_quantile

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]
"""Totals (…, numbers) to figures (…)."""

RESAMPLES = 2000
TAIL = 0.025
LEAST_SAMPLES = 5
"""With fewer, an interval made of the samples themselves means nothing."""

_AT_ONCE = 4_000_000
"""Draws that are held in memory at a time."""


class Bounds(NamedTuple):
    """A figure with its 95 % interval; the ends are None where there is none."""

    value: float
    low: float | None
    high: float | None


def bootstrap(per_sample: Floats, figure: Figure, *, seed: int = 0) -> Bounds:
    """The figure of all samples, and its interval.

    By the bias-corrected and accelerated bootstrap (Efron 1987, "Better bootstrap confidence
    intervals", JASA 82:171-185), its tails widened from the normal to Student's t, as small sets
    of samples need (Hesterberg 2015, "What teachers should know about the bootstrap", The American
    Statistician 69:371-386).

    Args:
        per_sample: (samples, numbers).
        figure: of the sums over samples.
        seed: of the draws; the same samples give the same interval.
    """
    size = len(per_sample)
    totals = per_sample.sum(axis=0)
    value = float(figure(totals))
    if size < LEAST_SAMPLES or not np.isfinite(value):
        return Bounds(value, None, None)
    draws = figure(resampled_totals(per_sample, seed))
    draws = draws[np.isfinite(draws)]
    if len(draws) < RESAMPLES / 2:
        return Bounds(value, None, None)
    alone = figure(totals - per_sample)
    low, high = _bca(np.sort(draws), alone[np.isfinite(alone)], value)
    return Bounds(value, min(low, value), max(high, value))


def resampled_totals(per_sample: Floats, seed: int) -> Floats:
    """Sums over as many samples as there are, drawn with replacement: (resamples, numbers)."""
    size = len(per_sample)
    rng = np.random.default_rng(seed)
    found = []
    step = max(1, _AT_ONCE // size)
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = rng.integers(0, size, (rows, size))
        drawn += np.arange(rows)[:, None] * size
        counts = np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)
        found.append(counts @ per_sample)
    return np.concatenate(found)


def _bca(ordered: Floats, alone: Floats, value: float) -> tuple[float, float]:
    """Both ends.

    Args:
        ordered: the resampled figures, sorted.
        alone: the figure without each of the samples.
        value: the figure of all samples.
    """
    normal = NormalDist()
    below = (np.sum(ordered < value) + np.sum(ordered <= value)) / 2
    bias = normal.inv_cdf(float(np.clip(below / len(ordered), 0.001, 0.999)))
    pulls = alone.mean() - alone
    spread = float(np.sum(pulls**2)) ** 1.5
    acceleration = float(np.sum(pulls**3)) / (6 * spread) if spread > 0 else 0.0
    size = len(alone)
    reach = t_quantile(1 - TAIL, size - 1) * (size / (size - 1)) ** 0.5
    ends = []
    for z in (-reach, reach):
        moved = bias + z
        share = normal.cdf(bias + moved / max(1 - acceleration * moved, 0.1))
        ends.append(float(np.quantile(ordered, share)))
    return ends[0], ends[1]


def pseudo_values(figures_without: Floats, whole: float) -> Floats:
    """Of a figure computed anew without each of some groups: one value per group.

    Tukey's pseudo-values (Miller 1974, "The jackknife - a review", Biometrika 61:1-15): their mean
    estimates the figure, and they are about independent, so that Student's t gives an interval.
    """
    groups = len(figures_without)
    values: Floats = groups * whole - (groups - 1) * figures_without
    return values


def t_bounds(values: Floats, centre: float) -> Bounds:
    """The interval of a mean about a centre, by Student's t."""
    if len(values) < 2 or not np.isfinite(values).all():
        return Bounds(centre, None, None)
    half = t_quantile(1 - TAIL, len(values) - 1) * float(values.std(ddof=1)) / len(values) ** 0.5
    return Bounds(centre, centre - half, centre + half)
