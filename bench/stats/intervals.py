"""Intervals over launches, 95 % for figures and 96 % for ratios, on plain arrays of logarithms.

Times are compared as ratios, so everything here works on natural logarithms of times. Every
function takes arrays whose last axis counts launches (or blocks) and works on all leading axes at
once, so that the simulations in ``tests`` prove the very code that makes a report. An interval
that does not exist is NaN.

Why no bootstrap: percentile and even bias-corrected bootstrap intervals of a median or a P99 of
ten launches cover well under 95 %. Order statistics and ranks need no resampling, no seed and no
assumption about the shape of the noise.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.stats.special import fractional_order, signed_rank_cut, t_quantile

Floats = NDArray[np.float64]

LOW, MIDDLE, HIGH = 0.975, 0.5, 0.025
"""Confidence that an order statistic lies at or below the quantile: see ``fractional_order``."""

MIN_ORDER_LAUNCHES = 6
"""With fewer, no 95 % interval from order statistics or signed ranks exists: 2 · 0.5⁵ > 0.05."""

MIN_P99_RUNS = 368
"""The smallest n with 0.99ⁿ <= 0.025: the largest of n runs lies above the P99 with 97.5 %."""

ALARM_TAIL = 0.02
"""Each tail of the interval of a ratio. It is thus a 96 % one: at exactly 95 %, two thousand
comparisons of a file with itself would as often as not give more than 5 % false alarms."""

WIDEST = 10.0
"""An interval whose ends differ by more than this factor says nothing and is none: Student's t of
two launches may reach from zero to a million seconds."""

_ALL_PAIRS_UP_TO = 500

_FINE = 1e-7
"""How finely a ratio of many blocks is located: far below what any clock tells."""


class Interval(NamedTuple):
    """A figure with its interval; arrays of equal shape, on the scale of logarithms."""

    value: Floats
    low: Floats
    high: Floats


def quantile_interval(values: Floats, fraction: float) -> Interval:
    """The quantile of order ``fraction`` of a distribution, from independent draws of it.

    Distribution-free: by interpolated order statistics (Hutson 1999, see ``fractional_order``).
    """
    ordered = np.sort(values, axis=-1)
    size = ordered.shape[-1]
    low, high = (_order(ordered, fractional_order(size, fraction, end)) for end in (LOW, HIGH))
    return Interval(_order(ordered, _middle_order(size, fraction)), low, high)


def center_interval(values: Floats) -> Interval:
    """The median of the population of launches, from one figure per launch.

    From 6 launches on by order statistics, whatever the distribution. With 2 to 5 by Student's t,
    which takes the logarithms to be about normal, and stretched to hold the median.
    """
    size = values.shape[-1]
    if size >= MIN_ORDER_LAUNCHES:
        return quantile_interval(values, 0.5)
    middle = np.median(values, axis=-1)
    _, low, high = t_interval(values, LOW)
    return Interval(middle, np.minimum(low, middle), np.maximum(high, middle))


def t_interval(values: Floats, confidence: float) -> Interval:
    """The mean, by Student's t with that confidence at each end; NaN ends for a single value."""
    size = values.shape[-1]
    mean = values.mean(axis=-1)
    if size < 2:
        return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    half = t_quantile(confidence, size - 1) * values.std(axis=-1, ddof=1) / math.sqrt(size)
    return Interval(mean, mean - half, mean + half)


