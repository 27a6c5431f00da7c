"""What a place within the block that is always slower would do to false alarms, as Markdown.

``python -m tests.benchmarks.simulate_place [SESSIONS]``: some seconds. A session is three variants
in 10 shuffled blocks, as ``tests.benchmarks.aa_noise`` measures it; each launch is slower by so
much for each place further back, and differs from the others by 0.6 %, as on the loopback phone at
rest.

Counted are differences called between two names of one file: over new seeds; over the seeds 0 to
19, which such an effect would give the same alarms each time; and with mirrored blocks, in which
every second block has the order of the one before backwards, so that place evens out within a
session.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import numpy as np

from bench import schedule
from bench.stats.intervals import Floats, paired_interval
from bench.values import Plan
from tests.examples import variant

BLOCKS = 10
LAUNCH_EFFECT = 0.006
EFFECTS = (0.0, 0.002, 0.004, 0.01, 0.02)
OLD_SEEDS = range(20)
NAMES = ("one", "again", "more")


def distances(seeds: Sequence[int]) -> Floats:
    """How many places the second name ran behind the first, (seeds, blocks)."""
    files = [variant(name) for name in NAMES]
    places = [
        [
            [file.name for file in schedule.order(files, Plan(seed=seed), block)]
            for block in range(BLOCKS)
        ]
        for seed in seeds
    ]
    return np.array(
        [[order.index("again") - order.index("one") for order in session] for session in places],
        dtype=np.float64,
    )


def mirrored(behind: Floats) -> Floats:
    """The same with every second block backwards."""
    twice = np.repeat(behind[:, ::2], 2, axis=1)
    twice[:, 1::2] *= -1
    return twice


def alarms(rng: np.random.Generator, behind: Floats, effect: float) -> float:
    """The share of sessions in which a difference is called."""
    noise = np.sqrt(2) * LAUNCH_EFFECT * rng.standard_normal(behind.shape)
    _, low, high = paired_interval(effect * behind + noise)
    return float(np.mean((low > 0) | (high < 0)))


def table(sessions: int) -> Iterator[str]:
    """One line per effect of place."""
    rng = np.random.default_rng(0)
    new = distances(range(1000, 1000 + sessions))
    old = np.tile(distances(OLD_SEEDS), (max(1, sessions // len(OLD_SEEDS)), 1))
    yield "| each place later is slower by | new seeds | seeds 0 to 19 | mirrored blocks |"
    yield "|---|---|---|---|"
    for effect in EFFECTS:
        cells = [alarms(rng, each, effect) for each in (new, old, mirrored(new))]
        yield f"| {effect:.1%} | " + " | ".join(f"{cell:.1%}" for cell in cells) + " |"


def main() -> None:
    """Print the table."""
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for line in table(sessions):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
