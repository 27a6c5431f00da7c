"""Write tiny models in every form that users have them in: ``make_models.py FOLDER``.

Run as a process of its own, since TensorFlow takes long to import and Keras 2 and 3 shall not meet
in the tests' process.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

SIZE, CLASSES = 40, 4


def main(folder: Path) -> None:
    """Write all models and the data that fit them."""
    _keras_3(folder)
    _keras_2(folder)
    _data(folder)


def _dense(keras: Any) -> Any:
    """Large enough for the converter to quantize its first kernel (1024 values at least)."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.layers.Input((SIZE,), name="numbers"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def _keras_3(folder: Path) -> None:
    import keras
    import tensorflow as tf
    from keras import Input, Model, layers

    dense = _dense(keras)
    dense.save(folder / "dense.keras")
    dense.save(folder / "dense.h5")
    dense.export(folder / "exported", verbose=False)
    dense.save_weights(folder / "only.weights.h5")

    left, right = Input((8,), name="left"), Input((3,), name="right")
    joined = layers.Concatenate()([layers.Dense(6, activation="relu")(left), right])
    Model([left, right], layers.Dense(CLASSES)(joined)).save(folder / "two_inputs.keras")

    fixed = Input(batch_shape=(1, SIZE), name="numbers")
    reshaped = keras.ops.reshape(fixed, (1, 2, SIZE // 2))
    flat = keras.ops.reshape(layers.Dense(4, activation="relu")(reshaped), (1, 8))
    Model(fixed, layers.Dense(CLASSES, activation="softmax")(flat)).save(folder / "fixed.keras")

    numbers = Input((SIZE,), name="numbers")
    waved = keras.ops.cumsum(layers.Dense(8)(numbers), axis=-1)
    Model(numbers, layers.Dense(CLASSES)(waved)).save(folder / "no_int8_kernel.keras")

    class Mine(layers.Layer):
        """A layer that no file brings along."""

        def __init__(self, factor: float = 2.0, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def call(self, x: Any) -> Any:
            return x * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor}

    numbers = Input((SIZE,), name="numbers")
    Model(numbers, Mine()(numbers)).save(folder / "own_layer.keras")

    converter = tf.lite.TFLiteConverter.from_keras_model(dense)
    (folder / "dense.tflite").write_bytes(converter.convert())


def _keras_2(folder: Path) -> None:
    import tf_keras

    dense = _dense(tf_keras)
    dense.save(folder / "old.h5")
    dense.save(folder / "old.keras")


def _data(folder: Path) -> None:
    generator = np.random.default_rng(0)

    def samples(count: int, size: int) -> Any:
        return generator.normal(size=(count, size)).astype(np.float32)

    labels = generator.integers(0, CLASSES, 100)
    np.savez(
        folder / "data.npz",
        x_test=samples(100, SIZE),
        y_test=labels,
        x_calibration=samples(50, SIZE),
    )
    np.savez(folder / "unlabelled.npz", x_test=samples(100, SIZE), x_train=samples(50, SIZE))
    np.savez(
        folder / "two_inputs.npz",
        **{"x_test:left": samples(100, 8), "x_test:right": samples(100, 3), "y_test": labels},
        **{"x_calibration:left": samples(50, 8), "x_calibration:right": samples(50, 3)},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
