"""What ``--until 2%`` promises and saves, as Markdown.

``python -m tests.benchmarks.simulate_until [REPETITIONS]``: about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np

from bench.stats.intervals import center_interval
from bench.stats.stopping import MIN_LAUNCHES, reaches
from tests.benchmarks.simulate_noise import Floats

SHARE = 0.02
BOUND = 400
SPREADS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06)

Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

LAUNCH_SHAPES: dict[str, Draw] = {
    "normal": lambda rng, size: rng.standard_normal(size),
    "heavy tails (Laplace)": lambda rng, size: rng.laplace(0.0, np.sqrt(0.5), size),
    "even": lambda rng, size: rng.uniform(-np.sqrt(3), np.sqrt(3), size),
    "skewed (exponential)": lambda rng, size: rng.exponential(1.0, size) - np.log(2),
}
"""Launch effects of standard deviation 1 and median 0, to be scaled by a spread."""


def stop(effects: Floats, share: float = SHARE) -> tuple[Floats, Floats, Floats]:
    """Launch until the rule says enough.

    Args:
        effects: logarithms of launch medians around the truth, (repetitions, bound).
        share: to be reached.

    Returns:
        for each repetition the launches used, whether the interval as summarized without
        ``until`` holds the truth, and whether the one stretched to the share does.
    """
    repetitions, bound = effects.shape
    used, plain, stretched = (np.zeros(repetitions) for _ in range(3))
    going = np.arange(repetitions)
    for launches in range(MIN_LAUNCHES, bound + 1):
        levels = effects[going, :launches]
        ended = reaches(levels, share) | (launches == bound)
        value, low, high = (end[ended] for end in center_interval(levels))
        used[going[ended]] = launches
        plain[going[ended]] = (low <= 0.0) & (high >= 0.0)
        wide = np.log1p(share)
        holds = (np.minimum(low, value - wide) <= 0) & (np.maximum(high, value + wide) >= 0)
        stretched[going[ended]] = holds
        going = going[~ended]
        if not going.size:
            break
    return used, plain, stretched


def fixed_plan(draw: Draw, spread: float, *, certainty: float, seed: int) -> int:
    """The fewest launches after which so many medians lie within the share of the truth."""
    effects = spread * draw(np.random.default_rng(seed), (4000, BOUND))
    low, high = 1, BOUND
    while low < high:
        middle = (low + high) // 2
        near = np.abs(np.median(effects[:, :middle], axis=-1)) <= np.log1p(SHARE)
        low, high = (low, middle) if near.mean() >= certainty else (middle + 1, high)
    return low


def table(repetitions: int) -> Iterator[str]:
    """Per shape and spread of launches: coverage at the stop, and launches used."""
    yield "| launches | spread (sd) | ±2 % holds | interval alone holds | launches used |"
    yield "|---|---|---|---|---|"
    for name, draw in LAUNCH_SHAPES.items():
        for spread in SPREADS[1:]:
            effects = spread * draw(np.random.default_rng(1), (repetitions, BOUND))
            used, plain, stretched = stop(effects)
            yield (
                f"| {name} | {spread:.1%} | {stretched.mean():.1%} | {plain.mean():.1%} "
                f"| {used.mean():.0f} |"
            )


def saved(repetitions: int) -> str:
    """Launches of variants of different spread, against one fixed plan for the widest of them."""
    draw = LAUNCH_SHAPES["normal"]
    used = []
    certainties = []
    for seed, spread in enumerate(SPREADS):
        effects = spread * draw(np.random.default_rng(seed), (repetitions, BOUND))
        launches, _, stretched = stop(effects)
        used.append(launches.mean())
        certainties.append(stretched.mean())
    fixed = fixed_plan(draw, SPREADS[-1], certainty=certainties[-1], seed=9)
    total = sum(used)
    each = ", ".join(f"{launches:.0f}" for launches in used)
    return (
        f"{len(SPREADS)} variants whose launches differ by {SPREADS[0]:.1%} to {SPREADS[-1]:.0%} "
        f"take {total:.0f} launches ({each}); a fixed plan that is as sure of the widest takes "
        f"{fixed} each, {fixed * len(SPREADS)} in all: {1 - total / (fixed * len(SPREADS)):.0%} "
        "saved."
    )


def main() -> None:
    """Print the table and what is saved."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for line in table(repetitions):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    sys.stdout.write("\n" + saved(repetitions) + "\n")


if __name__ == "__main__":
    main()
