"""The forms in which a model may be given to the converter, the best first.

A recurrent layer becomes one op (UNIDIRECTIONAL_SEQUENCE_LSTM) or a loop over its steps. The
converter does neither while the batch is open, fuses only the LSTM of tf_keras, and ends the
process where it is to calibrate a loop. So recurrent models are ported to tf_keras where that can
be done (all recipes alike, so that none looks faster for its form), get a batch of one, and are
unrolled where they are calibrated and would hold a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.errors import BuildError
from bench.techniques import port_to_tf_keras

LONGEST_UNROLLED = 256
"""Steps; each becomes some ten ops."""

_UNROLLABLE = ("LSTM", "GRU", "SimpleRNN")


@dataclass(frozen=True)
class Form:
    """A model ready to be converted.

    Attributes:
        model: a Keras model of either kind, or the path of a SavedModel.
        signature: of a SavedModel; None is its only one, or ``serving_default``.
        unrolled: the recurrent layers whose steps are written out.
    """

    model: Any
    signature: str | None = None
    unrolled: tuple[str, ...] = ()


def forms_of(model: Any, signature: str | None, *, calibrated: bool) -> Iterator[Form]:
    """What the converter is to be given, in turn, until it takes one.

    Args:
        model: a Keras model of either kind, or the path of a SavedModel.
        signature: of a SavedModel.
        calibrated: whether ranges will be found on samples.
    """
    if not hasattr(model, "layers"):
        yield Form(model, signature)
        return
    if not is_recurrent(model):
        yield Form(model)
        if any(tensor.shape[0] is None for tensor in model.inputs):
            yield Form(with_batch(model, 1))
        return
    ported = _ported(model)
    yield Form(with_batch(ported, 1))
    names = _to_unroll(ported) if calibrated else ()
    if names:
        yield Form(with_batch(_unrolled(ported, names), 1), unrolled=names)


def layers_by_scope(model: Any) -> dict[str, str]:
    """Part of the converter's paths to the layer that it means; empty for a SavedModel.

    Paths are made of scopes. Keras 3 adds ``_1`` to each layer's name, also where a layer has that
    name; a layer trained with quantization is called ``quant_…``.
    """
    import tf_keras

    names = [layer.name.removeprefix("quant_") for layer in _all_layers(model)]
    by_scope = {}
    if not isinstance(model, tf_keras.Model):
        by_scope = {f"{name}_1": name for name in names}
    for name in names:
        by_scope.setdefault(name, name)
        by_scope.setdefault(f"quant_{name}", name)
    return by_scope


def is_recurrent(model: Any) -> bool:
    """Whether a layer carries something from step to step."""
    return any(_kinds(layer) & {"RNN", "Bidirectional"} for layer in _all_layers(model))


def with_batch(model: Any, size: int) -> Any:
    """A Keras model around this one whose inputs have a batch of that size."""
    import keras
    import tf_keras

    library = tf_keras if isinstance(model, tf_keras.Model) else keras

    def fixed(tensor: Any) -> Any:
        name = tensor.name.split(":")[0]
        shape = (size, *tensor.shape[1:])
        return library.Input(batch_shape=shape, dtype=tensor.dtype, name=name)

    given = model.input
    if isinstance(given, dict):
        inputs: Any = {key: fixed(tensor) for key, tensor in given.items()}
    elif isinstance(given, list | tuple):
        inputs = [fixed(tensor) for tensor in given]
    else:
        inputs = fixed(given)
    return library.Model(inputs, model(inputs), name=f"batch_of_{size}")


def _ported(model: Any) -> Any:
    """The model in tf_keras, its inner models taken apart; as it is where that cannot be done."""
    try:
        return port_to_tf_keras(model)
    except BuildError:
        return model


def _to_unroll(model: Any) -> tuple[str, ...]:
    """Names of the recurrent layers where all of them can be unrolled, else none."""
    recurrent = [one for one in model.layers if _kinds(one) & {"RNN", "Bidirectional"}]
    lengths = [getattr(layer, "input_shape", (None, None))[1] for layer in recurrent]
    if not all(_inner(layer) in _UNROLLABLE for layer in recurrent):
        return ()
    if not all(length is not None and length <= LONGEST_UNROLLED for length in lengths):
        return ()
    return tuple(layer.name for layer in recurrent)


def _inner(layer: Any) -> str:
    return type(layer.layer if type(layer).__name__ == "Bidirectional" else layer).__name__


def _unrolled(model: Any, names: tuple[str, ...]) -> Any:
    """The tf_keras model with these layers unrolled; it shares all others."""
    import tf_keras

    def rebuilt(layer: Any) -> Any:
        if layer.name not in names:
            return layer
        config = layer.get_config()
        for one in (config, *(config.get(key) for key in ("layer", "backward_layer"))):
            if one is not None:
                (one["config"] if "class_name" in one else one)["unroll"] = True
        config.pop("unroll", None) if type(layer).__name__ == "Bidirectional" else None
        return type(layer).from_config(config)

    copy = tf_keras.models.clone_model(model, clone_function=rebuilt)
    for name in names:
        copy.get_layer(name).set_weights(model.get_layer(name).get_weights())
    return copy


def _all_layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _all_layers(layer)


def _kinds(layer: Any) -> set[str]:
    return {kind.__name__ for kind in type(layer).__mro__}
