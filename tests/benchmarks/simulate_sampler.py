"""P99 from launch maxima, against all runs of many launches of four, as Markdown.

``python -m tests.benchmarks.simulate_sampler [REPETITIONS]``: about a minute. A stock
benchmark_model lets every run of a launch of up to four be known
(``tests.benchmarks.tool_samples``), so that a P99 from samples needs 92 launches of four: 368 runs
are the fewest with an interval.

Each plan is given with what it takes of the phone's time, in launches of 69 runs: a launch of n
runs costs n, the warm-up and the start of its process, which is assumed to take 0.05 s: on a phone
where it takes longer, plans of many launches cost more than is told here. Told are the shares of
sessions whose 95 % interval holds the true P99, in the mean and in the worst kind of session, and
how wide the interval is: the higher end over the lower, the median of sessions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from bench.stats.intervals import Interval, p99_from_maxima, p99_from_samples, quantile_interval
from tests.benchmarks.simulate_noise import DRAW, Floats, Session, covered, sessions

WARMUP_RUNS, WARMUP_S = 10, 0.2
LAUNCH_S = 0.05
"""Start, load and the harness's own. An assumption, low in favour of many launches."""

RUN_S = (0.001, 0.02)

Estimate = Callable[[Floats], Interval]
"""From logarithms of runs, (repetitions, launches, runs)."""


def maxima(times: Floats) -> Interval:
    """As reports do it."""
    counts = np.full(times.shape[1], times.shape[2])
    return p99_from_maxima(times.max(axis=-1), np.median(times, axis=-1), counts)


def samples(times: Floats) -> Interval:
    """As reports do it where samples are kept: around each launch's median."""
    counts = np.full(times.shape[1], times.shape[2])
    flat = times.reshape(len(times), -1)
    return p99_from_samples(flat, np.median(times, axis=-1), counts)


def pooled(times: Floats) -> Interval:
    """All runs in one heap, as if they were of one launch."""
    return quantile_interval(times.reshape(len(times), -1), 0.99)


@dataclass(frozen=True)
class Way:
    """A plan and what is made of it."""

    name: str
    launches: int
    runs: int
    estimate: Estimate

    def cost(self, run_s: float) -> float:
        """What it takes, in launches of 69 runs of so many seconds each."""
        return self.launches * _launch_s(self.runs, run_s) / _launch_s(69, run_s)


WAYS = (
    Way("maxima", 10, 69, maxima),
    Way("maxima", 20, 69, maxima),
    Way("maxima", 40, 69, maxima),
    Way("maxima", 40, 20, maxima),
    Way("every run, around its launch's median", 92, 4, samples),
    Way("every run, in one heap", 92, 4, pooled),
    Way("every run, around its launch's median", 173, 4, samples),
    Way("every run, in one heap", 173, 4, pooled),
    Way("(every run of long launches, which no tool tells)", 10, 69, samples),
)


def _launch_s(runs: int, run_s: float) -> float:
    return LAUNCH_S + max(WARMUP_RUNS * run_s, WARMUP_S) + runs * run_s


def simulate(way: Way, session: Session, repetitions: int, seed: int) -> tuple[float, float]:
    """Coverage of the typical launch's P99, and the interval's width as a ratio of its ends."""
    rng = np.random.default_rng(seed)
    noise = DRAW[session.shape](rng, (repetitions, way.launches, way.runs))
    levels = session.levels(rng, repetitions, way.launches) + session.warming(way.launches)
    interval = way.estimate(noise + levels[..., None])
    if np.isnan(interval.low).all():
        return float("nan"), float("nan")
    width = float(np.exp(np.median(interval.high - interval.low)))
    return covered(interval, session.truth(0.99)), width


def table(repetitions: int) -> Iterator[str]:
    """One line per way, over all kinds of session."""
    kinds = sessions()
    times = " | ".join(f"takes, {run_s * 1000:g} ms a run" for run_s in RUN_S)
    yield f"| P99 from | launches × runs | {times} | covers, mean | worst | width |"
    yield "|---" * (5 + len(RUN_S)) + "|"
    for way in WAYS:
        found = [simulate(way, kind, repetitions, seed) for seed, kind in enumerate(kinds)]
        shares, widths = (np.array(each) for each in zip(*found, strict=True))
        costs = " | ".join(f"{way.cost(run_s):.0f}" for run_s in RUN_S)
        covers = "no interval | "
        if not np.isnan(shares).all():
            covers = f"{shares.mean():.1%} | {shares.min():.1%}"
        yield (
            f"| {way.name} | {way.launches} × {way.runs} | {costs} | {covers} "
            f"| {np.median(widths):.2f} |"
        )


def main() -> None:
    """Print the table."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for line in table(repetitions):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
