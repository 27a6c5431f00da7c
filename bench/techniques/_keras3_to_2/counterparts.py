"""What tf_keras has for a layer or an operation of Keras 3."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ("linear", "relu", "softmax", "sigmoid", "tanh", "gelu")},
        "silu": "swish",
    }
)
"""Keras 3's name to that of tf_keras, of activations that the toolkit can train with rounding."""

MERGES = frozenset({"Add", "Subtract", "Multiply", "Maximum", "Minimum"})
"""Operations on two tensors that are layers in tf_keras."""

ACTIVATION_OPS: Mapping[str, str] = MappingProxyType(
    {"Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "swish"}
)
"""Operations on one tensor that are activations in tf_keras."""


ORIGINALS = frozenset({"Lambda", "CenterCrop"})
"""Layers that run as Keras 3 has them: user's code; in tf_keras, a shape only known at run time."""

WITH_ACTIVATION = frozenset(
    {
        *("Dense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"),
        *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
        *("SeparableConv1D", "SeparableConv2D"),
    }
)
"""Layers that apply their activation last, so that a layer of its own can do it."""


@dataclass(frozen=True, eq=False)
class Call:
    """A layer of tf_keras and what it is to be called with, in place of the original."""

    layer: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


def find(
    operation: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Call | None:
    """The layer of tf_keras for a call in Keras 3, without weights yet; None where there is none.

    Raises:
        Exception: whatever tf_keras raises at options that it does not know.
    """
    import keras

    if isinstance(operation, keras.layers.Layer):
        layer = _layer(operation, name)
        return None if layer is None else Call(layer, args, kwargs)
    return None if kwargs else _of_operation(operation, name, args)


def has_foreign_activation(operation: Any) -> bool:
    """Whether a convolution or dense layer ends in an activation that the toolkit cannot train."""
    return (
        type(operation).__name__ in WITH_ACTIVATION
        and type(operation).__module__.startswith("keras.")
        and _activation(operation.get_config()["activation"]) is None
    )


def without_activation(layer: Any) -> tuple[Any, Any]:
    """The layer without its activation, with the same weights; and the activation alone."""
    import keras

    linear = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    linear.build_from_config(layer.get_build_config())
    linear.set_weights(layer.get_weights())
    return linear, keras.layers.Activation(layer.activation, name=f"{layer.name}_activation")


def copy_weights(original: Any, layer: Any) -> None:
    """Copy a built layer's weights to its built counterpart.

    Raises:
        ValueError: they have other shapes.
    """
    if layer.weights and not hasattr(layer, "original"):
        layer.set_weights([np.asarray(weight) for weight in original.get_weights()])


def _of_operation(operation: Any, name: str, args: tuple[Any, ...]) -> Call | None:
    import tf_keras

    layers, kind = tf_keras.layers, type(operation).__name__
    if kind in ("Relu", "Relu6"):
        limit = 6.0 if kind == "Relu6" else None
        return Call(layers.ReLU(max_value=limit, name=name), args, {})
    if kind in ACTIVATION_OPS:
        return Call(layers.Activation(ACTIVATION_OPS[kind], name=name), args, {})
    if kind == "Concatenate":
        return Call(layers.Concatenate(axis=operation.axis, name=name), (list(args[0]),), {})
    if kind in MERGES and len(args) == 2 and all(hasattr(one, "symbol") for one in args):
        return Call(getattr(layers, kind)(name=name), (list(args),), {})
    return _of_arithmetic(kind, name, args)


def _of_arithmetic(kind: str, name: str, args: tuple[Any, ...]) -> Call | None:
    """``Rescaling`` for a tensor of floats and a number."""
    import tf_keras

    tensors = [one for one in args if hasattr(one, "symbol")]
    numbers = [float(one) for one in args if isinstance(one, int | float)]
    if len(tensors) != 1 or len(numbers) != 1 or "float" not in str(tensors[0].symbol.dtype):
        return None
    affine = _affine(kind, numbers[0], swapped=args[0] is not tensors[0])
    if affine is None:
        return None
    return Call(tf_keras.layers.Rescaling(*affine, name=name), (tensors[0],), {})


def _affine(kind: str, number: float, *, swapped: bool) -> tuple[float, float] | None:
    """Factor and offset by which ``Rescaling`` does arithmetic with a number."""
    if kind == "Add":
        return 1.0, number
    if kind == "Multiply":
        return number, 0.0
    if kind == "Subtract":
        return (-1.0, number) if swapped else (1.0, -number)
    if kind in ("Divide", "TrueDivide") and not swapped and number:
        return 1.0 / number, 0.0
    return None


def _layer(original: Any, name: str) -> Any:
    """A new layer of tf_keras from the config; None where tf_keras has none."""
    import tf_keras

    kind = type(original).__name__
    found = getattr(tf_keras.layers, kind, None)
    if found is None or not type(original).__module__.startswith("keras.") or kind in ORIGINALS:
        return None
    if kind == "Activation":
        activation = original.get_config()["activation"]
        if activation == "relu6":
            return tf_keras.layers.ReLU(max_value=6.0, name=name)
        if _activation(activation) is None:
            return None
    config = _config(original.get_config(), found)
    config["name"] = name
    if kind == "Normalization" and original.input_mean is None:
        # As constants: a clone's weights would not reach what it computes with.
        config["mean"] = np.asarray(original.adapt_mean).tolist()
        config["variance"] = np.asarray(original.adapt_variance).tolist()
    return found.from_config(config)


def _config(config: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """A layer's config in Keras 2's form: only what its constructor takes there."""
    known = _constructor_keys(kind)
    result = {
        key: _value(key, value)
        for key, value in config.items()
        if key in known and not key.endswith("initializer")
    }
    if kind.__name__ == "MultiHeadAttention":  # Keras 2 saves the shapes it was built with
        result.update(query_shape=None, key_shape=None, value_shape=None)
    if isinstance(result.get("seed"), Mapping):
        result["seed"] = None
    return result


def _constructor_keys(kind: type) -> set[str]:
    keys = {"name", "trainable", "dtype"}
    for base in kind.__mro__:
        if base is not object:
            keys.update(inspect.signature(base.__init__).parameters)  # type: ignore[misc]
    return keys - {"self", "kwargs", "args"}


def _value(key: str, value: Any) -> Any:
    """An option's value without what only Keras 3 understands."""
    import tf_keras

    if key.endswith("activation"):
        return _activation(value) or value
    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]
        inner = getattr(tf_keras.layers, str(value.get("class_name")), None)
        if inner is not None and "config" in value:  # wrappers: TimeDistributed, Bidirectional
            return {
                "class_name": value["class_name"],
                "config": _config(value["config"], inner),
            }
        dropped = ("module", "registered_name", "build_config")
        return {name: _value("", item) for name, item in value.items() if name not in dropped}
    if isinstance(value, list | tuple):
        return [_value("", item) for item in value]
    return value


def _activation(value: Any) -> str | None:
    """tf_keras's name of an activation; None where the toolkit cannot train with it."""
    return ACTIVATIONS.get(value) if isinstance(value, str) else None
