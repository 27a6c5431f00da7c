"""A layer or operation of Keras 3 that runs inside a layer of tf_keras.

Both Kerases compute with TensorFlow, so an original can take part in a tf_keras model. Its weights
are held by the wrapper and handed to the original at each call (``stateless_call``): a clone has
weights of its own, and training, saving and conversion see them as they see all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench.techniques._keras3_to_2.counterparts import Call

_HOLE = "a tensor stands here"


@dataclass(frozen=True, eq=False)
class _Original:
    """A layer or operation, and its arguments with :data:`_HOLE` wherever a tensor stands."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


_originals: dict[str, _Original] = {}
"""By a number that a wrapper's config names: the originals need not be serializable."""


def wrap(operation: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """A layer that runs the original, and the call of it that stands for this one."""
    key = str(len(_originals))
    _originals[key] = _Original(operation, *_template(args, kwargs))
    layer = _wrapper()(original=key, name=name, trainable=getattr(operation, "trainable", True))
    return Call(layer, (_tensors(args, kwargs),), {})


def again(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """A further call of a layer; None where a wrapped one is called with other arguments."""
    if not is_wrapped(layer):
        return Call(layer, args, kwargs)
    known = _originals[layer.original]
    if _template(args, kwargs) != (known.args, known.kwargs):
        return None
    return Call(layer, (_tensors(args, kwargs),), {})


def is_wrapped(layer: Any) -> bool:
    """Whether a layer of tf_keras runs an original of Keras 3."""
    return isinstance(layer, _wrapper())


def kind_of(layer: Any) -> str:
    """The type of a layer as users know it, such as ``Conv2D``; ``ops.Exp`` of an operation."""
    import keras

    if not is_wrapped(layer):
        return type(layer).__name__
    operation = _originals[layer.original].operation
    name = type(operation).__name__
    return name if isinstance(operation, keras.layers.Layer) else f"ops.{name}"


def _template(args: Any, kwargs: Any) -> tuple[Any, Any]:
    import keras

    hole = keras.tree.map_structure(
        lambda one: _HOLE if hasattr(one, "symbol") else one, (args, dict(kwargs))
    )
    return hole[0], hole[1]


def _tensors(args: Any, kwargs: Any) -> Any:
    """The tensors of a call in flat order; a single one stands alone."""
    import keras

    flat = [one for one in keras.tree.flatten((args, dict(kwargs))) if hasattr(one, "symbol")]
    return flat[0] if len(flat) == 1 else flat


@cache
def _wrapper() -> Any:
    """The class of wrappers; made when first needed, since tf_keras takes seconds to import."""
    import keras
    import tf_keras

    @tf_keras.saving.register_keras_serializable("tflite_bench")
    class Keras3(tf_keras.layers.Layer):  # type: ignore[misc]
        """Runs an original of Keras 3 on weights of its own."""

        def __init__(self, original: str, **options: Any) -> None:
            super().__init__(autocast=False, **{**options, "dtype": "float32"})
            self.original = original
            operation = _originals[original].operation
            self._is_layer = isinstance(operation, keras.layers.Layer)
            layer = operation if self._is_layer else None
            self._own = [self._copy(v, True) for v in getattr(layer, "trainable_variables", ())]
            self._state = [
                self._copy(v, False) for v in getattr(layer, "non_trainable_variables", ())
            ]

        def _copy(self, variable: Any, trainable: bool) -> Any:
            value = variable.numpy()
            return self.add_weight(
                name=variable.name,
                shape=value.shape,
                dtype=str(variable.dtype),
                initializer=lambda shape, dtype=None: value,
                trainable=trainable,
            )

        def call(self, inputs: Any, training: Any = False) -> Any:
            """Run the original on tensors in flat order."""
            original = _originals[self.original]
            tensors = iter(inputs if isinstance(inputs, list | tuple) else [inputs])
            args, kwargs = keras.tree.map_structure(
                lambda one: next(tensors) if one is _HOLE else one,
                (original.args, dict(original.kwargs)),
            )
            operation = original.operation
            if not self._is_layer:
                return operation(*args, **kwargs)
            if operation._call_has_training_arg:
                kwargs["training"] = bool(training)
            outputs, state = operation.stateless_call(self._own, self._state, *args, **kwargs)
            if training:
                for variable, value in zip(self._state, state, strict=True):
                    variable.assign(value)
            return outputs

        def get_config(self) -> dict[str, Any]:
            """Names the original, which lives as long as this process."""
            return {**super().get_config(), "original": self.original}

    return Keras3
