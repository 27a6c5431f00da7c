"""Models of mixed or half precision, set back to float32.

``mixed_float16`` is a way to train. Its casts have no place in a .tflite, where quantization
decides about precision, and the toolkit cannot train with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

HALVES = frozenset({"float16", "bfloat16", "mixed_float16", "mixed_bfloat16"})
"""Policies and types that are set back."""


def in_float32(model: Any) -> Any:
    """A model with the same weights that computes in float32; the given one where it does already.

    Args:
        model: of Keras 3 or tf_keras; the path of a SavedModel comes back as it is.
    """
    if isinstance(model, (str, Path)) or not any(map(_is_half, model._flatten_layers())):
        return model
    if not hasattr(model, "_nodes_by_depth") and not hasattr(model, "_functional"):
        _set_policies(model)
        return model
    made = type(model).from_config(_rewritten(model.get_config()))
    made.set_weights(model.get_weights())
    return made


def _is_half(layer: Any) -> bool:
    return not HALVES.isdisjoint({str(layer.compute_dtype), str(layer.variable_dtype)})


def _set_policies(model: Any) -> None:
    """Of a subclassed model's layers, where they are: it cannot be made anew."""
    import keras

    for layer in filter(_is_half, model._flatten_layers()):
        if isinstance(layer, keras.layers.Layer):
            layer.dtype_policy = "float32"
        else:
            layer._set_dtype_policy("float32")


def _rewritten(config: Any) -> Any:
    """A config with float32 wherever a policy or type of half precision stands, names apart."""
    if isinstance(config, Mapping):
        if config.get("class_name") in ("DTypePolicy", "Policy"):
            return {**config, "config": _renamed(config["config"])}
        return {key: item if key == "name" else _rewritten(item) for key, item in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_rewritten(item) for item in config)
    return "float32" if isinstance(config, str) and config in HALVES else config


def _renamed(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {**policy, "name": "float32" if policy["name"] in HALVES else policy["name"]}
