"""Copies of tf_keras models, and models within models taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.errors import BuildError, telling_line
from bench.techniques._keras3_to_2.port import STILL_WORKS, accepts


def clone(model: Any) -> Any:
    """A copy of a tf_keras model that shares neither layers nor weights with it.

    Raises:
        BuildError: the model is subclassed, or a layer cannot be cloned.
    """
    import tf_keras

    try:
        copy = tf_keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        for layer in copy._flatten_layers():
            if hasattr(layer, "finalize_state"):  # what it computes with is made of its weights
                layer.finalize_state()
    except Exception as fault:  # Keras raises whatever a layer's own code does
        raise BuildError(
            f"{model.name} cannot be cloned ({telling_line(fault, last=True)})",
            hint=f"layers need get_config and built-in types; {STILL_WORKS}",
        ) from fault
    return copy


def inline(model: Any) -> Any:
    """A tf_keras model in which inner models are replaced by their layers; the toolkit needs that.

    A ``Normalization`` gets its mean and variance as constants. Returns the model itself where it
    has neither. Layers keep their names; one whose name is taken gets the inner model's name in
    front.

    Raises:
        BuildError: a layer cannot be cloned.
    """
    import tensorflow as tf
    import tf_keras

    if not any(isinstance(one, tf_keras.Model) or _is_adapted(one) for one in model.layers):
        return model
    inputs = [
        tf_keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name.split(":")[0])
        for tensor in model.inputs
    ]
    clones: dict[int, Any] = {}
    try:
        outputs = _call_flat(model, inputs, clones, "", None)
    except Exception as fault:  # Keras raises whatever a layer's own code does
        raise BuildError(
            f"the inner models of {model.name} cannot be taken apart "
            f"({telling_line(fault, last=True)})",
            hint=f"build the model without models as layers; {STILL_WORKS}",
        ) from fault
    pack = tf.nest.pack_sequence_as
    return tf_keras.Model(
        pack(model._nested_inputs, inputs), pack(model._nested_outputs, outputs), name=model.name
    )


def _call_flat(
    model: Any, inputs: list[Any], clones: dict[int, Any], prefix: str, training: bool | None
) -> list[Any]:
    """Call clones of a model's layers, and those of its inner models, on new inputs.

    ``training`` is what the user set by hand in the call of an inner model.
    """
    import tensorflow as tf
    import tf_keras

    table = {str(id(old)): _Always(new) for old, new in zip(model.inputs, inputs, strict=True)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            layer = node.layer
            args, kwargs = node.map_arguments(table)
            by_hand = kwargs.get("training")
            by_hand = training if by_hand is None else by_hand
            if isinstance(layer, tf_keras.Model):
                inner = f"{prefix}{layer.name}_"
                made: Any = _call_flat(layer, tf.nest.flatten(args[0]), clones, inner, by_hand)
            else:
                if by_hand is not None and accepts(layer, "training"):
                    kwargs = {**kwargs, "training": by_hand}
                made = _clone_of(layer, clones, prefix)(*args, **kwargs)
                if clones[id(layer)].weights:
                    clones[id(layer)].set_weights(layer.get_weights())
            for old, new in zip(tf.nest.flatten(node.outputs), tf.nest.flatten(made), strict=True):
                table[str(id(old))] = _Always(new)
    return [table[str(id(tensor))].pop() for tensor in model.outputs]


@dataclass(frozen=True)
class _Always:
    """What Keras pops a tensor from, once per use; we need not count the uses."""

    tensor: Any

    def pop(self) -> Any:
        return self.tensor


def _clone_of(layer: Any, clones: dict[int, Any], prefix: str) -> Any:
    """The layer's one clone, so that a layer that is called twice stays one layer."""
    if id(layer) not in clones:
        config = layer.get_config()
        taken = {clone.name for clone in clones.values()}
        if config["name"] in taken:
            config["name"] = prefix + config["name"]
        if _is_adapted(layer):
            config["mean"] = np.asarray(layer.adapt_mean).tolist()
            config["variance"] = np.asarray(layer.adapt_variance).tolist()
        clones[id(layer)] = type(layer).from_config(config)
    return clones[id(layer)]


def _is_adapted(layer: Any) -> bool:
    """Whether it is a ``Normalization`` that keeps mean and variance as weights."""
    return type(layer).__name__ == "Normalization" and layer.input_mean is None
