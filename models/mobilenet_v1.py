"""MobileNetV1 at 224×224.

Howard et al., "MobileNets" (arXiv:1704.04861),
as ``keras.applications`` builds it.
"""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras

# This folder is no package, so what models share is read from the file beside this one.
_SHARED = Path(__file__).resolve().with_name("_imagenet.py")
_imagenet = SimpleNamespace(**runpy.run_path(str(_SHARED)))

_WEIGHTS: Path = _imagenet.cached("mobilenet_1_0_224_tf.h5")

SUMMARY = "MobileNetV1, 224×224, 4.3 M parameters, ImageNet's weights where they are cached"
FILES = (Path(__file__).resolve(), _SHARED, *filter(Path.is_file, [_WEIGHTS]))
PICTURE: tuple[int, int, int] = _imagenet.PICTURE
NO_ACCURACY: str = _imagenet.no_accuracy(_WEIGHTS)


def build() -> keras.Model:
    """The model: (n, 224, 224, 3) float32 in [-1, 1] to (n, 1000) probabilities."""
    return _imagenet.build("MobileNet", _WEIGHTS)


def adapt(
    arrays: Mapping[str, npt.NDArray[np.generic]],
) -> Mapping[str, npt.NDArray[np.generic]]:
    """What ``--data`` gave, as the model takes it: bytes become float32 in [-1, 1]."""
    adapted: Mapping[str, npt.NDArray[np.generic]] = _imagenet.adapt(arrays)
    return adapted


def data() -> Mapping[str, npt.NDArray[np.float32]]:
    """Random images to calibrate on: enough for latency, not for accuracy."""
    return {"x_calibration": _imagenet.noise()}
