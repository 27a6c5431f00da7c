"""Train ``fashion`` on the whole of Fashion-MNIST and write its model and its sample of the data.

::

    python models/_train_fashion.py --data fashion_mnist.npz
    python models/_train_fashion.py --data /usr/share/datasets/fashion-mnist

``--data`` is an .npz with x_train, y_train, x_test and y_test as published (uint8), or a folder
with the four published idx files, such as Debian's package ``dataset-fashion-mnist`` installs.

One twelfth of the training images is held out and chooses nothing, not even an epoch: a model that
was chosen on them would be flattered there, and whatever is made of it would seem to lose more than
it does. The test images are looked at once, at the end, to print the accuracy. Everything random
comes from ``--seed``.

On Linux, this makes it twice as fast: TensorFlow's generators have glibc return memory at once, and
fetching fresh pages for each large tensor takes as long as the arithmetic::

    export MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=4000000000
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fashion
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]

BATCH = 128
PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.02
WARM_UP_SHARE = 0.08
SHIFT = 2
HOLE = 8

SAMPLE_TEST_PER_CLASS = 200
SAMPLE_VALIDATION_PER_CLASS = 80
SAMPLE_TRAIN_PER_CLASS = 620


def main() -> None:
    """Read, train, write, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="an .npz or a folder of idx files")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=fashion.WEIGHTS.parent, help="folder to write")
    options = parser.parse_args()

    published = read(options.data)
    sample_path = options.out / fashion.SAMPLE.name
    np.savez_compressed(sample_path, **sample(published, options.seed))

    started = time.monotonic()
    arrays = fashion.prepare(published)
    model = train(arrays, options.epochs, options.seed)
    model.save(options.out / fashion.WEIGHTS.name)

    accuracy = {split: _accuracy(model, arrays, split) for split in ("validation", "test")}
    taken = fashion.prepare(dict(np.load(sample_path)))
    accuracy["test of the sample"] = _accuracy(model, taken, "test")
    result = {
        "parameters": model.count_params(),
        "top1": accuracy,
        "training_s": round(time.monotonic() - started),
    }
    print(json.dumps(result, indent=2))  # noqa: T201 - a script's result


def read(source: Path) -> dict[str, Array]:
    """The published arrays: x (n, 28, 28) uint8 and y (n,) uint8 of ``train`` and ``test``."""
    if source.is_file():
        with np.load(source, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    arrays = {}
    for split, stem in (("train", "train"), ("test", "t10k")):
        # The headers are 4 bytes of type and 4 more for each axis.
        x = _unzipped(source / f"{stem}-images-idx3-ubyte.gz")[16:]
        arrays[f"x_{split}"] = x.reshape(-1, 28, 28)
        arrays[f"y_{split}"] = _unzipped(source / f"{stem}-labels-idx1-ubyte.gz")[8:]
    return arrays


def sample(published: Mapping[str, Array], seed: int) -> dict[str, Array]:
    """A part of the published arrays, as many of each class, that is small enough to ship.

    Each split is drawn from its like: no test image was trained on, and no validation image either.
    Training images that also occur among the test images are left out.
    """
    rng = np.random.default_rng(seed)
    test_images = {image.tobytes() for image in published["x_test"]}
    unseen = np.array([image.tobytes() not in test_images for image in published["x_train"]])
    held_out = fashion.is_validation(published["x_train"])
    train_x, train_y = published["x_train"], published["y_train"]
    pools = {
        "train": (train_x, train_y, unseen & ~held_out, SAMPLE_TRAIN_PER_CLASS),
        "validation": (train_x, train_y, unseen & held_out, SAMPLE_VALIDATION_PER_CLASS),
        "test": (published["x_test"], published["y_test"], True, SAMPLE_TEST_PER_CLASS),
    }
    taken = {}
    for split, (x, y, usable, count) in pools.items():
        index = np.concatenate(
            [
                rng.choice(np.flatnonzero((y == number) & usable), count, replace=False)
                for number in range(fashion.CLASSES)
            ]
        )
        rng.shuffle(index)
        taken[f"x_{split}"], taken[f"y_{split}"] = x[index], y[index]
    return taken


def train(arrays: Mapping[str, Array], epochs: int, seed: int) -> keras.Model:
    """The model with the weights of its last epoch, at whose end the rate is 0; uncompiled."""
    import keras

    keras.utils.set_random_seed(seed)
    model = fashion.untrained()
    steps = epochs * math.ceil(len(arrays["x_train"]) / BATCH)
    warm_up = round(WARM_UP_SHARE * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm_up, warmup_target=PEAK_RATE, warmup_steps=warm_up
    )
    learner = keras.Model(model.input, model.output)  # Shares the weights; keeps the optimizer.
    learner.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # XLA's depthwise gradients are ten times slower on a CPU.
    )
    learner.fit(
        _batches(arrays["x_train"], arrays["y_train"], seed),
        validation_data=(arrays["x_validation"], arrays["y_validation"]),
        validation_batch_size=500,
        epochs=epochs,
        verbose=2,
    )
    return model


def augment(images: Array, rng: np.random.Generator) -> Array:
    """Images (n, 28, 28, 1), each shifted, mirrored and with a hole, each by its own chance.

    The hole is that of DeVries and Taylor, "Improved Regularization of Convolutional Neural
    Networks with Cutout" (arXiv:1708.04552), here in every second image.
    """
    count, side = len(images), images.shape[1]
    padded = np.pad(images[..., 0], ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    down, right = rng.integers(0, 2 * SHIFT + 1, (2, count))
    shifted = windows[np.arange(count), down, right]
    mirrored = np.where(rng.random((count, 1, 1)) < 0.5, shifted[:, :, ::-1], shifted)
    top, left = rng.integers(0, side - HOLE + 1, (2, count, 1))
    axis = np.arange(side)
    rows, columns = (axis >= top) & (axis < top + HOLE), (axis >= left) & (axis < left + HOLE)
    hole = rows[:, :, None] & columns[:, None, :] & (rng.random((count, 1, 1)) < 0.5)
    return np.where(hole, np.float32(0), mirrored)[..., np.newaxis]


def _batches(x: Array, y: Array, seed: int) -> keras.utils.PyDataset:
    """Augmented batches, shuffled anew for each epoch."""
    import keras

    class Batches(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__()
            self.rng = np.random.default_rng(seed)
            self.on_epoch_end()

        def on_epoch_end(self) -> None:
            self.order = self.rng.permutation(len(x))

        def __len__(self) -> int:
            return math.ceil(len(x) / BATCH)

        def __getitem__(self, number: int) -> tuple[Array, Array]:
            index = self.order[number * BATCH : (number + 1) * BATCH]
            return augment(x[index], self.rng), y[index]

    return Batches()


def _accuracy(model: keras.Model, arrays: Mapping[str, Array], split: str) -> float:
    answers = model.predict(arrays[f"x_{split}"], batch_size=500, verbose=0).argmax(axis=-1)
    return float((answers == arrays[f"y_{split}"]).mean())


def _unzipped(path: Path) -> Array:
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)


if __name__ == "__main__":
    main()
