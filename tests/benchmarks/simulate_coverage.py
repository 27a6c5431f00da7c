"""How often the 95 % intervals hold the truth, as Markdown.

``python -m tests.benchmarks.simulate_coverage [REPETITIONS]``: all plans below take two minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from bench.stats.intervals import (
    Interval,
    center_interval,
    p99_from_maxima,
    p99_from_samples,
    paired_interval,
    unpaired_interval,
)
from tests.benchmarks.simulate_noise import (
    DRAW,
    HEATINGS,
    LAUNCH_EFFECTS,
    Floats,
    Session,
    covered,
    sessions,
)

PLANS = ((2, 368), (3, 200), (5, 100), (6, 69), (10, 69), (20, 69), (37, 10), (40, 69))
FIGURES = ("median", "P99 of samples", "P99 of maxima", "ratio", "A/A alarms", "A/A unpaired")


def simulate(
    shape: str, *, launches: int, runs: int, repetitions: int, seed: int
) -> Iterator[tuple[Session, dict[str, float]]]:
    """Coverage of each figure, and false alarms, for one shape of noise in every session.

    The same runs serve every launch effect and heating; the repetitions are independent.
    """
    rng = np.random.default_rng(seed)
    size = (repetitions, launches, runs)
    noise, other = DRAW[shape](rng, size), np.median(DRAW[shape](rng, size), axis=-1)
    for session in (Session(shape, e, h) for e in LAUNCH_EFFECTS for h in HEATINGS):
        warming = session.warming(launches)
        first = session.levels(rng, repetitions, launches) + warming
        second = session.levels(rng, repetitions, launches) + warming
        times = noise + first[..., None]
        yield session, _evaluate(session, times, other + second, runs)


def _evaluate(session: Session, times: Floats, other: Floats, runs: int) -> dict[str, float]:
    medians = np.median(times, axis=-1)
    counts = np.full(times.shape[1], runs)
    flat = times.reshape(len(times), -1)
    ratio, apart = paired_interval(other - medians), unpaired_interval(medians, other)
    maxima = p99_from_maxima(times.max(axis=-1), medians, counts)
    return {
        "median": covered(center_interval(medians), session.truth(0.5)),
        "P99 of samples": covered(p99_from_samples(flat, medians, counts), session.truth(0.99)),
        "P99 of maxima": _or_nan(maxima, session.truth(0.99)),
        "ratio": covered(ratio, 0.0),
        "A/A alarms": 1.0 - covered(ratio, 0.0),
        "A/A unpaired": 1.0 - covered(apart, 0.0),
    }


def _or_nan(interval: Interval, true: float) -> float:
    """NaN where no interval exists, so that none is promised."""
    return float("nan") if np.isnan(interval.low).all() else covered(interval, true)


def table(repetitions: int) -> Iterator[str]:
    """Per plan the worst and the mean session of each figure."""
    yield "| launches × runs | " + " | ".join(FIGURES) + " |"
    yield "|---" * (len(FIGURES) + 1) + "|"
    for launches, runs in PLANS:
        found = [
            figures
            for shape in DRAW
            for _, figures in simulate(
                shape, launches=launches, runs=runs, repetitions=repetitions, seed=launches
            )
        ]
        cells = []
        for name in FIGURES:
            shares = np.array([figures[name] for figures in found])
            worst = shares.max() if name.startswith("A/A") else shares.min()
            cells.append("–" if np.isnan(worst) else f"{shares.mean():.1%} ({worst:.1%})")
        yield f"| {launches} × {runs} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table; mean over sessions, the worst of them in brackets."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    sys.stdout.write(f"Mean of {len(sessions())} kinds of session (worst), {repetitions} each.\n\n")
    for line in table(repetitions):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
