"""Keras 3 models rebuilt in tf_keras, with the real libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.errors import BuildError
from bench.techniques import _keras3_to_2

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")


def residual() -> Any:
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", kernel_regularizer="l2")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Add()([x, layers.Conv2D(8, 1, activation="relu")(x)])
    x = layers.Concatenate()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.1)(x))
    return keras.Model(image, layers.Dense(10, "softmax")(x), name="residual")


def sequential() -> Any:
    layers = keras.layers
    stack = [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.ReLU(max_value=6)]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(3)], name="stack")


def nested() -> Any:
    layers = keras.layers
    small = keras.Input((6, 6, 4))
    two = keras.Model(small, [layers.Conv2D(4, 1, name="conv")(small), small], name="two")
    stem = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv")])
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    a, b = two(stem(left))
    c, _ = two(stem(right))
    out = layers.Flatten()(layers.Add()([a, b, c]))
    return keras.Model([left, right], out, name="nested")


def recurrent() -> Any:
    steps = keras.Input((6, 4))
    x = keras.layers.Bidirectional(keras.layers.LSTM(5, return_sequences=True))(steps)
    x = keras.layers.TimeDistributed(keras.layers.Dense(5))(x)
    return keras.Model(steps, keras.layers.MultiHeadAttention(2, 3)(x, x), name="recurrent")


def inputs(model: Any) -> Any:
    rng = np.random.default_rng(1)
    made = [rng.normal(size=(5, *one.shape[1:])).astype(np.float32) for one in model.inputs]
    return made[0] if len(made) == 1 else made


@pytest.mark.parametrize("build", [residual, sequential, nested, recurrent])
def test_the_port_answers_alike_and_is_our_own(build: Callable[[], Any]) -> None:
    model = build()
    x = inputs(model)
    answer = np.asarray(model(x, training=False))
    ported = _keras3_to_2.inline(_keras3_to_2.port(model))
    assert isinstance(ported, tf_keras.Model)
    np.testing.assert_allclose(np.asarray(ported(x, training=False)), answer, atol=1e-5)
    for weight in ported.weights:
        weight.assign(np.zeros(weight.shape))
    np.testing.assert_array_equal(np.asarray(model(x, training=False)), answer)


def test_inner_models_are_taken_apart_and_shared_layers_stay_shared() -> None:
    flat = _keras3_to_2.inline(_keras3_to_2.port(nested()))
    assert not any(isinstance(layer, tf_keras.Model) for layer in flat.layers)
    assert sum(layer.name.endswith("conv") for layer in flat.layers) == 2


def test_a_tf_keras_model_is_copied() -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.InputLayer((3,)), layers.Dense(2)])
    ported = _keras3_to_2.port(model)
    ported.set_weights([np.zeros((3, 2)), np.zeros(2)])
    assert np.any(model.get_weights()[0])


def with_layer(layer: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, layer(x), name="odd")


class Doubled(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2


class Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: with_layer(keras.layers.Dense(2, "hard_silu", name="hard")), "layer hard (Dense)"),
        (lambda: with_layer(Doubled(name="own")), "layer own (Doubled)"),
        (lambda: with_layer(keras.layers.Lambda(lambda x: x * 2, name="free")), "layer free"),
        (lambda: with_layer(lambda x: x - 1), "Subtract"),
        (Subclassed, "subclassed model"),
        (object, "a object cannot be trained"),
    ],
)
def test_what_has_no_port_is_named_with_the_recipes_that_still_work(
    build: Callable[[], Any], told: str
) -> None:
    with pytest.raises(BuildError) as caught:
        _keras3_to_2.port(build())
    assert told in str(caught.value)
    assert "quantize:" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_port_that_answers_differently_names_the_first_layer() -> None:
    """Keras 3 and tf_keras differ here: this layer's config means another thing in each."""

    class ReLU(keras.layers.Layer):
        """Has the name of a layer of tf_keras, and does something else."""

        def call(self, x: Any) -> Any:
            return -x

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name}

    layers = keras.layers
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2)(ReLU(name="liar")(layers.Dense(3)(x))), name="odd")
    config = model.get_config()

    def claimed() -> dict[str, Any]:
        for layer in config["layers"]:
            if layer["class_name"] == "ReLU":
                layer["module"] = "keras.layers"
        return config

    model.get_config = claimed
    with pytest.raises(BuildError, match=r"from layer liar \(ReLU\) on"):
        _keras3_to_2.port(model)
