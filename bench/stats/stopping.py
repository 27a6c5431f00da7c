"""When to stop measuring (``--until 2%``), and how many launches more would tell.

Launches go on until the median is known to within a fraction of itself. Stopping as soon as the
interval *looks* narrow picks out the moments when it happens to be too narrow: simulated, a 95 %
interval shown then covers 90 to 92 %. Two things prevent that (Chow and Robbins 1965, "On the
asymptotic theory of fixed-width sequential confidence intervals for the mean", Annals of
Mathematical Statistics 36:457-462; with order statistics in place of the mean, Geertsema 1970,
"Sequential confidence intervals based on rank tests", Annals of Mathematical Statistics
41:1016-1026):

- the claim has a fixed width: the true median lies within that fraction of the one shown. Give the
  precision to ``bench.summarize(until=…)`` too, and it never shows a narrower interval;
- the rule asks for a tenth more than that, and for ten launches at least.

What it then covers is simulated in ``tests``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np

from bench.stats.intervals import MIN_ORDER_LAUNCHES, Floats, center_interval
from bench.stats.sample import Sample
from bench.values import Comparison, Launch

MIN_LAUNCHES = 10
"""Before that the spread of launches is not known well enough to stop."""

_MARGIN = 1.1
_POWER = 0.8
_HOPELESS = 10_000

GateResult = Literal["pass", "regression", "can't tell"]


def enough(launches: Sequence[Launch], precision: float) -> bool:
    """Whether launches of one variant may stop: its median is known to within ``precision``.

    Args:
        launches: of one variant on one target, so far.
        precision: 0.02 for 2 %.
    """
    if len(launches) < MIN_LAUNCHES:
        return False
    return bool(reaches(Sample.of(launches).log_medians, precision))


def needed(launches: Sequence[Launch], precision: float) -> int:
    """About how many launches more it takes until ``enough``; 0 if it is.

    The interval narrows with the square root of the launches. From one launch nothing but the
    minimum can be told.
    """
    if enough(launches, precision):
        return 0
    if len(launches) < 2:
        return MIN_LAUNCHES - len(launches)
    medians = Sample.of(launches).log_medians
    # With few launches t's long tails say more about our ignorance than about launches to come.
    spread = float(np.std(medians, ddof=1)) * math.sqrt(math.pi / 2) * NormalDist().inv_cdf(0.975)
    half = spread / math.sqrt(len(medians))
    if len(launches) >= MIN_LAUNCHES:
        half = float(_half_width(medians))
    total = math.ceil(len(launches) * (_MARGIN * half / math.log1p(precision)) ** 2)
    return max(total, MIN_LAUNCHES, len(launches) + 1) - len(launches)


def reaches(log_medians: Floats, precision: float) -> np.ndarray:
    """The rule of ``enough`` on logarithms of launch medians, (…, launches)."""
    return np.asarray(_MARGIN * _half_width(log_medians) <= math.log1p(precision))


def gate(comparison: Comparison, limit: float) -> GateResult:
    """Whether a slowdown beyond ``limit`` (0.05 for 5 %) is certain, excluded, or neither."""
    if comparison.low is None or comparison.high is None:
        return "can't tell"
    if comparison.low > 1.0 + limit:
        return "regression"
    return "pass" if comparison.high <= 1.0 + limit else "can't tell"


def launches_to_tell(comparison: Comparison, limit: float = 0.0) -> int | None:
    """How many launches more, on either side, would tell on which side of the limit the ratio is.

    So many that, if the ratio is what it now seems, the interval keeps clear of the limit in four
    cases out of five. None where no number would: there is no interval to go by, or the ratio
    seems to lie at the limit. 0 where it is told already.

    Args:
        comparison: paired or unpaired.
        limit: 0.05 for a slowdown of 5 %; 0 asks whether there is any difference.
    """
    if comparison.low is None or comparison.high is None:
        return None
    line = math.log1p(limit)
    low, ratio, high = (math.log(x) for x in (comparison.low, comparison.ratio, comparison.high))
    if low > line or high < line:
        return 0
    distance = abs(ratio - line)
    half = high - ratio if ratio < line else ratio - low
    normal = NormalDist()
    half *= 1.0 + normal.inv_cdf(_POWER) / normal.inv_cdf(0.98)
    if half**2 * comparison.blocks > _HOPELESS * distance**2:
        return None
    total = math.ceil(comparison.blocks * (half / distance) ** 2)
    return max(total - comparison.blocks, 1)


def launches_to_know(comparison: Comparison) -> int:
    """How many launches more, at least, give a comparison an interval; 0 where it has one."""
    if comparison.low is not None:
        return 0
    return max(MIN_ORDER_LAUNCHES - comparison.blocks, 1)


def _half_width(log_medians: Floats) -> Floats:
    """The longer half of the interval of the median."""
    interval = center_interval(log_medians)
    longer: Floats = np.maximum(interval.high - interval.value, interval.value - interval.low)
    return longer
