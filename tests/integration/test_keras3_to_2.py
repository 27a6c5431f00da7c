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
def test_the_twin_answers_alike_and_is_our_own(build: Callable[[], Any]) -> None:
    model = build()
    x = inputs(model)
    answer = np.asarray(model(x, training=False))
    twin = _keras3_to_2.port(model)
    assert isinstance(twin, tf_keras.Model)
    np.testing.assert_allclose(np.asarray(twin(x, training=False)), answer, atol=1e-5)
    for weight in twin.weights:
        weight.assign(np.zeros(weight.shape))
    np.testing.assert_array_equal(np.asarray(model(x, training=False)), answer)


def test_inner_models_are_taken_apart_and_shared_layers_stay_shared() -> None:
    flat = _keras3_to_2.port(nested())
    assert not any(isinstance(layer, tf_keras.Model) for layer in flat.layers)
    assert sum(layer.name.endswith("conv") for layer in flat.layers) == 2


def test_a_tf_keras_model_is_copied() -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.InputLayer((3,)), layers.Dense(2)])
    twin = _keras3_to_2.port(model)
    twin.set_weights([np.zeros((3, 2)), np.zeros(2)])
    assert np.any(model.get_weights()[0])


def with_layer(layer: Any) -> Any:
    x = keras.Input((4,))
    return keras.Model(x, layer(x), name="odd")


class Doubled(keras.layers.Layer):
    """A user's own layer, with weights."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        return x * 2 * self.factor


class Subclassed(keras.Model):
    def call(self, x: Any) -> Any:
        return x


def operations() -> Any:
    """Arithmetic with numbers and tensors on both sides, and operations that are no layer."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    x = keras.ops.concatenate([left * 2.0 - 1, 3 - right / 4, left - right, left * right], axis=-1)
    x = keras.ops.exp(-keras.ops.tanh(x)) + keras.ops.relu6(x)
    return keras.Model([left, right], keras.ops.sum(x, axis=1, keepdims=True) + x, name="ops")


def activations() -> Any:
    """Names and meanings that differ between the two Kerases, fused into a layer or alone."""
    x = inputs_ = keras.Input((6,))
    for name in ("hard_silu", "hard_sigmoid", "leaky_relu", "relu6", "silu", "elu", "log_softmax"):
        x = keras.layers.Activation(name)(keras.layers.Dense(6, activation=name)(x))
    return keras.Model(inputs_, x, name="activations")


def named() -> Any:
    """Inputs and outputs are dicts."""
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([right, left])
    heads = {"b": keras.layers.Dense(2)(joined), "a": keras.layers.Dense(3)(joined)}
    return keras.Model({"left": left, "right": right}, heads, name="named")


def recurrent_masked() -> Any:
    tokens = keras.Input((7,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    lstm = keras.layers.LSTM(5, recurrent_activation="hard_sigmoid")
    return keras.Model(tokens, lstm(x), name="masked")


def normalized() -> Any:
    """Mean and variance are weights that clones forget."""
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 5, (50, 4)).astype(np.float32))
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(2)(norm(x)), name="normalized")


@pytest.mark.parametrize(
    "build",
    [
        *(operations, activations, recurrent_masked, normalized),
        *(lambda: with_layer(Doubled()), lambda: with_layer(lambda x: x - 1)),
        lambda: with_layer(keras.layers.Lambda(lambda x: x * 2)),
    ],
)
def test_what_tf_keras_lacks_runs_as_the_original_does(build: Callable[[], Any]) -> None:
    """Also in a clone and in a copy made from the config, with weights of their own."""
    model = build()
    given = [
        np.random.default_rng(1).integers(0, 9, (5, *one.shape[1:]))
        if "int" in str(one.dtype)
        else np.random.default_rng(1).normal(size=(5, *one.shape[1:])).astype(np.float32)
        for one in model.inputs
    ]
    x = given[0] if len(given) == 1 else given
    answer = np.asarray(model(x, training=False))
    ported = _keras3_to_2.port(model)
    copies = [ported, _keras3_to_2.clone(ported), type(ported).from_config(ported.get_config())]
    copies[2].set_weights(ported.get_weights())
    for copy in copies:
        np.testing.assert_allclose(np.asarray(copy(x, training=False)), answer, atol=1e-5)
    for weight in copies[1].weights:
        weight.assign(np.zeros(weight.shape))
    np.testing.assert_allclose(np.asarray(ported(x, training=False)), answer, atol=1e-5)


def test_dict_inputs_and_outputs_stay_dicts() -> None:
    model = named()
    x = {"right": np.ones((5, 2), np.float32), "left": np.zeros((5, 4), np.float32)}
    ported = _keras3_to_2.port(model)
    answer, found = model(x, training=False), ported(x, training=False)
    assert set(found) == {"a", "b"}
    for name, expected in answer.items():
        np.testing.assert_allclose(np.asarray(found[name]), np.asarray(expected), atol=1e-5)


def test_arithmetic_becomes_layers_that_techniques_can_see_through() -> None:
    x = keras.Input((4,))
    gate = keras.ops.sigmoid(x * 0.5 + 1)
    ported = _keras3_to_2.port(keras.Model(x, x * gate))
    kinds = [_keras3_to_2.kind_of(layer) for layer in ported.layers[1:]]
    assert kinds == ["Rescaling", "Rescaling", "Activation", "Multiply"]


