"""One small model of each kind that users have, each with its data: ``make_zoo.py FOLDER``.

Run as a process of its own, as ``make_models.py`` is. Nothing is trained: whether a model is built
by every recipe and answers like itself does not depend on what it knows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES, CLASSES = 48, 3

Arrays = dict[str, np.ndarray]
Made = tuple[Any, Arrays]
"""A Keras 3 model and its ``x`` and ``y`` arrays, ``x:NAME`` for one of several."""


def main(folder: Path) -> None:
    """Write ``NAME.keras`` and ``NAME.npz`` for each kind."""
    import keras

    for name, make in KINDS.items():
        keras.utils.set_random_seed(0)
        model, arrays = make()
        _lay_still(model)
        model.save(folder / f"{name}.keras")
        data = {}
        for key, array in arrays.items():
            kind, _, part = key.partition(":")
            suffix = f":{part}" if part else ""
            data |= {f"{kind}_train{suffix}": array, f"{kind}_test{suffix}": array}
        np.savez(folder / f"{name}.npz", **data)


def _lay_still(model: Any) -> None:
    """An eighth of each wide layer's filters and units give zero: what techniques remove first.

    So a model answers the same when they are gone, though nothing is trained.
    """
    for layer in model._flatten_layers():
        kind = type(layer).__name__
        if kind not in ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose"):
            continue
        values = layer.kernel.numpy()
        by_filter = np.moveaxis(values, -2 if kind == "Conv2DTranspose" else -1, 0)
        if len(by_filter) >= 16:
            by_filter[: len(by_filter) // 8] = 0
            layer.kernel.assign(values)


def _normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(SAMPLES, *shape)).astype(np.float32)


def _labels(count: int = CLASSES, *shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, count, (SAMPLES, *shape))


def _pictures(size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SAMPLES, size, size, 3)).astype(np.uint8)


def _classes(x: Any) -> Any:
    import keras
    from keras import layers

    # Large, so that answers differ by more than a step of int8.
    spread = keras.initializers.RandomNormal(stddev=1.5, seed=0)
    return layers.Dense(CLASSES, activation="softmax", kernel_initializer=spread)(x)


def _image_classes(x: Any) -> Any:
    from keras import layers

    return _classes(layers.GlobalAveragePooling2D()(x))


def preprocessing() -> Made:
    """Pictures of a camera: scaled, resized, cropped, normalized, augmented and dropped inside."""
    import keras
    from keras import layers

    image = keras.Input((20, 20, 3), name="image")
    normalize = layers.Normalization()
    normalize.adapt(_pictures(20).astype(np.float32) / 255)
    x = normalize(layers.Rescaling(1 / 255.0)(image))
    x = layers.CenterCrop(16, 16)(layers.Resizing(18, 18)(x))
    x = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(x))
    x = layers.Dropout(0.5)(layers.Conv2D(16, 3, activation="relu")(x))
    x = layers.Conv2D(16, 3, activation="relu")(x)
    return keras.Model(image, _image_classes(x)), {"x": _pictures(20), "y": _labels()}


def _recurrent(layer: Callable[[], Any]) -> Made:
    import keras

    sequence = keras.Input((4, 5), name="sequence")
    return keras.Model(sequence, _classes(layer()(sequence))), {
        "x": _normal(4, 5),
        "y": _labels(),
    }


def lstm() -> Made:
    """An LSTM over sequences of one length."""
    from keras import layers

    return _recurrent(lambda: layers.LSTM(8, name="memory"))


def gru() -> Made:
    """A GRU."""
    from keras import layers

    return _recurrent(lambda: layers.GRU(8, name="memory"))


def stateful() -> Made:
    """An LSTM that goes on with what it remembers of the call before."""
    import keras
    from keras import layers

    sequence = keras.Input(batch_shape=(1, 4, 5), name="sequence")
    x = layers.LSTM(8, stateful=True, name="memory")(sequence)
    return keras.Model(sequence, _classes(x)), {"x": _normal(4, 5), "y": _labels()}


def each_step() -> Made:
    """One layer for every step of a sequence (TimeDistributed)."""
    import keras
    from keras import layers

    sequence = keras.Input((6, 8, 8, 1), name="sequence")
    x = layers.TimeDistributed(layers.Conv2D(8, 3, activation="relu"), name="each")(sequence)
    x = layers.GlobalAveragePooling3D()(x)
    return keras.Model(sequence, _classes(x)), {"x": _normal(6, 8, 8, 1), "y": _labels()}


def _hidden() -> tuple[Any, Any]:
    import keras
    from keras import layers

    features = keras.Input((6,), name="features")
    return features, layers.Dense(32, activation="relu", name="hidden")(features)


def sequential() -> Made:
    """One layer after the other, its input called in a way that TensorFlow does not take."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((6,), name="cam:0"), layers.Dense(32, activation="relu")])
    model.add(layers.Dense(CLASSES))
    return model, {"x": _normal(6), "y": _labels()}


def two_heads() -> Made:
    """Two outputs by name, classes and a number; their layers are called otherwise."""
    import keras
    from keras import layers

    features, x = _hidden()
    heads = {
        "size": layers.Dense(1, name="amount")(x),
        "kind": layers.Dense(CLASSES, activation="softmax")(x),
    }
    return keras.Model(features, heads), {
        "x": _normal(6),
        "y:kind": _labels(),
        "y:size": _normal(1),
    }


