"""How often a true slowdown is called one, as Markdown for the README.

``python -m tests.benchmarks.simulate_power [REPETITIONS]``: some seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from bench.stats.intervals import paired_interval, unpaired_interval
from tests.benchmarks.simulate_noise import Floats

LAUNCHES = (5, 10, 20, 40)
SPREADS = (0.01, 0.02, 0.05, 0.10, 0.20)
SLOWDOWN = 0.05


def power(
    spread: float, launches: int, *, slowdown: float, repetitions: int, seed: int = 0
) -> tuple[float, float]:
    """How often the slowdown is called, paired by blocks and between two sessions.

    ``spread`` is the standard deviation of launch medians, independent from launch to launch.
    """
    rng = np.random.default_rng(seed)
    old, new = spread * rng.standard_normal((2, repetitions, launches))
    new += np.log1p(slowdown)
    return _slower(paired_interval(new - old).low), _slower(unpaired_interval(old, new).low)


def _slower(low: Floats) -> float:
    return float(np.mean(low > 0.0))


def table(repetitions: int) -> Iterator[str]:
    """One line per spread of launches; paired, and between two sessions in brackets."""
    yield "| launches differ by (sd) | " + " | ".join(f"{n} launches" for n in LAUNCHES) + " |"
    yield "|---" * (len(LAUNCHES) + 1) + "|"
    for spread in SPREADS:
        cells = []
        for launches in LAUNCHES:
            paired, apart = power(spread, launches, slowdown=SLOWDOWN, repetitions=repetitions)
            cells.append(f"{paired:.0%} ({apart:.0%})")
        yield f"| {spread:.0%} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    sys.stdout.write(f"A true slowdown of {SLOWDOWN:.0%} is called one, interleaved ")
    sys.stdout.write("(in two sessions):\n\n")
    for line in table(repetitions):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
