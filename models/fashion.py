"""A depthwise-separable CNN of MobileNetV1's shape on Fashion-MNIST: the embedded default.

The shape is that of Howard et al., "MobileNets" (arXiv:1704.04861): a full convolution of stride 2,
then pairs of a depthwise 3×3 and a pointwise 1×1 convolution, each followed by batch normalization
and ReLU6, then global average pooling and one dense layer; here for 28×28 grey images.

``_train_fashion.py`` trains it and writes the two files beside this one: the model and a sample of
the data. Nothing outside this folder is needed.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]

SUMMARY = "MobileNetV1-like CNN for 28×28 grey images, trained on Fashion-MNIST"
NO_ACCURACY = ""

PICTURE = (28, 28, 1)
"""Height, width and channels that a folder of pictures is read with."""

_HERE = Path(__file__).resolve()
WEIGHTS = _HERE.with_name("fashion.keras")
SAMPLE = _HERE.with_name("fashion_sample.npz")
FILES = (_HERE, WEIGHTS)

CLASSES = 10
STEM_FILTERS = 32
BLOCKS = ((64, 1), (128, 2), (128, 1), (128, 1), (208, 2), (208, 1))
"""Of each block: the filters of its pointwise convolution, the stride of its depthwise one."""

VALIDATION_ONE_IN = 12
KNOWN_SHARE = 0.01


def build() -> keras.Model:
    """The trained model: (n, 28, 28, 1) float32 in [0, 1] to (n, 10) probabilities."""
    import keras

    return keras.saving.load_model(WEIGHTS, compile=False)


def untrained() -> keras.Model:
    """The same model with fresh weights, drawn from Keras' global seed."""
    from keras import Input, Model, layers

    def normalized(x: Any, layer: Any) -> Any:
        x = layers.BatchNormalization(name=f"{layer.name}_bn")(layer(x))
        return layers.ReLU(6.0, name=f"{layer.name}_relu")(x)

    # No bias: batch normalization brings its own offset.
    same = {"padding": "same", "use_bias": False}
    image = Input((28, 28, 1), name="image")
    x = normalized(image, layers.Conv2D(STEM_FILTERS, 3, strides=2, name="stem", **same))
    for number, (filters, stride) in enumerate(BLOCKS, start=1):
        name = f"block{number}"
        depthwise = layers.DepthwiseConv2D(3, strides=stride, name=f"{name}_depthwise", **same)
        x = normalized(x, depthwise)
        x = normalized(x, layers.Conv2D(filters, 1, name=f"{name}_pointwise", **same))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(CLASSES, activation="softmax", name="classes")(x)
    return Model(image, x, name="fashion")


def data() -> Mapping[str, Array]:
    """The sample that comes along, as the model takes it: uint8 on disk, float32 in [0, 1] here."""
    return prepare(_sample())


def adapt(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """What ``--data`` gave, as the model takes it; see :func:`prepare`.

    Raises:
        DataError: the model was trained on some of the test images, as the split is another one.
    """
    from bench.errors import DataError

    if "x_test" in arrays:
        trained_on = set(_fingerprints(_sample()["x_train"]))
        known = sum(mark in trained_on for mark in _fingerprints(arrays["x_test"]))
        # A dozen images occur both in the training and the test images of every split.
        if known > len(arrays["x_test"]) * KNOWN_SHARE:
            raise DataError(
                f"fashion was trained on at least {known} of the images in x_test",
                hint="use the split it was trained on, or train it again on yours: "
                "python models/_train_fashion.py --data FILE.npz",
            )
    return prepare(arrays)


def prepare(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Turn Fashion-MNIST as it is published into what the model takes.

    Images of (n, 28, 28) and integers up to 255 become (n, 28, 28, 1) and float32 in [0, 1]; what
    is so already is left alone. Where no validation images are given, those that the model was not
    trained on are split off, so that fine-tuning chooses as honestly as the training did.
    """
    prepared = dict(arrays)
    if {"x_train", "y_train"} <= prepared.keys() and "x_validation" not in prepared:
        held_out = is_validation(prepared["x_train"])
        if held_out.any() and not held_out.all():
            for axis in ("x", "y"):
                whole = prepared[f"{axis}_train"]
                prepared[f"{axis}_train"] = whole[~held_out]
                prepared[f"{axis}_validation"] = whole[held_out]
    return {key: _scaled(array) if key[0] == "x" else array for key, array in prepared.items()}


def is_validation(images: Array) -> Array:
    """Which images are held out from training, (n,) bool: about one in twelve, by their content.

    Going by content keeps equal images on one side, and needs neither an order nor a list.
    """
    return np.array(_fingerprints(images)) % VALIDATION_ONE_IN == 0


def _sample() -> dict[str, Array]:
    with np.load(SAMPLE, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _fingerprints(images: Array) -> list[int]:
    """A number for each image, equal for equal pixels whatever their shape and scale."""
    if images.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # NaN is refused later, by name.
            images = np.rint(images * 255)
    return [zlib.crc32(image) for image in np.ascontiguousarray(images, np.uint8)]


def _scaled(images: Array) -> Array:
    if images.dtype.kind in "iu":
        images = images.astype(np.float32) / np.float32(255)
    return images[..., np.newaxis] if images.ndim == 3 else images