def augmented(**by_hand: Any) -> Any:
    layers = keras.layers
    inner = [keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()]
    base = keras.Sequential([*inner, layers.Dropout(0.5)], name="base")
    image = keras.Input((8, 8, 3))
    flipped = layers.RandomRotation(0.3)(layers.RandomFlip()(image))
    x = layers.GaussianNoise(0.2)(base(flipped, **by_hand))
    return keras.Model(image, layers.Flatten()(layers.SpatialDropout2D(0.5)(x)))


@pytest.mark.parametrize("by_hand", [{}, {"training": False}])
def test_what_drops_and_augments_does_so_in_training_alone(by_hand: dict[str, Any]) -> None:
    model = augmented(**by_hand)
    ported = _keras3_to_2.port(model)
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype(np.float32)
    calm = np.asarray(ported(x, training=False))
    np.testing.assert_array_equal(np.asarray(ported(x, training=False)), calm)
    acts = {kind_of: effect for kind_of, effect in by_kind(ported).items() if effect is not None}
    own = not by_hand
    assert acts == {
        **{"RandomFlip": True, "RandomRotation": True, "GaussianNoise": True},
        **{"SpatialDropout2D": True, "Dropout": own, "BatchNormalization": own},
    }


def by_kind(model: Any) -> dict[str, bool | None]:
    """Kind of layer to whether training changes what it does; in the run of the whole model."""
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype(np.float32)
    found: dict[str, bool | None] = {}
    for layer in model.layers[1:]:
        kind = _keras3_to_2.kind_of(layer)
        if kind in ("Conv2D", "Flatten"):
            continue
        whole = tf_keras.Model(model.input, [layer.input, layer.output])
        given, made = whole(x, training=True)
        found[kind] = not np.allclose(made, layer(given, training=False), atol=1e-5)
    return found


def test_an_effect_of_training_that_is_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf_keras.layers.GaussianNoise, "call", lambda self, x, training=None: x)
    with pytest.raises(BuildError, match=r"layer gaussian\w+ \(GaussianNoise\) does nothing in"):
        _keras3_to_2.port(augmented())


def test_an_effect_of_training_that_is_added_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(self: Any, x: Any, training: Any = None) -> Any:
        return x + 1 if training else x

    monkeypatch.setattr(tf_keras.layers.SpatialDropout2D, "call", call)
    model = augmented()
    model.get_layer(index=-2).rate = 0.0
    with pytest.raises(BuildError, match=r"\(SpatialDropout2D\) takes part in training"):
        _keras3_to_2.port(model)


def test_a_frozen_model_within_keeps_its_averages() -> None:
    """Porting runs layers in training mode; no average moves by it, in either model."""
    model = augmented()
    before = [np.asarray(weight) for weight in model.get_weights()]
    ported = _keras3_to_2.port(model)
    for old, new, rebuilt in zip(before, model.get_weights(), ported.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
        np.testing.assert_array_equal(rebuilt, old)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (Subclassed, "subclassed model"),
        (object, "a object cannot be trained"),
        (lambda: keras.Sequential([keras.layers.Dense(2)], name="open"), "open has no input shape"),
    ],
)
def test_what_cannot_be_ported_is_one_line_with_the_recipes_that_still_work(
    build: Callable[[], Any], told: str
) -> None:
    with pytest.raises(BuildError) as caught:
        _keras3_to_2.port(build())
    assert told in str(caught.value)
    assert "quantize:" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_samples_that_do_not_fit_name_the_layer() -> None:
    model = with_layer(keras.layers.Dense(2, name="dense"))
    with pytest.raises(BuildError, match=r"layer dense \(Dense\) cannot compute the samples"):
        _keras3_to_2.port(model, {"": np.zeros((5, 7), np.float32)})


def test_a_counterpart_that_computes_something_else_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And where the original fails in its wrapper too, the layer is named."""
    model = with_layer(keras.layers.ReLU(name="relu"))
    monkeypatch.setattr(tf_keras.layers.ReLU, "call", lambda self, x: -x)
    ported = _keras3_to_2.port(model)
    assert _keras3_to_2.is_wrapped(ported.layers[-1])
    monkeypatch.setattr(type(ported.layers[-1]), "call", lambda self, x: x * 3)
    with pytest.raises(BuildError, match=r"layer relu \(ReLU\) cannot be carried over"):
        _keras3_to_2.port(model)


def test_a_tf_keras_model_keeps_what_its_normalization_learned() -> None:
    layers = tf_keras.layers
    norm = layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 5, (50, 4)).astype(np.float32))
    model = tf_keras.Sequential([layers.InputLayer((4,)), norm, layers.Dense(2)])
    x = np.random.default_rng(1).normal(3, 5, (5, 4)).astype(np.float32)
    ported = _keras3_to_2.port(model)
    copy = type(ported).from_config(ported.get_config())
    copy.set_weights(ported.get_weights())
    for one in (ported, copy):
        np.testing.assert_allclose(np.asarray(one(x)), np.asarray(model(x)), atol=1e-5)
