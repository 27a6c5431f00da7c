"""Write small real models of many kinds as .tflite files: ``make_answering_models.py FOLDER``.

Weights are drawn from a fixed seed: what is asked is whether two kernels agree, not what they say.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 24
"""Samples of each model."""


def main(folder: Path) -> None:
    """Write ``NAME.tflite`` and ``NAME.npz``, quantized ones too."""
    import keras

    for name, make, ways in _models():
        keras.utils.set_random_seed(0)
        model = make(keras)
        samples = _samples(model)
        for way in ways:
            file = f"{name}-{way}"
            (folder / f"{file}.tflite").write_bytes(_convert(model, samples, way))
            np.savez(folder / f"{file}.npz", **samples)


Maker = Callable[[Any], Any]


def _models() -> Iterator[tuple[str, Maker, tuple[str, ...]]]:
    yield "mobilenet_v1", lambda k: _mobilenet(k, k.applications.MobileNet), ("float32", "int8")
    yield "mobilenet_v2", lambda k: _mobilenet(k, k.applications.MobileNetV2), ("float32",)
    yield "dense", _dense, ("float32", "dynamic", "int8")
    yield "regression", _regression, ("float32", "float16")
    yield "segmentation", _segmentation, ("float32", "int8")
    yield "sequence", _sequence, ("float32",)
    yield "two_heads", _two_heads, ("float32", "int8")
    yield "embedding", _embedding, ("float32",)
    yield "super_resolution", _super_resolution, ("float32", "int8")


def _mobilenet(keras: Any, kind: Any) -> Any:
    return kind(
        input_shape=(96, 96, 3), alpha=0.35 if "V2" in kind.__name__ else 0.25, weights=None
    )


def _dense(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((40,)), layers.Dense(64, activation="relu"), layers.Dense(8, "softmax")]
    )


def _regression(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, bias_initializer=keras.initializers.Constant(100.0)),
        ]
    )


def _segmentation(keras: Any) -> Any:
    layers = keras.layers
    x = given = layers.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    return keras.Model(given, layers.Conv2D(5, 1, activation="softmax")(x))


def _sequence(keras: Any) -> Any:
    layers = keras.layers
    x = given = layers.Input((12,), dtype="int32")
    x = layers.Embedding(50, 16)(x)
    x = layers.Bidirectional(layers.LSTM(12, unroll=True))(x)
    return keras.Model(given, layers.Dense(3, activation="softmax")(x))


def _two_heads(keras: Any) -> Any:
    layers = keras.layers
    x = given = layers.Input((24, 24, 3))
    x = layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    x = layers.Flatten()(x)
    heads = [layers.Dense(4, name="box")(x), layers.Dense(6, "softmax", name="kind")(x)]
    return keras.Model(given, heads)


def _embedding(keras: Any) -> Any:
    layers = keras.layers
    x = given = layers.Input((16, 16, 3))
    x = layers.SeparableConv2D(32, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(given, layers.UnitNormalization()(layers.Dense(32)(x)))


def _super_resolution(keras: Any) -> Any:
    layers = keras.layers
    x = given = layers.Input((16, 16, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(interpolation="bilinear")(x)
    return keras.Model(given, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def _samples(model: Any) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    (given,) = model.inputs
    shape = (COUNT, *given.shape[1:])
    if "int" in str(given.dtype):
        return {"x_test": draw.integers(0, 50, shape).astype(np.int32)}
    return {"x_test": draw.normal(0, 1, shape).astype(np.float32)}


def _convert(model: Any, samples: dict[str, np.ndarray], way: str) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if way != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if way == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if way == "int8":
        converter.representative_dataset = lambda: ([x[None]] for x in samples["x_test"])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    content: bytes = converter.convert()
    return content


if __name__ == "__main__":
    main(Path(sys.argv[1]))
