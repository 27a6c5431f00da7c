"""The few distributions that intervals need, without SciPy.

All functions are scalar and cached: intervals ask for the same few values again and again.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

_PRECISION = 1e-14
_TINY = 1e-300
_EXACT_SIGNED_RANKS = 60


@lru_cache(maxsize=65536)
def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and 0 <= x <= 1.

    By its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22), evaluated
    with the modified method of Lentz on the side where it converges fast.
    """
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.log(a)
    log_front += a * math.log(x) + b * math.log1p(-x)
    c, d, fraction = math.inf, 1.0, 1.0
    for step in range(1, 100_000):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _not_zero(1.0 + term * d)
        c = _not_zero(1.0 + term / c)
        fraction *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return math.exp(log_front) * fraction


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


@lru_cache(maxsize=65536)
def t_quantile(probability: float, df: float) -> float:
    """The quantile of Student's t for ``probability`` in (0, 1) and real ``df`` > 0."""
    if probability < 0.5:
        return -t_quantile(1.0 - probability, df)
    low, high = 0.0, 1.0
    while _t_cdf(high, df) < probability:
        low, high = high, high * 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if _t_cdf(middle, df) >= probability else (middle, high)
    return (low + high) / 2.0


def _t_cdf(t: float, df: float) -> float:
    """The distribution function of Student's t for t >= 0."""
    return 1.0 - 0.5 * incomplete_beta(df / 2.0, 0.5, df / (df + t * t))


@lru_cache(maxsize=65536)
def fractional_order(size: float, fraction: float, confidence: float) -> float | None:
    """Which order statistic lies at or below a quantile with the given confidence.

    Of ``size`` draws the r-th smallest lies at or below the quantile of order ``fraction`` with
    probability I_share(r, size + 1 - r). Solved for a real r from 1 to ``size``, to be
    interpolated between neighbours (Hutson 1999, "Calculating nonparametric confidence intervals
    for quantiles using fractional order statistics", Journal of Applied Statistics 26:343-353).
    Confidence 0.975 and 0.025 give the ends of a 95 % interval, 0.5 the median-unbiased estimate.

    Returns:
        r, counted from 1, or None where no order statistic is that low or that high.
    """

    def reached(order: float) -> float:
        return incomplete_beta(order, size + 1.0 - order, fraction)

    if size < 1.0 or reached(1.0) < confidence or reached(size) > confidence:
        return None
    low, high = 1.0, float(size)
    for _ in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if reached(middle) >= confidence else (low, middle)
    return (low + high) / 2.0


@lru_cache(maxsize=4096)
def signed_rank_cut(blocks: int, tail: float) -> int | None:
    """The largest c for which Wilcoxon's signed-rank statistic is <= c with probability <= tail.

    Exact up to 60 blocks, by the normal approximation with its correction for continuity beyond
    (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 3rd ed., section 3.1).
    None where even c = 0 is too likely.
    """
    if blocks > _EXACT_SIGNED_RANKS:
        mean = blocks * (blocks + 1) / 4.0
        sd = math.sqrt(mean * (2 * blocks + 1) / 6.0)
        return math.floor(mean - 0.5 + NormalDist().inv_cdf(tail) * sd)
    ways = np.ones(1)
    for rank in range(1, blocks + 1):
        longer = np.zeros(ways.size + rank)
        longer[: ways.size] += ways / 2.0
        longer[rank:] += ways / 2.0
        ways = longer
    cut = int(np.searchsorted(np.cumsum(ways), tail, side="right")) - 1
    return cut if cut >= 0 else None
