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

_HERE = Path(__file__).resolve()
WEIGHTS = _HERE.with_name("fashion.keras")
SAMPLE = _HERE.with_name("fashion_sample.npz")
FILES = (_HERE, WEIGHTS)

CLASSES = 10
STEM_FILTERS = 32
BLOCKS = ((64, 1), (128, 2), (128, 1), (128, 1), (208, 2), (208, 1))
"""Of each block: the filters of its pointwise convolution, the stride of its depthwise one."""

VALIDATION_ONE_IN = 12


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
    """The sample that comes with the project, as :func:`adapt` gives it."""
    with np.load(SAMPLE, allow_pickle=False) as archive:
        return adapt({key: archive[key] for key in archive.files})


def adapt(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """Turn Fashion-MNIST as it is published into what the model takes.

    Images of (n, 28, 28) and uint8 become (n, 28, 28, 1) and float32 in [0, 1]; arrays that are so
    already are left alone. Where no validation images are given, those the model was never trained
    on are split off (see :func:`is_validation`), so that fine-tuning chooses as honestly as the
    first training did.
    """
    adapted = dict(arrays)
    if {"x_train", "y_train"} <= adapted.keys() and "x_validation" not in adapted:
        held_out = is_validation(adapted["x_train"])
        for key in ("x", "y"):
            whole = adapted[f"{key}_train"]
            adapted[f"{key}_train"] = whole[~held_out]
            adapted[f"{key}_validation"] = whole[held_out]
    return {key: _image(array) if key.startswith("x") else array for key, array in adapted.items()}


def is_validation(images: Array) -> Array:
    """Which images are held out from training, (n,) bool: about one in twelve, by their content.

    Going by content keeps equal images on one side, and needs neither an order nor a list.
    """
    return np.array([zlib.crc32(image) % VALIDATION_ONE_IN == 0 for image in _pixels(images)])


def _pixels(images: Array) -> Array:
    """As published: (n, 28, 28) uint8, in one block of memory."""
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)
    return np.ascontiguousarray(images.reshape(-1, 28, 28))


def _image(images: Array) -> Array:
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / np.float32(255)
    return images[..., np.newaxis] if images.ndim == 3 else images
