"""Does `bench search` find better fronts than chance?

``python -m tests.benchmarks.search_vs_random``: about an hour on two cores.

A small CNN is trained on the sample that comes along with `fashion`. For each seed it is searched
twice with the same number of trials, the same looks and the same rule of who is trained longer:
once as the tool does it, once with every point drawn by chance. A front is measured by the area
that it dominates (hypervolume), over the logarithm of how many times smaller zipped than float32
and points of validation accuracy lost; the reference is float32's size at LOST_MOST.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

import bench
from bench.observers.terminal import Terminal
from bench.searching.front import hypervolume
from bench.searching.report import SearchReport
from bench.testing import FakeTarget

LOST_MOST = 0.10
"""Losses beyond this add nothing to a front."""


def main() -> None:
    """Search for each seed and print the ratio of both areas."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--max-loss", type=float, default=0.02)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        samples = bench.data.load(small_sample(folder))
        model = trained(folder, samples)
        ratios = []
        for seed in range(asked.seeds):
            areas = {}
            for sampling in ("tpe", "random"):
                with Terminal(quiet=True) as observer:
                    found = bench.search(
                        model,
                        folder / "samples.npz",
                        FakeTarget(),
                        by="zipped",
                        max_loss=asked.max_loss,
                        trials=asked.trials,
                        sampling=sampling,
                        plan=bench.Plan(seed=seed, launches=2),
                        observer=observer,
                    )
                areas[sampling] = area(found)
            ratios.append(areas["tpe"] / areas["random"])
            _tell(
                f"seed {seed}: {areas['tpe']:.4f} against {areas['random']:.4f} by chance, "
                f"{ratios[-1]:.2f}x"
            )
    middle = statistics.median(ratios)
    _tell(f"median of {len(ratios)} seeds: {middle:.2f}x, least {min(ratios):.2f}x")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def area(found: SearchReport) -> float:
    """What the trials of a search dominate together."""
    (table,) = found.report.tables
    whole = table.rows[0].baseline.zipped_bytes
    points = [
        (math.log(trial.outcome.zipped_bytes / whole), trial.outcome.loss)
        for trial in found.trials
        if trial.works and trial.outcome.loss is not None
    ]
    return hypervolume(points, (0.0, LOST_MOST))


def small_sample(folder: Path) -> Path:
    """The sample of `fashion`, as a model of our own takes it."""
    model = bench.sources.resolve("fashion")
    own = bench.sources.load_data(model, None)
    assert own is not None
    arrays = bench.data.to_arrays(own)
    np.savez(folder / "samples.npz", allow_pickle=False, **arrays)
    return folder / "samples.npz"


def trained(folder: Path, samples: bench.Data) -> Path:
    """A CNN of three convolutions, trained for a few epochs, in a file."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, activation="relu", name="one"),
            layers.Conv2D(32, 3, strides=2, activation="relu", name="two"),
            layers.Conv2D(48, 3, activation="relu", name="three"),
            layers.Flatten(),
            layers.Dense(64, activation="relu", name="four"),
            layers.Dense(10, activation="softmax", name="five"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    train = samples.splits["train"]
    assert train.y is not None
    model.fit(train.x[""], train.y[""], batch_size=64, epochs=12, verbose=0)
    model.save(folder / "small.keras")
    return folder / "small.keras"


if __name__ == "__main__":
    sys.exit(main())
