"""What launches say beyond their figures: warnings as values, each with its figure and hint.

Codes: ``too-few-runs``, ``spread``, ``two-groups``, ``two-speeds``, ``drift``, ``baseline-moved``,
``throttled``, ``no-temperature``, ``busy-host``, ``deprecated``. Each but the last asks for
certainty and for a size that matters; the false-positive rate of each on clean launches is
simulated in ``tests``.

Keys read from ``Launch.state``, all optional:

- ``before``, ``after``: readings of the device, each with ``thermal_status`` (a name, or a number:
  0 or ``none`` is well);
- ``work_us``, ``cool_work_us``: time of a fixed piece of work, now and when the device was cool;
- ``other_cpu_share``: fraction of the host's CPU time that other processes took during the launch.

Of ``Launch.facts`` ``deprecated`` is read: since which Android, by the name of a delegate that ran.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.stats.intervals import Floats
from bench.stats.patterns import drift, two_groups
from bench.stats.sample import Sample, rounding_us
from bench.stats.summary import missing_p99
from bench.values import Launch, ReportWarning

WIDE_SPREAD = 0.20
"""Of launch medians, from the first decile to the last, as a fraction of their median."""

NOTEWORTHY_GROUPS = 0.05
NOTEWORTHY_DRIFT = 0.03
THROTTLED_WORK = 1.10
"""Fixed work that takes a tenth longer than when cool (the rule of Jetpack's benchmark library)."""

BUSY_SHARE = 0.10
_MANY_LAUNCHES = 0.2
_LAUNCHES_LOOKED_INTO = 50

Launches = Sequence[Launch]
ByVariant = Mapping[str, Launches]
Samples = Mapping[str, Sample]


def find_warnings(launches: ByVariant, *, baseline: str | None = None) -> list[ReportWarning]:
    """What to know before believing the figures of one target.

    Args:
        launches: of one target, by the variant's name.
        baseline: the variant that the others are compared with.

    Returns:
        at most one warning per code and variant; ``variant`` is None where it concerns several.
    """
    found: list[ReportWarning | None] = []
    measured = {name: Sample.of(those) for name, those in launches.items() if those}
    for those in measured.values():
        found += [look(those) for look in _OF_A_VARIANT]
    if measured:
        everything = [launch for those in measured.values() for launch in those]
        found += [_drift(measured, everything[0].target)]
        found += [_baseline_moved(measured, baseline)]
        found += [_throttled(everything), _unwatched(everything), _busy(everything)]
    return _merged([warning for warning in found if warning is not None])


def _merged(found: Sequence[ReportWarning]) -> list[ReportWarning]:
    """What is true of several variants in the same words is said once, of none of them."""
    alike: defaultdict[ReportWarning, list[ReportWarning]] = defaultdict(list)
    for warning in found:
        alike[replace(warning, variant=None)].append(warning)
    return [those[0] if len(those) == 1 else common for common, those in alike.items()]


def _too_few_runs(launches: Sample) -> ReportWarning | None:
    missing = missing_p99(launches)
    if missing is None:
        return None
    more = ""
    if missing.launches is not None:
        more = f"add {missing.launches} launches, or "
    return _warning(
        "too-few-runs",
        f"no P99: {missing.reason}",
        f"{more}plan at least 10 launches of 69 runs",
        launches[0],
    )


def _spread(launches: Sample) -> ReportWarning | None:
    if len(launches) < 3:
        return None
    if launches.medians_us.min() <= 0:  # as in _two_groups
        return None
    low, high = np.quantile(launches.log_medians, [0.1, 0.9])
    spread = math.expm1(float(high - low))
    if spread <= WIDE_SPREAD:
        return None
    return _warning(
        "spread",
        f"launches differ by {spread:.0%} (first to last decile of {len(launches)} medians)",
        "close what else runs, fix clock speeds, let it cool; more launches narrow the interval",
        launches[0],
    )


def _two_groups(launches: Sample) -> ReportWarning | None:
    medians = launches.medians_us
    distance, split = two_groups(launches.log_medians)
    apart = math.expm1(float(distance))
    # Neighbours in whole microseconds are no groups, only rounded.
    if medians.min() <= 0:  # a tool that rounds: how many times more than nothing says nothing
        return None
    steps = 2 * rounding_us(medians) / float(np.median(medians))
    if not split or apart < max(NOTEWORTHY_GROUPS, 2.5 * steps):
        return None
    return _warning(
        "two-groups",
        f"launches fall into two groups {apart:.0%} apart, with nothing between",
        "often big and little cores, or clock speeds: bind launches to cores (--affinity); "
        "the median may be that of either group",
        launches[0],
    )


def _two_speeds(launches: Sample) -> ReportWarning | None:
    """Two groups within most launches; needs the samples."""
    kept = [x.latency.samples_ns for x in launches[:_LAUNCHES_LOOKED_INTO] if x.latency.samples_ns]
    if not kept:
        return None
    looks = [two_groups(np.log(np.maximum(samples, 1))) for samples in kept]
    apart = [math.expm1(float(distance)) for distance, split in looks if split]
    apart = [each for each in apart if each >= NOTEWORTHY_GROUPS]
    if 2 * len(apart) <= len(kept):
        return None
    return _warning(
        "two-speeds",
        f"runs within a launch have two speeds {float(np.median(apart)):.0%} apart",
        "threads that move between cores or a clock that steps: try --affinity, fewer --threads "
        "or more warm-up runs",
        launches[0],
    )


def _deprecated(launches: Sample) -> ReportWarning | None:
    """A delegate that ran, and that this phone's Android has given up."""
    since: dict[str, str] = {}
    for launch in launches:
        since.update(launch.facts.get("deprecated") or {})
    if not since:
        return None
    told = ", ".join(f"{name} is deprecated from {android} on" for name, android in since.items())
    return _warning(
        "deprecated",
        told,
        "an update may make it slower or take it away: hold --delegate gpu, npu or xnnpack against "
        "it before you ship it",
        launches[0],
    )


_OF_A_VARIANT: tuple[Callable[[Sample], ReportWarning | None], ...] = (
    _too_few_runs,
    _spread,
    _two_groups,
    _two_speeds,
    _deprecated,
)


def _drift(launches: Samples, target: str) -> ReportWarning | None:
    """All variants together, so that it is the device that drifts."""
    change, certain = drift(_by_block([_around_own(each) for each in launches.values()]))
    relative = math.expm1(float(change))
    if not certain or abs(relative) < NOTEWORTHY_DRIFT:
        return None
    slower = "slower" if relative > 0 else "faster"
    return ReportWarning(
        code="drift",
        message=f"launches became {abs(relative):.0%} {slower} in the course of the session",
        hint="ratios hold, for variants took turns; for medians warm up or cool down longer",
        target=target,
    )


def _baseline_moved(launches: Samples, baseline: str | None) -> ReportWarning | None:
    """The baseline against the other variants, so that what drifts for all is left out."""
    others = [_around_own(each) for name, each in launches.items() if name != baseline]
    if baseline is None or baseline not in launches or not others:
        return None
    own = _around_own(launches[baseline])
    beside: defaultdict[int, list[float]] = defaultdict(list)
    for medians in others:
        for block in medians.keys() & own.keys():
            beside[block].append(medians[block])
    relative = {block: own[block] - sum(each) / len(each) for block, each in beside.items()}
    if not relative:
        return None
    change, certain = drift(_by_block([relative]))
    moved = math.expm1(float(change))
    if not certain or abs(moved) < NOTEWORTHY_DRIFT:
        return None
    slower = "slower" if moved > 0 else "faster"
    return _warning(
        "baseline-moved",
        f"the baseline became {abs(moved):.0%} {slower} beside the other variants",
        "every ratio leans on it: measure again, with more launches and a device at rest",
        launches[baseline][0],
    )


def _throttled(launches: Launches) -> ReportWarning | None:
    reasons = [reason for launch in launches if (reason := _throttling(launch.state))]
    if not reasons:
        return None
    return ReportWarning(
        code="throttled",
        message=f"{len(reasons)} of {len(launches)} launches ran throttled ({reasons[-1]})",
        hint="let it cool between launches, out of its case and off the charger",
        target=launches[0].target,
    )


def _throttling(state: Mapping[str, Any]) -> str:
    """How a launch's state shows throttling, in a few words; empty if it does not."""
    for when in ("before", "after"):
        status = (state.get(when) or {}).get("thermal_status")
        if status not in (None, 0, "0", "none"):
            return f"thermal status {status} {when} it"
    work, cool = state.get("work_us"), state.get("cool_work_us")
    if work and cool and work > THROTTLED_WORK * cool:
        return f"fixed work {work / cool - 1:.0%} slower than when cool"
    return ""


def _unwatched(launches: Launches) -> ReportWarning | None:
    """A phone that tells nothing of its heat; targets that give no readings are not meant."""
    readings = [state for launch in launches if (state := launch.state.get("before")) is not None]
    if not readings or any(state.keys() & {"celsius", "thermal_status"} for state in readings):
        return None
    return ReportWarning(
        code="no-temperature",
        message="the phone tells no temperature, so that no launch waited for it to cool",
        hint="watch for drift, which would be named here, and touch the phone: ratios hold, for "
        "variants took turns",
        target=launches[0].target,
    )


def _busy(launches: Launches) -> ReportWarning | None:
    shares = np.array([launch.state.get("other_cpu_share") or 0.0 for launch in launches])
    busy = int(np.count_nonzero(shares > BUSY_SHARE))
    if busy <= _MANY_LAUNCHES * len(launches):
        return None
    return ReportWarning(
        code="busy-host",
        message=f"other processes took up to {shares.max():.0%} of the CPU time "
        f"in {busy} of {len(launches)} launches",
        hint="close them and run the same command on a machine at rest",
        target=launches[0].target,
    )


def _warning(code: str, message: str, hint: str, launch: Launch) -> ReportWarning:
    return ReportWarning(code, message, hint, variant=launch.variant, target=launch.target)


def _around_own(sample: Sample) -> dict[int, float]:
    """The logarithm of each block's median, around the variant's own."""
    medians = sample.log_medians_by_block
    middle = float(np.median(list(medians.values())))
    return {block: each - middle for block, each in medians.items()}


def _by_block(series: Sequence[Mapping[int, float]]) -> Floats:
    """The mean of several series at each block, in order."""
    blocks: defaultdict[int, list[float]] = defaultdict(list)
    for values in series:
        for block, value in values.items():
            blocks[block].append(value)
    return np.array([sum(blocks[block]) / len(blocks[block]) for block in sorted(blocks)])
