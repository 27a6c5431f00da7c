"""Cheap looks at a point before anything is trained: sizes by arithmetic, latency of the structure.

For dense kernels the time of an inference does not depend on the weights' values, so the structure
is converted untrained and measured; only what can keep to the limits is trained.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.data import Data
from bench.errors import BenchError
from bench.inputs.launches import feed, write_sample
from bench.measure import Job, measure
from bench.observers import Observer
from bench.searching.space import Space
from bench.searching.values import Limits, Params, Trial
from bench.stats.summary import compare_paired, summarize
from bench.targets import Target
from bench.values import Environment, Failure, Launch, Plan, Variant

LAUNCHES = 4
"""Of a structure and float32 each, in blocks: enough to tell 10 % apart on a quiet machine."""

SLACK = 1.25
"""An estimate of zipped bytes may be wrong by so much before a point is dropped for it."""

HOPE = 1.1
"""A point is dropped whose estimate is worse by so much than the best that keeps to the limits."""


@dataclass(frozen=True)
class Speed:
    """Of one structure, by target: microseconds, and how many times faster than float32.

    Attributes:
        least_us, most_times: the good ends of their intervals, for the targets where launches
            gave one.
    """

    medians_us: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    least_us: Mapping[str, float] = field(default_factory=dict)
    most_times: Mapping[str, float] = field(default_factory=dict)


class Stopwatch:
    """Measures structures beside float32, each once.

    Args:
        opened: gives the targets, anew each time: one that was launched on is cancelled for good.
        sample: file that targets read test samples from.
    """

    def __init__(
        self,
        opened: Callable[[], Sequence[Target]],
        baseline: Variant,
        data: Data | None,
        plan: Plan,
        sample: Path,
        observer: Observer,
    ) -> None:
        self._opened, self._baseline, self._data = opened, baseline, data
        self._plan = replace(plan, launches=LAUNCHES, until=None, profile=False)
        self._sample, self._observer = sample, observer
        self._known: dict[str, Speed] = {}

    def time(self, variant: Variant) -> Speed:
        """How fast a variant is.

        Raises:
            BenchError: no launch of it gave a figure; says why.
        """
        if variant.sha256 not in self._known:
            self._known[variant.sha256] = self._time(replace(variant, name="structure"))
        return self._known[variant.sha256]

    def _time(self, variant: Variant) -> Speed:
        fed = feed([replace(self._baseline, name="float32"), variant], self._plan, self._data)
        write_sample(self._sample, fed.data, fed.variants)
        launches: dict[tuple[str, str], list[Launch]] = defaultdict(list)
        last: Failure | None = None
        job = Job(fed.variants, self._plan)
        targets = self._opened()
        for item in measure(targets, job, self._note):
            if isinstance(item, Launch):
                launches[item.target, item.variant].append(item)
            elif isinstance(item, Failure) and not item.discarded:
                last = item
            elif isinstance(item, Environment):
                self._observer.step(f"measuring the structure on {item.label}", 0, 0)
        self._observer.finish()
        medians, times, least, most = {}, {}, {}, {}
        for target in (target.id for target in targets):
            ours = launches[target, fed.variants[-1].name]
            theirs = launches[target, fed.variants[0].name]
            if not ours or not theirs:
                message = last.message if last else "no launch gave a figure"
                hint = last.hint if last else "see: bench doctor"
                raise BenchError(f"{target}: {message}", hint=hint)
            median = summarize(ours).median_us
            compared = compare_paired(theirs, ours)
            medians[target], times[target] = median.value, 1 / compared.ratio
            if median.low is not None:
                least[target] = median.low
            if compared.low is not None:
                most[target] = 1 / compared.low
        return Speed(medians, times, least, most)

    def _note(self, target: str, words: str) -> None:
        self._observer.note(f"measuring the structure on {target}", words)


def why_too_large(space: Space, params: Params, limits: Limits, best: Trial | None) -> str:
    """Why the file of a point would be too large, by shapes and bits alone; empty where it may fit.

    What a file takes besides its weights is that of the best one: it falls with the channels, too.

    Args:
        best: the best trial that keeps to all limits, if any does.
    """
    zipped, size = space.zipped_weights(params), space.weights(params)
    if limits.zipped_bytes is not None and zipped > SLACK * limits.zipped_bytes:
        return f"weights of about {zipped / 1e3:.3g} kB zipped"
    if limits.size_bytes is not None and size > limits.size_bytes:
        return f"weights of {size / 1e3:.3g} kB"
    if best is None or space.aim == "latency":
        return ""
    weigh = space.zipped_weights if space.aim == "zipped" else space.weights
    found = best.figure(space.aim)
    about = weigh(params) + max(0.0, found - weigh(best.params))
    if about > HOPE * found:
        return f"about {about / 1e3:.3g} kB, and {found / 1e3:.3g} kB is found already"
    return ""


def why_too_slow(speed: Speed, limits: Limits, best: float | None) -> str:
    """Why a structure is too slow to be trained; empty where it may not be.

    Told by the good ends of the intervals: a busy machine makes them wide, and drops nothing that
    it cannot tell apart.

    Args:
        best: the time of the best that keeps to all limits, as a fraction of float32's.
    """
    least_us = max({**speed.medians_us, **speed.least_us}.values(), default=0.0)
    if limits.median_us is not None and least_us > limits.median_us:
        return f"{least_us / 1e3:.3g} ms at least"
    most_times = min({**speed.times, **speed.most_times}.values(), default=math.inf)
    if best is not None and 1 / most_times > HOPE * best:
        return (
            f"{most_times:.2f}x faster than float32 at most, and {1 / best:.2f}x is found already"
        )
    return ""