def listed_heads() -> Made:
    """The same in a list: Keras knows the outputs by their layers, its export by numbers."""
    import keras
    from keras import layers

    features, x = _hidden()
    # The second comes first by its name: an order of names would be another.
    heads = [
        layers.Dense(CLASSES, activation="softmax", name="kind")(x),
        layers.Dense(1, name="bulk")(x),
    ]
    return keras.Model(features, heads), {
        "x": _normal(6),
        "y:kind": _labels(),
        "y:bulk": _normal(1),
    }


def dict_inputs() -> Made:
    """Inputs in a dict whose keys are not the inputs' names, one of them of whole numbers."""
    import keras
    from keras import layers

    inputs = {
        "picture": keras.Input((8, 8, 3), name="front-cam.0"),
        "word": keras.Input((4,), name="tokens", dtype="int32"),
    }
    seen = layers.GlobalAveragePooling2D()(
        layers.Conv2D(16, 3, activation="relu")(inputs["picture"])
    )
    read = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(inputs["word"]))
    x = layers.Dense(32, activation="relu")(layers.Concatenate()([seen, read]))
    tokens = np.random.default_rng(0).integers(0, 20, (SAMPLES, 4)).astype(np.int32)
    return keras.Model(inputs, _classes(x)), {
        "x:picture": _normal(8, 8, 3),
        "x:word": tokens,
        "y": _labels(),
    }


def tokens() -> Made:
    """Words of a sentence by number, read by an LSTM."""
    import keras
    from keras import layers

    words = keras.Input((6,), name="words", dtype="int32")
    # As large as trained ones, or all answers lie within a step of int8.
    spread = keras.initializers.RandomNormal(stddev=1.0, seed=0)
    x = layers.Embedding(80, 16, embeddings_initializer=spread)(words)
    x = layers.LSTM(8, name="memory")(x)
    drawn = np.random.default_rng(0).integers(0, 80, (SAMPLES, 6)).astype(np.int32)
    return keras.Model(words, _classes(x)), {"x": drawn, "y": _labels()}


def segmentation() -> Made:
    """A class per pixel."""
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.Conv2DTranspose(16, 2, 2)(layers.MaxPooling2D()(x))
    outputs = layers.Conv2D(CLASSES, 1, activation="softmax")(x)
    return keras.Model(image, outputs), {"x": _normal(16, 16, 3), "y": _labels(CLASSES, 16, 16)}


def any_size() -> Made:
    """Height and width left open."""
    import keras
    from keras import layers

    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    return keras.Model(image, _image_classes(x)), {"x": _normal(24, 24, 3), "y": _labels()}


def half_precision() -> Made:
    """Trained in mixed_float16."""
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        x = layers.Conv2D(16, 3, activation="relu")(image)
        x = layers.Conv2D(16, 3, activation="relu")(x)
        x = layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))
        outputs = layers.Activation("softmax", dtype="float32")(x)
        return keras.Model(image, outputs), {"x": _normal(16, 16, 3), "y": _labels()}
    finally:
        keras.mixed_precision.set_global_policy("float32")


def operations() -> Made:
    """Arithmetic where others have layers; one unit, two classes."""
    import keras
    from keras import layers

    features, x = _hidden()
    outputs = layers.Dense(1, activation="sigmoid")(keras.ops.tanh(x * 2.0) / 1.5)
    return keras.Model(features, outputs), {"x": _normal(6), "y": _labels(2)}


def squeeze_excite() -> Made:
    """What MobileNetV3 is made of: squeeze-and-excite blocks and hard-swish."""
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.Activation("hard_silu")(layers.BatchNormalization()(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(16, 1, activation="relu")(gate)
    gate = layers.Conv2D(16, 1, activation="hard_sigmoid")(gate)
    x = layers.Multiply()([x, gate])
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    return keras.Model(image, _image_classes(x)), {"x": _normal(16, 16, 3), "y": _labels()}


def sequences() -> Made:
    """Convolutions over time, one of which not every technique knows; a number, no classes."""
    import keras
    from keras import layers

    sequence = keras.Input((16, 4), name="sequence")
    x = layers.Conv1D(16, 3, activation="relu", name="forth")(sequence)
    x = layers.Conv1DTranspose(16, 3, name="back")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(sequence, layers.Dense(1)(x)), {"x": _normal(16, 4), "y": _normal()}


def attention() -> Made:
    """Self-attention, normalized by layer."""
    import keras
    from keras import layers

    sequence = keras.Input((8, 16), name="sequence")
    x = layers.MultiHeadAttention(2, 8, name="attend")(sequence, sequence)
    x = layers.LayerNormalization()(layers.Add()([sequence, x]))
    x = layers.Dense(32, activation="gelu")(x)
    return keras.Model(sequence, _classes(layers.GlobalAveragePooling1D()(x))), {
        "x": _normal(8, 16),
        "y": _labels(),
    }


def nested() -> Made:
    """A frozen model within a model."""
    import keras
    from keras import layers

    inner_image = keras.Input((16, 16, 3))
    x = layers.Conv2D(16, 3, use_bias=False)(inner_image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    base = keras.Model(inner_image, layers.Conv2D(16, 3)(x), name="base")
    base.trainable = False
    image = keras.Input((16, 16, 3), name="image")
    outputs = _image_classes(base(image, training=False))
    return keras.Model(image, outputs), {"x": _normal(16, 16, 3), "y": _labels()}


KINDS: dict[str, Callable[[], Made]] = {
    make.__name__: make
    for make in (
        preprocessing,
        lstm,
        gru,
        stateful,
        each_step,
        sequential,
        two_heads,
        listed_heads,
        dict_inputs,
        tokens,
        segmentation,
        any_size,
        half_precision,
        operations,
        squeeze_excite,
        sequences,
        attention,
        nested,
    )
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