def paired_interval(differences: Floats) -> Interval:
    """The centre of the differences between paired blocks.

    From 6 blocks on the Hodges-Lehmann estimate (the median of all pairwise averages) with the
    interval that inverts Wilcoxon's signed-rank test (Hollander, Wolfe and Chicken, sections 3.2
    and 3.3). Its one assumption is symmetry of the differences, which is certain if the two do not
    differ, for the order within a block is drawn at random: so at most 5 % false alarms, whatever
    the noise. With 2 to 5 blocks by Student's t.
    """
    size = differences.shape[-1]
    if size < MIN_ORDER_LAUNCHES:
        return t_interval(differences, 1 - ALARM_TAIL)
    cut = signed_rank_cut(size, ALARM_TAIL)
    assert cut is not None
    pairs = size * (size + 1) // 2
    # Of many pairs the two in the middle are as good as one.
    middle = (pairs // 2,) * 2 if size > _ALL_PAIRS_UP_TO else ((pairs - 1) // 2, pairs // 2)
    ranks = *middle, cut, pairs - 1 - cut
    below, above, low, high = _pairwise_averages(np.sort(differences, axis=-1), ranks)
    return Interval((below + above) / 2, low, high)


def unpaired_interval(old: Floats, new: Floats) -> Interval:
    """The centre of ``new`` minus that of ``old``, from two sessions with nothing to pair.

    By Yuen's test on 20 % trimmed means with Welch's degrees of freedom (Yuen 1974, "The
    two-sample trimmed t for unequal population variances", Biometrika 61:165-170): one launch gone
    astray does not decide, and the sessions may differ in spread. Below 5 launches nothing is
    trimmed and it is Welch's t.
    """
    old_mean, old_square, old_df = _trimmed(old)
    new_mean, new_square, new_df = _trimmed(new)
    difference = new_mean - old_mean
    if min(old_df, new_df) < 1:
        return Interval(difference, difference * np.nan, difference * np.nan)
    total = old_square + new_square
    shares = old_square**2 / old_df + new_square**2 / new_df
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(shares > 0, total**2 / shares, old_df + new_df)
    half = _t_factors(df) * np.sqrt(total)
    return Interval(difference, difference - half, difference + half)


def p99_from_maxima(maxima: Floats, medians: Floats, runs: NDArray[Any]) -> Interval:
    """The P99 of one run, from the maximum of each launch.

    Args:
        maxima: logarithms of the largest of each launch's runs, (…, launches).
        medians: logarithms of each launch's median (or mean), (…, launches).
        runs: of each launch, (launches,); they may differ.

    With F the distribution of one run, the maximum of n runs is at most x with probability F(x)ⁿ:
    at the P99 0.99ⁿ of the maxima lie at or below. Launches of different n are pooled by solving
    Σ 1{maximum <= x} = Σ 0.99ⁿ; that sum is then no more spread than the binomial that the
    interval takes it for (Hoeffding 1956, "On the distribution of the number of successes in
    independent trials", Annals of Mathematical Statistics 27:713-721).

    A maximum tells nothing of how runs follow one another. Where each remembers half of the one
    before and launches do not differ at all, the figure lies 0.3 % low, which is seen from about
    40 launches on; neighbours more alike than that need samples.
    """
    fraction = float(np.mean(0.99**runs))
    return _sum(center_interval(medians), quantile_interval(maxima - medians, fraction))


def p99_from_samples(samples: Floats, medians: Floats, runs: NDArray[Any]) -> Interval:
    """The P99 of one run, from every run of every launch.

    Args:
        samples: logarithms, launch after launch, (…, all runs).
        medians: logarithms of each launch's median, (…, launches).
        runs: of each launch, (launches,).

    The runs are normalised by their launch's median and pooled. The interval is that of
    order statistics for as many runs as are worth one independent run each: slow runs that come
    in clusters or in some launches only count for less (Woodruff 1952, JASA 47:635-646; the
    effective size as in Korn and Graubard 1998, Survey Methodology 24:193-201), though never for
    less than the fewest with which an interval exists.
    """
    residuals = samples - np.repeat(medians, runs, axis=-1)
    ordered = np.sort(residuals, axis=-1)
    size = ordered.shape[-1]
    value = _order(ordered, _middle_order(size, 0.99))
    worth = np.maximum(size / _design_effect(residuals > value[..., None], runs), MIN_P99_RUNS)
    low = _order(ordered, _scaled_orders(worth, size, LOW))
    high = _order(ordered, _scaled_orders(worth, size, HIGH))
    return _sum(center_interval(medians), Interval(value, low, high))


def _sum(first: Interval, second: Interval) -> Interval:
    """The interval of a sum of independent estimates from the intervals of its terms.

    The method of variance estimates recovery (Zou and Donner 2008, "Construction of confidence
    limits about effect measures", Statistics in Medicine 27:1693-1702).
    """
    value = first.value + second.value
    down = np.hypot(first.value - first.low, second.value - second.low)
    up = np.hypot(first.high - first.value, second.high - second.value)
    return Interval(value, value - down, value + up)


def _order(ordered: Floats, order: float | Floats | None) -> Floats:
    """The order statistic of that real order (from 1), by linear interpolation."""
    if order is None:
        return np.full(ordered.shape[:-1], np.nan)
    position = np.broadcast_to(np.asarray(order) - 1.0, ordered.shape[:-1])[..., None]
    below = np.clip(np.floor(position).astype(np.intp), 0, ordered.shape[-1] - 1)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    at, after = (np.take_along_axis(ordered, index, axis=-1) for index in (below, above))
    return (at + (position - below) * (after - at))[..., 0]


def _middle_order(size: int, fraction: float) -> float:
    """The median-unbiased order of a quantile, at the nearest end where there is none."""
    order = fractional_order(size, fraction, MIDDLE)
    return order if order is not None else (1.0 if fraction < 0.5 else float(size))


def _scaled_orders(worth: Floats, size: int, confidence: float) -> Floats:
    """Orders among ``size`` values of which only ``worth`` are independent."""
    steps, index = np.unique(np.floor(worth).astype(int), return_inverse=True)
    orders = [(fractional_order(step, 0.99, confidence) or step) / (step + 1) for step in steps]
    scaled: Floats = np.array(orders)[index].reshape(np.shape(worth)) * (size + 1)
    return np.minimum(scaled, float(size))


def _design_effect(slow: NDArray[np.bool_], runs: NDArray[Any]) -> Floats:
    """How many times the variance of the fraction of slow runs exceeds that of independent runs."""
    launches, total = len(runs), int(np.sum(runs))
    if launches < 2:
        return np.ones(slow.shape[:-1])
    counts = np.add.reduceat(slow, np.cumsum(runs) - runs, axis=-1, dtype=np.float64)
    fraction = counts.sum(axis=-1, keepdims=True) / total
    between = launches / (launches - 1) * np.sum((counts - runs * fraction) ** 2, axis=-1)
    alone = total * (fraction * (1 - fraction))[..., 0]
    effect: Floats = np.maximum(between / np.maximum(alone, 1e-12), 1.0)
    return effect


def _pairwise_averages(ordered: Floats, ranks: tuple[int, ...]) -> list[Floats]:
    """The averages of all pairs (each value with itself too) that have the given ranks, from 0."""
    size = ordered.shape[-1]
    if size <= _ALL_PAIRS_UP_TO:
        first, second = np.triu_indices(size)
        averages = (ordered[..., first] + ordered[..., second]) / 2
        averages.partition(sorted(set(ranks)), axis=-1)
        return [averages[..., rank] for rank in ranks]
    rows = ordered.reshape(-1, size)
    found = {
        rank: np.array([_ranked_average(row, rank) for row in rows]).reshape(ordered.shape[:-1])
        for rank in set(ranks)
    }
    return [found[rank] for rank in ranks]


def _ranked_average(ordered: Floats, rank: int) -> float:
    """One pairwise average where pairs are too many to list: counted, by bisection."""
    low, high = float(ordered[0]), float(ordered[-1])
    while high - low > _FINE:
        middle = (low + high) / 2
        partners = np.searchsorted(ordered, 2 * middle - ordered, side="right")
        alone = np.searchsorted(ordered, middle, side="right")
        if (int(partners.sum()) + int(alone)) // 2 > rank:
            high = middle
        else:
            low = middle
    return high


def _trimmed(values: Floats) -> tuple[Floats, Floats, int]:
    """The 20 % trimmed mean, its squared standard error and its degrees of freedom."""
    size = values.shape[-1]
    cut = size // 5
    kept = size - 2 * cut
    ordered = np.sort(values, axis=-1)
    mean = ordered[..., cut : size - cut].mean(axis=-1)
    winsorized = np.clip(ordered, ordered[..., cut, None], ordered[..., size - cut - 1, None])
    squares = ((winsorized - winsorized.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return mean, squares / (kept * max(kept - 1, 1)), kept - 1


def _t_factors(df: Floats) -> Floats:
    """Quantiles of t, degrees of freedom rounded down to tenths (so that few are computed)."""
    steps, index = np.unique(np.floor(df * 10) / 10, return_inverse=True)
    return np.array([t_quantile(1 - ALARM_TAIL, float(step)) for step in steps])[index].reshape(
        df.shape
    )
