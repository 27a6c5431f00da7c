"""How often the 95 % intervals of accuracies and of losses hold the truth, as Markdown.

``python -m tests.benchmarks.simulate_accuracy [REPETITIONS]``: about ten minutes with 2,000.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.figures import METRICS
from bench.metrics.intervals import scored
from bench.metrics.reading import Reading
from bench.metrics.values import Score
from bench.stats.proportions import paired_loss_interval, proportion_interval

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], "Drawn"]
SIZES = (50, 200, 1000)
TRUTH_SAMPLES = 100_000


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


@dataclass(frozen=True)
class Drawn:
    """Labels, and what a model and the float32 model before it answer."""

    labels: Floats
    before: Floats
    after: Floats


def _numbers(noise: Callable[[np.random.Generator, int], Floats]) -> Draw:
    """Numbers with errors of about 1; quantizing adds a tenth of that, and a little to all."""

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        labels = rng.normal(scale=2, size=(size, 1))
        before = labels + noise(rng, size)[:, None]
        return Drawn(labels, before, before + rng.normal(0.02, 0.1, size=(size, 1)))

    return draw


def _pictures(rng: np.random.Generator, size: int) -> Drawn:
    """Pictures of 64 pixels of three classes, one of them rare; some are answered far worse."""
    rare = rng.uniform(0, 0.2, size)[:, None]
    labels = np.where(rng.random((size, 64)) < rare, 2, rng.integers(0, 2, (size, 64)))
    wrong = rng.beta(0.6, 4, size)[:, None]
    before = np.where(rng.random((size, 64)) < wrong, rng.integers(0, 3, (size, 64)), labels)
    after = np.where(rng.random((size, 64)) < 0.03, rng.integers(0, 3, (size, 64)), before)
    return Drawn(labels, np.eye(3)[before], np.eye(3)[after])


NOISES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "heavy tails (Laplace)": lambda rng, size: rng.laplace(size=size),
    "skewed (exponential)": lambda rng, size: rng.exponential(size=size),
}
NUMBERS = Reading("numbers", 0, "numbers")
PIXELS = Reading("classes", 3, "numbers", axes=1)
FIGURES: tuple[tuple[str, str, Reading, Draw], ...] = (
    *(
        (name, f"errors {kind}", NUMBERS, _numbers(noise))
        for name in ("mae", "r2")
        for kind, noise in NOISES.items()
    ),
    ("mean-iou", "a rare class", PIXELS, _pictures),
)


def bootstrap_coverage(
    name: str, reading: Reading, draw: Draw, samples: int, *, repetitions: int
) -> tuple[float, float]:
    """Of a figure and of its loss by the bootstrap; the truth is that of many samples."""
    rng = np.random.default_rng(0)
    truth = _score(name, reading, draw(rng, TRUTH_SAMPLES), intervals=False)
    held = np.zeros(2)
    for _ in range(repetitions):
        found = _score(name, reading, draw(rng, samples))
        ends = ((found.low, found.high), (found.loss_low, found.loss_high))
        for place, ((low, high), true) in enumerate(
            zip(ends, (truth.value, truth.loss), strict=True)
        ):
            assert low is not None
            assert high is not None
            assert true is not None
            held[place] += low <= true <= high
    return float(held[0] / repetitions), float(held[1] / repetitions)


def _score(name: str, reading: Reading, drawn: Drawn, *, intervals: bool = True) -> Score:
    metric = METRICS[name]
    after, before = (
        metric.per_sample(each, drawn.labels, None, reading) for each in (drawn.after, drawn.before)
    )
    if not intervals:  # sums over all samples are one sample of the same figure
        after, before = (each.sum(axis=0, keepdims=True) for each in (after, before))
    return scored("", metric, after, before, decides=True)


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
    for name, kind, reading, draw in FIGURES:
        counts = [max(repetitions // (1 + n // 500), 50) for n in SIZES]
        both = [
            bootstrap_coverage(name, reading, draw, n, repetitions=count)
            for n, count in zip(SIZES, counts, strict=True)
        ]
        yield _row(f"{METRICS[name].name}, {kind} (bootstrap)", [one for one, _ in both])
        yield _row("its loss to float32, paired (bootstrap)", [one for _, one in both])


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
