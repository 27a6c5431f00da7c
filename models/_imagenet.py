"""What the models for ImageNet share; as a script, it fetches their trained weights.

::

    python models/_imagenet.py

The weights (17 MB and 14 MB) are those that ``keras.applications`` publishes, kept in Keras' own
cache. Building a model never uses the network: the weights are ImageNet's if they lie in that cache
and random otherwise, so that one command always gives one model.
"""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

Array = npt.NDArray[Any]

SIDE = 224
PICTURE = (SIDE, SIDE, 3)
"""Height, width and channels that a folder of pictures is read with."""

SEED = 0
NOISE_IMAGES = 16
FETCH_TIMEOUT_S = 10.0


def cached(file_name: str) -> Path:
    """Where Keras keeps a weights file of that name, whether it is there or not."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return home / "models" / file_name


def build(application: str, weights: Path) -> keras.Model:
    """That model of ``keras.applications``: (n, 224, 224, 3) in [-1, 1] to (n, 1000).

    Args:
        application: ``MobileNet`` or ``MobileNetV2``.
        weights: trained ones, used if the file is there.
    """
    import keras

    make = getattr(keras.applications, application)
    shape = (SIDE, SIDE, 3)
    if weights.is_file():
        return make(input_shape=shape, weights=str(weights))
    model = make(input_shape=shape, weights=None)
    _draw_weights(model)
    return model


def noise() -> Array:
    """Seeded random images (16, 224, 224, 3), float32 in [-1, 1], coarse and fine.

    They stand in for photographs where only ranges are needed. Coarse patches are there because
    the layers before the pooling would average fine noise away.
    """
    rng = np.random.default_rng(SEED)
    images = np.zeros((NOISE_IMAGES, SIDE, SIDE, 3), np.float32)
    for patches in (7, 28, SIDE):
        drawn = rng.uniform(-1, 1, (NOISE_IMAGES, patches, patches, 3)).astype(np.float32)
        images += drawn.repeat(SIDE // patches, axis=1).repeat(SIDE // patches, axis=2)
    return images / np.abs(images).max()


def adapt(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Pictures of bytes as float32 in [-1, 1], as these models were trained; all else as it is."""
    return {
        key: array.astype(np.float32) / np.float32(127.5) - np.float32(1)
        if key[0] == "x" and array.dtype == np.uint8
        else array
        for key, array in arrays.items()
    }


def no_accuracy(weights: Path) -> str:
    """Why no accuracy can be shown, with the cure."""
    if weights.is_file():
        return (
            "no images of ImageNet come along, and int8 is calibrated on random ones: "
            "give --data before you ship it"
        )
    return (
        "its weights are random, as ImageNet's are not on this machine: "
        f"python {Path(__file__).resolve()} fetches them"
    )


def _draw_weights(model: keras.Model) -> None:
    """Seeded weights under which every layer's outputs have a sane range, as trained ones have.

    Kernels are drawn as He et al. do (arXiv:1502.01852). Batch norms are then given the statistics
    of what really reaches them: with Keras' fresh ones (mean 0, variance 1) the signal dies out or
    explodes over depth, and quantized ranges would mean nothing.
    """
    import keras

    rng = np.random.default_rng(SEED)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name == "kernel":
                # A depthwise kernel (h, w, channels, 1) sums over its window alone.
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                summed = math.prod(weight.shape[: 2 if depthwise else -1])
                drawn = rng.normal(0.0, math.sqrt(2 / summed), weight.shape)
                weight.assign(drawn.astype(np.float32))
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # The next batch's statistics replace the old ones altogether.
    model(noise()[:8], training=True)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def _fetch() -> None:
    """Have Keras download the weights of all models into its cache."""
    import keras

    socket.setdefaulttimeout(FETCH_TIMEOUT_S)
    for application in ("MobileNet", "MobileNetV2"):
        try:
            getattr(keras.applications, application)(weights="imagenet")
        except Exception as fault:
            sys.exit(f"no weights for {application}: {fault}; is there a network?")


if __name__ == "__main__":
    _fetch()
