"""Keras 3 → tf_keras, by config and weights, checked on samples. Decided in this one place.

TensorFlow's Model Optimization Toolkit knows only Keras 2 (``tf_keras``), which cannot read what
Keras 3 saves. So the config is rewritten in Keras 2's form, the layers are built anew and the
weights copied; then both models answer the same samples. What cannot be carried over ends in one
clear line that names the layer and says which recipes still work.

Importing the toolkit sets ``TF_USE_LEGACY_KERAS``, which changes what ``tf.keras`` means; so both
Kerases are imported by name here and everywhere else.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import BuildError, telling_line

Array = npt.NDArray[Any]
TOLERANCE = 1e-5
"""Largest difference of two outputs, relative to the largest output (or 1)."""

STILL_WORKS = "recipes of quantize: alone still work, they need no rebuilt model"


def port(model: Any, samples: Mapping[str, Array] | None = None, *, seed: int = 0) -> Any:
    """A tf_keras model of its own that answers as the given one; the given one stays untouched.

    Args:
        model: a functional or sequential model of Keras 3 or of tf_keras.
        samples: input name to array (samples, …) on which the two are compared, the empty name
            for an only input; None draws them at random.
        seed: of those random samples.

    Raises:
        BuildError: a subclassed model, a layer with no twin in tf_keras, or outputs that differ.
    """
    import keras
    import tf_keras

    if isinstance(model, tf_keras.Model):
        return clone(model)
    if not isinstance(model, keras.Model):
        raise BuildError(
            f"a {type(model).__name__} cannot be trained further",
            hint=f"give the Keras model itself (.keras or .h5); {STILL_WORKS}",
        )
    if not _has_config(model):
        raise BuildError(
            f"{model.name} is a subclassed model, which has no config to rebuild",
            hint=f"build it with the functional API; {STILL_WORKS}",
        )
    twin = _rebuild(model)
    _copy_weights(model, twin)
    inputs = _samples(model, samples, seed)
    if not _close(_answer(model, inputs), _answer(twin, inputs)):
        culprit = _first_difference(model, twin, inputs)
        raise BuildError(
            f"rebuilt in tf_keras, {model.name} answers differently, from layer {culprit} on",
            hint=f"replace that layer; {STILL_WORKS}",
        )
    return twin


def clone(model: Any) -> Any:
    """A copy of a tf_keras model that shares neither layers nor weights with it.

    Raises:
        BuildError: the model is subclassed, or a layer cannot be cloned.
    """
    import tf_keras

    try:
        copy = tf_keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
    except Exception as fault:  # Keras raises whatever a layer's own code does
        raise BuildError(
            f"{model.name} cannot be cloned ({telling_line(fault, last=True)})",
            hint=f"layers need get_config and built-in types; {STILL_WORKS}",
        ) from fault
    return copy


def inline(model: Any) -> Any:
    """A tf_keras model in which inner models are replaced by their layers; the toolkit needs that.

    Returns the model itself where it has no inner model. Layers keep their names; one whose name is
    taken gets the inner model's name in front.

    Raises:
        BuildError: a layer cannot be cloned.
    """
    import tf_keras

    if not any(isinstance(layer, tf_keras.Model) for layer in model.layers):
        return model
    inputs = [
        tf_keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name.split(":")[0])
        for tensor in model.inputs
    ]
    clones: dict[int, Any] = {}
    try:
        outputs = _call_flat(model, inputs, clones, "")
    except Exception as fault:  # Keras raises whatever a layer's own code does
        raise BuildError(
            f"the inner models of {model.name} cannot be taken apart "
            f"({telling_line(fault, last=True)})",
            hint=f"build the model without models as layers; {STILL_WORKS}",
        ) from fault
    return tf_keras.Model(inputs, outputs, name=model.name)


def _call_flat(model: Any, inputs: list[Any], clones: dict[int, Any], prefix: str) -> Any:
    """Call clones of a model's layers, and those of its inner models, on new inputs."""
    import tf_keras

    table = {str(id(old)): _Always(new) for old, new in zip(model.inputs, inputs, strict=True)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            layer = node.layer
            args, kwargs = node.map_arguments(table)
            if isinstance(layer, tf_keras.Model):
                inner = f"{prefix}{layer.name}_"
                made = _call_flat(layer, _listed(args[0]), clones, inner)
            else:
                made = _clone_of(layer, clones, prefix)(*args, **kwargs)
                clones[id(layer)].set_weights(layer.get_weights())
            for old, new in zip(_listed(node.outputs), _listed(made), strict=True):
                table[str(id(old))] = _Always(new)
    results = [table[str(id(tensor))].pop() for tensor in model.outputs]
    return results[0] if len(results) == 1 else results


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
        clones[id(layer)] = type(layer).from_config(config)
    return clones[id(layer)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _has_config(model: Any) -> bool:
    """Whether a Keras 3 model is functional or sequential; Keras exports no name for the former."""
    return any(kind.__name__ in ("Functional", "Sequential") for kind in type(model).__mro__)


def _rebuild(model: Any) -> Any:
    import keras
    import tf_keras

    config = _model_config(model.get_config())
    kind = tf_keras.Sequential if isinstance(model, keras.Sequential) else tf_keras.Model
    try:
        twin = kind.from_config(config)
        if not twin.built:
            twin.build(model.input_shape)
    except BuildError:
        raise
    except Exception as fault:
        raise BuildError(
            f"{model.name} cannot be rebuilt in tf_keras ({telling_line(fault, last=True)})",
            hint=STILL_WORKS,
        ) from fault
    return twin


def _model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A functional or sequential config of Keras 3 in Keras 2's form."""
    nested = {
        layer["config"]["name"]
        for layer in config["layers"]
        if layer["class_name"] in ("Functional", "Sequential", "Model")
    }
    result: dict[str, Any] = {"name": config["name"], "layers": []}
    for layer in config["layers"]:
        entry = _layer_config(layer)
        if "inbound_nodes" in layer:
            entry["name"] = entry["config"]["name"]
            entry["inbound_nodes"] = [
                _node(node, layer["class_name"], nested) for node in layer["inbound_nodes"]
            ]
        result["layers"].append(entry)
    for key in ("input_layers", "output_layers"):
        if key in config:
            result[key] = _ends(config[key], nested)
    return result


def _layer_config(layer: Mapping[str, Any]) -> dict[str, Any]:
    """One layer's entry in Keras 2's form.

    Raises:
        BuildError: tf_keras has no such layer.
    """
    import tf_keras

    name, kind = layer["config"].get("name", "?"), layer["class_name"]
    if kind in ("Functional", "Sequential", "Model"):
        return {"class_name": kind, "config": _model_config(layer["config"])}
    twin = getattr(tf_keras.layers, kind, None)
    if twin is None or layer.get("module") != "keras.layers" or kind == "Lambda":
        raise BuildError(
            f"layer {name} ({kind}) has no twin in tf_keras",
            hint=f"replace it with a built-in layer; {STILL_WORKS}",
        )
    config = {
        key: _value(value)
        for key, value in layer["config"].items()
        if not key.endswith("initializer")
    }
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
    known = _constructor_keys(twin)
    config = {key: value for key, value in config.items() if key in known}
    if "layer" in layer["config"]:  # wrappers: TimeDistributed, Bidirectional
        for key in ("layer", "backward_layer"):
            if isinstance(layer["config"].get(key), Mapping):
                config[key] = _layer_config(layer["config"][key])
    if kind == "MultiHeadAttention":  # Keras 2 saves the shapes it was built with
        config.update(query_shape=None, key_shape=None, value_shape=None)
    try:
        twin.from_config(dict(config))
    except Exception as fault:
        raise BuildError(
            f"layer {name} ({kind}) has no twin in tf_keras ({telling_line(fault, last=True)})",
            hint=f"replace it with a built-in layer; {STILL_WORKS}",
        ) from fault
    return {"class_name": kind, "config": config}


def _constructor_keys(kind: type) -> set[str]:
    keys = {"name", "trainable", "dtype", "batch_input_shape"}
    for base in kind.__mro__:
        if base is not object:
            keys.update(inspect.signature(base.__init__).parameters)  # type: ignore[misc]
    return keys - {"self", "kwargs", "args"}


def _value(value: Any) -> Any:
    """An option's value without what only Keras 3 understands."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]
        dropped = ("module", "registered_name", "build_config")
        return {key: _value(item) for key, item in value.items() if key not in dropped}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value


def _node(node: Mapping[str, Any], kind: str, nested: set[str]) -> list[Any]:
    """One call of a layer: its input tensors as ``[name, node, tensor, kwargs]``."""
    import tf_keras

    first, *others = node["args"]
    kwargs = dict(node.get("kwargs", {}))
    if others:  # Keras 2 saves all but the first argument by name
        twin = getattr(tf_keras.layers, kind, tf_keras.Model)
        names = list(inspect.signature(twin.call).parameters)[2:]
        kwargs.update(zip(names, others, strict=False))
    kwargs = {key: _argument(value, nested) for key, value in kwargs.items() if value is not None}
    references: list[Any] = []
    for tensor in first if isinstance(first, list | tuple) else [first]:
        reference = _reference(tensor, nested)
        if reference is None:
            raise BuildError(
                f"a {kind} layer is called with something that is no tensor of a layer",
                hint=f"call layers with tensors only; {STILL_WORKS}",
            )
        references.append([*reference, {} if references else kwargs])
    return references


def _argument(value: Any, nested: set[str]) -> Any:
    reference = _reference(value, nested)
    return value if reference is None else list(reference)


def _reference(tensor: Any, nested: set[str]) -> tuple[str, int, int] | None:
    if not isinstance(tensor, Mapping) or tensor.get("class_name") != "__keras_tensor__":
        return None
    name, node, index = tensor["config"]["keras_history"]
    # In Keras 2 the making of a nested model is itself its first node.
    return name, node + (name in nested), index


def _ends(ends: Any, nested: set[str]) -> list[list[Any]]:
    if ends and isinstance(ends[0], str):
        ends = [ends]
    if isinstance(ends, Mapping):
        ends = list(ends.values())
    return [[name, node + (name in nested), index] for name, node, index in ends]


def _copy_weights(model: Any, twin: Any) -> None:
    """Copy weights layer by layer, inner models included.

    Raises:
        BuildError: a layer's weights have other shapes in tf_keras.
    """
    twins = {layer.name: layer for layer in twin.layers}
    for layer in model.layers:
        other = twins.get(layer.name)
        if other is None:  # an InputLayer that a sequential model leaves out
            continue
        if hasattr(layer, "layers") and hasattr(other, "layers"):
            _copy_weights(layer, other)
            continue
        weights = [np.asarray(weight) for weight in layer.get_weights()]
        shapes = [tuple(weight.shape) for weight in weights]
        expected = [tuple(weight.shape) for weight in other.get_weights()]
        if shapes != expected:
            raise BuildError(
                f"layer {layer.name} has weights {shapes} in Keras 3 and {expected} in tf_keras",
                hint=f"replace that layer; {STILL_WORKS}",
            )
        other.set_weights(weights)


def _samples(model: Any, samples: Mapping[str, Array] | None, seed: int) -> list[Array]:
    """Inputs in the model's order, at most 16 samples; random ones where none are given."""
    rng = np.random.default_rng(seed)
    result = []
    for tensor in model.inputs:
        name = tensor.name.split(":")[0]
        given = None if samples is None else samples.get(name, samples.get(""))
        if given is not None:
            result.append(np.asarray(given[:16]))
            continue
        shape = (8, *(size or 8 for size in tensor.shape[1:]))
        if "int" in str(tensor.dtype):
            result.append(rng.integers(0, 2, shape))
        else:
            result.append(rng.uniform(-1, 1, shape).astype(np.float32))
    return result


def _answer(model: Any, inputs: list[Array]) -> list[Array]:
    answer = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    return [np.asarray(part) for part in (answer if isinstance(answer, list | tuple) else [answer])]


def _close(left: list[Array], right: list[Array]) -> bool:
    return len(left) == len(right) and all(
        a.shape == b.shape
        and float(np.max(np.abs(a - b), initial=0.0))
        <= TOLERANCE * max(1.0, float(np.max(np.abs(a), initial=0.0)))
        for a, b in zip(left, right, strict=True)
    )


def _first_difference(model: Any, twin: Any, inputs: list[Array]) -> str:
    """Name and type of the first layer whose output differs."""
    import keras
    import tf_keras

    twins = {layer.name: layer for layer in twin.layers}
    for layer in model.layers:
        if layer.name not in twins or type(layer).__name__ == "InputLayer":
            continue
        left = keras.Model(model.input, layer.output)
        right = tf_keras.Model(twin.input, twins[layer.name].output)
        if not _close(_answer(left, inputs), _answer(right, inputs)):
            return f"{layer.name} ({type(layer).__name__})"
    return f"{model.layers[-1].name} ({type(model.layers[-1]).__name__})"
