"""How often the 95 % intervals of accuracies and of losses hold the truth, as Markdown.

``python -m tests.benchmarks.simulate_accuracy [REPETITIONS]``: about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bench.stats.proportions import paired_loss_interval, proportion_interval
from bench.stats.resampling import bootstrap

Floats = NDArray[np.float64]
SIZES = (50, 200, 2000)


def proportion_coverage(share: float, samples: int, *, repetitions: int, seed: int = 0) -> float:
    """Of an accuracy, by Wilson's interval."""
    counts = np.random.default_rng(seed).binomial(samples, share, repetitions)
    low, high = proportion_interval(counts, samples)
    return float(np.mean((low <= share) & (share <= high)))


def paired_coverage(
    lost: float, gained: float, samples: int, *, repetitions: int, seed: int = 0
) -> float:
    """Of a loss, by Tango's interval, where so many answers change from right to wrong and back."""
    shares = [lost, gained, 1 - lost - gained]
    counts = np.random.default_rng(seed).multinomial(samples, shares, repetitions)
    low, high = paired_loss_interval(counts[:, 0], counts[:, 1], samples)
    return float(np.mean((low <= lost - gained) & (lost - gained <= high)))


def _mean_absolute_error(errors: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    columns = np.stack([np.abs(errors), np.ones_like(errors)], axis=1)
    return columns, lambda totals: totals[..., 0] / totals[..., 1]


def _r_squared(errors: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    labels = 2 * np.random.default_rng(abs(int(errors[0] * 1e9))).normal(size=len(errors))
    columns = np.stack([errors**2, labels**2], axis=1)
    return columns, lambda totals: 1 - totals[..., 0] / totals[..., 1]


DRAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "heavy tails (Laplace)": lambda rng, size: rng.laplace(size=size),
    "skewed (exponential)": lambda rng, size: rng.exponential(size=size),
}
FIGURES = {"MAE": _mean_absolute_error, "R²": _r_squared}


def bootstrap_coverage(figure: str, draw: str, samples: int, *, repetitions: int) -> float:
    """Of a figure by the bootstrap; the truth is that of a million samples."""
    rng = np.random.default_rng(0)
    columns, of_totals = FIGURES[figure](DRAWS[draw](rng, 1_000_000))
    truth = float(of_totals(columns.sum(axis=0)))
    held = 0
    for _ in range(repetitions):
        columns, of_totals = FIGURES[figure](DRAWS[draw](rng, samples))
        found = bootstrap(columns, of_totals)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    return held / repetitions


def table(repetitions: int) -> Iterator[str]:
    """Per figure the coverage for each number of samples."""
    yield "| figure | " + " | ".join(f"{size:,} samples" for size in SIZES) + " |"
    yield "|---" * (len(SIZES) + 1) + "|"
    for share in (0.5, 0.9, 0.98):
        cells = [proportion_coverage(share, n, repetitions=20 * repetitions) for n in SIZES]
        yield _row(f"accuracy of {share:.0%} (Wilson)", cells)
    for lost, gained in ((0.002, 0.002), (0.01, 0.01), (0.02, 0.01), (0.1, 0.05)):
        cells = [paired_coverage(lost, gained, n, repetitions=20 * repetitions) for n in SIZES]
        yield _row(f"loss: {lost:.1%} lost, {gained:.1%} gained (Tango)", cells)
    for figure in FIGURES:
        for draw in DRAWS:
            counts = [max(repetitions // (1 + n // 200), 50) for n in SIZES]
            cells = [
                bootstrap_coverage(figure, draw, n, repetitions=count)
                for n, count in zip(SIZES, counts, strict=True)
            ]
            yield _row(f"{figure}, errors {draw} (bootstrap)", cells)


def _row(name: str, cells: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{cell:.1%}" for cell in cells) + " |"


def main() -> None:
    """Print the table."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for line in table(repetitions):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
