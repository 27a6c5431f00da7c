"""From launches to figures: summarize one variant, compare two.

What the figures mean. Launches of one file differ by far more than the runs within a launch, and a
user meets one launch at a time. So both figures describe the *typical launch*:

- the **median** is the median over launches of a launch's median (or mean, where the tool prints
  nothing else): half of all launches are faster than that;
- the **P99** is what 99 % of the runs of the typical launch stay within: runs (or maxima) are
  normalised by their launch's median and pooled. The rare slow *launch* is no part of it:
  ten launches cannot tell how slow one launch in a hundred is; the interval of the median and the
  warning on spread say how far launches lie apart.

A launch should have some thirty runs or more: the median of ten runs that have two speeds lies off
its own truth, which is seen from about 40 launches on (coverage 89 %).

The methods, with their sources, stand in ``bench.stats.intervals``; how often they hold the
truth is simulated in ``tests``. None of them resamples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.stats.intervals import (
    MIN_ORDER_LAUNCHES,
    MIN_P99_RUNS,
    WIDEST,
    Interval,
    center_interval,
    p99_from_maxima,
    p99_from_samples,
    paired_interval,
    unpaired_interval,
)
from bench.stats.sample import Sample, alike, logs, rounding_us
from bench.values import Comparison, Estimate, Launch, Missing, Summary

_BEST_RUNS_FOR_MAXIMA = 69
"""0.99⁶⁹ = 0.4998: the P99 is the median of the maxima, which takes the fewest launches."""


def summarize(launches: Sequence[Launch], *, until: float | None = None) -> Summary:
    """Summarize launches of one variant on one target, in microseconds.

    ``median_us`` and ``p99_us`` are as the module says, each with the kind it was computed from
    and a 95 % interval over launches (none for a single launch). ``runs`` counts all launches'
    runs. ``mean_us`` and ``std_us`` are of all runs together, so that ``std_us`` includes the
    spread between launches; ``min_us`` is the smallest run. ``init_us``, ``first_us`` and
    ``peak_bytes`` are medians over those launches that tell them, with the interval of a median.

    Args:
        launches: at least one, all of the same variant and target.
        until: the precision at which launches stopped by themselves (``bench.stats.stopping``): the
            interval of the median is then at least that wide, without which it would be too
            narrow to be true.

    Raises:
        ValueError: no launches at all.
    """
    if not launches:
        raise ValueError("nothing to summarize: no launches")
    sample = Sample.of(launches)
    mean_us, std_us = sample.pooled_moments_us
    return Summary(
        variant=launches[0].variant,
        target=launches[0].target,
        launches=len(launches),
        runs=sum(launch.latency.runs for launch in launches),
        median_us=_stretched(_median(sample), until),
        p99_us=_p99(sample),
        min_us=sample.least_us,
        mean_us=mean_us,
        std_us=std_us,
        init_us=typical(launch.init_us for launch in launches),
        first_us=typical(launch.first_us for launch in launches),
        # A tool that was started by a larger process prints 0, which is no footprint.
        peak_bytes=typical(launch.peak_bytes or None for launch in launches),
    )


def compare_paired(baseline: Sequence[Launch], variant: Sequence[Launch]) -> Comparison:
    """Compare a variant with the baseline on the same target, block by block.

    The ratio is the centre of the blocks' ratios of launch medians (see
    ``intervals.paired_interval``); what drifts from block to block falls out of it. Launches
    whose block the other side lacks are left out.

    Args:
        baseline: at least one launch.
        variant: at least one launch.

    Raises:
        ValueError: one side has no launches.
    """
    sides = _sides(baseline, variant)
    old, new = (side.log_medians_by_block for side in sides)
    shared = sorted(old.keys() & new.keys())
    if shared:
        interval = paired_interval(np.array([new[block] - old[block] for block in shared]))
    else:
        difference = np.median(list(new.values())) - np.median(list(old.values()))
        interval = Interval(difference, difference * np.nan, difference * np.nan)
    return _comparison(*sides, interval, blocks=len(shared))


def compare_unpaired(old: Sequence[Launch], new: Sequence[Launch]) -> Comparison:
    """Compare launches of two separate sessions, where no blocks are shared.

    The interval (see ``intervals.unpaired_interval``) knows the spread of launches within each
    session. What changed between the sessions besides the variant (heat, a reboot, an update) it
    cannot know. ``blocks`` is the number of launches on the smaller side.

    Raises:
        ValueError: one side has no launches.
    """
    sides = _sides(old, new)
    interval = unpaired_interval(*(side.log_medians for side in sides))
    return _comparison(*sides, interval, blocks=min(map(len, sides)))


def can_give_p99(launches: int, runs: int, *, samples: bool) -> Missing | None:
    """Whether a plan of so many launches of so many runs gives a P99; None if it does.

    Args:
        launches: per variant, at least 1.
        runs: per launch, at least 1.
        samples: every run is kept (local); otherwise each launch tells its maximum only.

    Returns:
        None, or what is missing: so many more launches, or so many more runs in all.
    """
    if samples:
        return _runs_missing(launches, launches * runs)
    return _launches_missing(np.full(launches, runs))


def missing_p99(launches: Sequence[Launch]) -> Missing | None:
    """What launches lack for a P99; None if they give one."""
    sample = Sample.of(launches)
    if sample.kind == "samples":
        return _runs_missing(len(launches), sum(len(x.latency.samples_ns) for x in launches))
    if sample.maxima_us is None:
        return Missing("the tool prints no maximum; a P99 comes from samples or launch maxima")
    return _launches_missing(sample.runs)


def _runs_missing(launches: int, total: int) -> Missing | None:
    """What samples lack for a P99."""
    missing = MIN_P99_RUNS - total
    if missing <= 0:
        return None
    reason = f"a P99 needs {MIN_P99_RUNS} runs, there are {total}"
    return Missing(reason, launches=math.ceil(missing * launches / total), runs=missing)


def _launches_missing(runs: NDArray[Any]) -> Missing | None:
    """What launch maxima lack for a P99, so that both ends of its interval exist.

    The largest maximum lies above the P99, and the smallest below it, with 97.5 % each.
    """
    fraction = float(np.mean(0.99**runs))
    shorter = (
        math.log(0.025) / math.log(max(fraction, 1 - fraction)) if 0 < fraction < 1 else math.inf
    )
    if len(runs) >= shorter:
        return None
    typical = round(float(np.mean(runs)))
    reason = f"a P99 from the maxima of {typical}-run launches needs "
    if math.isinf(shorter):
        return Missing(f"{reason}shorter launches: {_BEST_RUNS_FOR_MAXIMA} runs each")
    needed = math.ceil(shorter)
    reason += f"{needed} launches, there are {len(runs)}"
    if typical > 2 * _BEST_RUNS_FOR_MAXIMA:
        reason += (
            f" ({_BEST_RUNS_FOR_MAXIMA} runs per launch would need fewest: {MIN_ORDER_LAUNCHES})"
        )
    more = needed - len(runs)
    return Missing(reason, launches=more, runs=more * typical)


def _sides(first: Sequence[Launch], second: Sequence[Launch]) -> tuple[Sample, Sample]:
    if not first or not second:
        raise ValueError("nothing to compare: one side has no launches")
    return alike(first, second)


def _median(sample: Sample) -> Estimate:
    interval = center_interval(sample.log_medians)
    return _estimate(len(sample), interval, sample.kind, sample.rounding_us)


def _p99(sample: Sample) -> Estimate | Missing:
    if missing := missing_p99(sample):
        return missing
    if sample.kind == "samples":
        samples, runs = sample.samples_us
        interval = p99_from_samples(logs(samples), sample.log_medians, runs)
        return _estimate(len(sample), interval, "samples", 0.0)
    maxima = sample.maxima_us
    assert maxima is not None
    medians = sample.medians_us
    if sample.kind == "launch means":
        medians = sample.means_without(maxima)
    interval = p99_from_maxima(logs(maxima), logs(medians), sample.runs)
    return _estimate(len(sample), interval, "launch maxima", rounding_us(maxima))


def _stretched(estimate: Estimate, precision: float | None) -> Estimate:
    """At least as wide as the precision asked for."""
    if precision is None or estimate.low is None or estimate.high is None:
        return estimate
    low = min(estimate.low, estimate.value / (1.0 + precision))
    return replace(estimate, low=low, high=max(estimate.high, estimate.value * (1.0 + precision)))


def _estimate(launches: int, interval: Interval, kind: str, rounding: float) -> Estimate:
    """Back from logarithms to microseconds, widened by what printing has rounded away."""
    value, low, high = map(float, interval)
    if not _says_something(low, high, launches):
        return Estimate(math.exp(value), None, None, kind, rounding)
    low, high = math.exp(low), math.exp(high)
    return Estimate(math.exp(value), max(low - rounding, 0.0), high + rounding, kind, rounding)


def _says_something(low: float, high: float, launches: int) -> bool:
    """Whether there is an interval, on the scale of logarithms.

    Student's t of a few launches that differ gives ends that are no figures of anything.
    """
    if math.isnan(low) or math.isnan(high):
        return False
    return launches >= MIN_ORDER_LAUNCHES or high - low <= math.log(WIDEST)


def _comparison(old: Sample, new: Sample, interval: Interval, blocks: int) -> Comparison:
    """Back from logarithms to a ratio, its interval widened by rounding, and the verdict."""
    value, low, high = map(float, interval)
    for side in (old, new):
        if error := side.rounding_us:
            middle = max(float(np.median(side.medians_us)), error)
            relative = -math.log1p(-min(error / middle, 0.99))
            low, high = low - relative, high + relative
    verdict: Literal["faster", "slower", "no clear change"] = "no clear change"
    if low > 0.0 or high < 0.0:
        verdict = "slower" if low > 0.0 else "faster"
    known = _says_something(low, high, blocks)
    if not known:
        verdict = "no clear change"
    return Comparison(
        variant=new[0].variant,
        baseline=old[0].variant,
        target=new[0].target,
        ratio=math.exp(value),
        low=math.exp(low) if known else None,
        high=math.exp(high) if known else None,
        blocks=blocks,
        verdict=verdict,
    )


def typical(told: Iterable[float | None]) -> Estimate | None:
    """The median over launches of one figure of each, with its interval; None where none tells it.

    Args:
        told: one figure per launch, in any unit, more than 0; None where it is not known.
    """
    known = np.array([each for each in told if each is not None], dtype=np.float64)
    if not known.size:
        return None
    return _estimate(known.size, center_interval(logs(known)), "launches", rounding_us(known))
