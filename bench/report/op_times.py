"""Which ops take the time: launches' profiles, summed up by type of op."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.values import Launch

OpTimes = Mapping[str, float]
"""Type of op to microseconds per inference."""


def op_times(launches: Sequence[Launch]) -> OpTimes:
    """Microseconds per inference by type of op: the median over launches of each type's sum.

    A delegate's own row counts, and not the rows that split it up, or its time would count twice.
    Empty where no launch was profiled (``--profile``). Profiling costs time itself: these figures
    compare ops, and their sum is more than the latency.
    """
    sums: defaultdict[str, list[float]] = defaultdict(list)
    profiled = [launch.facts["ops"] for launch in launches if launch.facts.get("ops")]
    for ops in profiled:
        of_launch: defaultdict[str, float] = defaultdict(float)
        for op in ops:
            if op["inside"] == "graph":
                of_launch[op["op"]] += op["avg_us"]
        for name, sum_us in of_launch.items():
            sums[name].append(sum_us)
    medians = {name: statistics.median(each) for name, each in sums.items()}
    return dict(sorted(medians.items(), key=lambda item: -item[1]))
