"""Repeat a Keras 3 model's calls with layers of tf_keras, computing samples in both on the way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.errors import BuildError, telling_line
from bench.techniques._keras3_to_2 import counterparts, wrapped

TOLERANCE = 1e-5
"""Largest difference of two outputs, relative to the largest output (or 1)."""

STILL_WORKS = "recipes of quantize: alone still work, they need no rebuilt model"


@dataclass(frozen=True, eq=False)
class Pair:
    """One tensor of the model: in the tf_keras model, and as Keras 3 computed it from samples."""

    symbol: Any
    value: Any


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer that behaves differently in training.

    Attributes:
        original: the layer of Keras 3.
        layer: its counterpart, called with ``args`` and ``kwargs``, values of samples.
        training: what the user set by hand; None where it follows the model.
    """

    original: Any
    layer: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    original_args: tuple[Any, ...]
    original_kwargs: dict[str, Any]
    training: bool | None


@dataclass(eq=False)
class Port:
    """A Keras 3 model and what became of it.

    Attributes:
        source: functional or sequential.
        inputs: samples, a tensor for each input.
        model: the flat tf_keras model.
        steps: calls that training treats differently.

    Raises:
        BuildError: a subclassed model, or a layer that cannot be carried over.
    """

    source: Any
    inputs: Sequence[Any]
    model: Any = field(init=False)
    steps: list[Step] = field(init=False, default_factory=list)
    _layers: dict[int, Any] = field(init=False, default_factory=dict)
    _split: dict[int, tuple[Any, Any]] = field(init=False, default_factory=dict)
    _names: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        import tf_keras

        graph = graph_of(self.source)
        pairs = [
            Pair(
                tf_keras.Input(
                    batch_shape=tensor.shape,
                    dtype=str(tensor.dtype),
                    name=self._free(tensor.name, ""),
                ),
                value,
            )
            for tensor, value in zip(graph.inputs, self.inputs, strict=True)
        ]
        outputs = self._walk(graph, pairs, "", None)
        self.model = tf_keras.Model(
            _packed(graph._inputs_struct, [pair.symbol for pair in pairs]),
            _packed(graph._outputs_struct, [pair.symbol for pair in outputs]),
            name=self.source.name,
        )

    def pack(self, inputs: Sequence[Any]) -> Any:
        """A value for each input, in the structure in which the model takes them."""
        return _packed(_graph(self.source)._inputs_struct, list(inputs))

    def _walk(
        self, graph: Any, inputs: Sequence[Pair], prefix: str, training: bool | None
    ) -> list[Pair]:
        """Repeat the calls of a model; its outputs in their flat order."""
        known = {id(old): new for old, new in zip(graph.inputs, inputs, strict=True)}
        for node in _nodes(graph):
            if any(id(tensor) not in known for tensor in node.input_tensors):
                continue  # leads to no output of this model
            args, kwargs = node.arguments.fill_in(known)
            made = self._call(node.operation, args, dict(kwargs), prefix, training)
            known.update({id(old): new for old, new in zip(node.outputs, made, strict=True)})
        return [known[id(tensor)] for tensor in graph.outputs]

    def _call(
        self,
        operation: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        prefix: str,
        training: bool | None,
    ) -> list[Pair]:
        import keras

        by_hand = _set_by_hand(operation, kwargs.pop("training", None))
        training = by_hand if by_hand is not None else training
        inner = _graph(operation)
        if inner is not None:
            pairs = [one for one in keras.tree.flatten(args[0]) if isinstance(one, Pair)]
            return self._walk(inner, pairs, f"{prefix}{operation.name}_", training)
        if counterparts.has_foreign_activation(operation):
            if id(operation) not in self._split:
                self._split[id(operation)] = counterparts.without_activation(operation)
            linear, activation = self._split[id(operation)]
            made = self._call(linear, args, kwargs, prefix, training)
            return self._call(activation, tuple(made), {}, prefix, training)
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        values, value_kwargs = _of(args, "value"), _of(kwargs, "value")
        expected = _expected(operation, values, value_kwargs)
        call = self._counterpart(operation, args, kwargs, prefix, expected)
        options = dict(call.kwargs)
        if training is not None and accepts(call.layer, "training"):
            options["training"] = training
        symbols = call.layer(*_of(call.args, "symbol"), **_of(options, "symbol"))
        if accepts(operation, "training"):
            self.steps.append(
                Step(
                    original=operation,
                    layer=call.layer,
                    args=_of(call.args, "value"),
                    kwargs=_of(options, "value"),
                    original_args=values,
                    original_kwargs=value_kwargs,
                    training=training,
                )
            )
        flat = zip(keras.tree.flatten(symbols), keras.tree.flatten(expected), strict=True)
        return [Pair(symbol, value) for symbol, value in flat]

    def _counterpart(
        self, operation: Any, args: Any, kwargs: Any, prefix: str, expected: Any
    ) -> counterparts.Call:
        """The first that computes the same: a layer of tf_keras, or the original in a wrapper.

        Raises:
            BuildError: neither does.
        """
        seen = self._layers.get(id(operation))
        if seen is not None:
            seen = wrapped.again(seen, args, kwargs)
            if seen is not None and _computes(seen, expected):
                return seen
            raise _refusal(operation, "it is called in two ways")
        name = self._free(operation.name, prefix)
        why = ""
        makers: tuple[Callable[..., counterparts.Call | None], ...] = (
            counterparts.find,
            wrapped.wrap,
        )
        for make in makers:
            try:
                call = make(operation, name, args, kwargs)
                if call is None:
                    continue
                call.layer(*_of(call.args, "value"), **_of(call.kwargs, "value"))  # builds it
                counterparts.copy_weights(operation, call.layer)
                if _computes(call, expected):
                    self._layers[id(operation)] = call.layer
                    return call
                why = "it computes something else there"
            except Exception as fault:  # Keras raises whatever a layer's own code does
                why = telling_line(fault)
        raise _refusal(operation, why)

    def _free(self, name: str, prefix: str) -> str:
        """A name that no other layer has; an inner model's name stands in front where needed."""
        name = name.partition(":")[0]
        free = name if name not in self._names else prefix + name
        number = 1
        while free in self._names:
            free, number = f"{prefix}{name}_{number}", number + 1
        self._names.add(free)
        return free


def graph_of(model: Any) -> Any:
    """The functional model within a model.

    Raises:
        BuildError: there is none, in a subclassed model or a sequential one that is not built.
    """
    import keras

    graph = _graph(model)
    if graph is None:
        told = "is a subclassed model, which has no graph of layers"
        if isinstance(model, keras.Sequential):
            told = "has no input shape"
        raise BuildError(
            f"{model.name} {told}", hint=f"build it with the functional API; {STILL_WORKS}"
        )
    return graph


def close(left: Any, right: Any) -> bool:
    """Whether all outputs are equal within :data:`TOLERANCE`."""
    import keras

    left = [np.asarray(one) for one in keras.tree.flatten(left)]
    right = [np.asarray(one) for one in keras.tree.flatten(right)]
    return len(left) == len(right) and all(
        a.shape == b.shape
        and float(np.max(np.abs(a.astype(float) - b.astype(float)), initial=0.0))
        <= TOLERANCE * max(1.0, float(np.max(np.abs(a.astype(float)), initial=0.0)))
        for a, b in zip(left, right, strict=True)
    )


def accepts(layer: Any, argument: str) -> bool:
    """Whether a layer's call has that argument."""
    return argument in inspect.signature(layer.call).parameters


def _refusal(operation: Any, why: str) -> BuildError:
    return BuildError(
        f"layer {operation.name} ({type(operation).__name__}) cannot be carried over to tf_keras "
        f"({why})",
        hint=f"replace it with a built-in layer; {STILL_WORKS}",
    )


def _computes(call: counterparts.Call, expected: Any) -> bool:
    kwargs = _of(call.kwargs, "value")
    if accepts(call.layer, "training"):
        kwargs["training"] = False
    return close(expected, call.layer(*_of(call.args, "value"), **kwargs))


def _expected(operation: Any, args: Any, kwargs: Any) -> Any:
    if accepts(operation, "training"):
        kwargs = {**kwargs, "training": False}
    try:
        return operation(*args, **kwargs)
    except Exception as fault:  # whatever a layer's own code does
        raise BuildError(
            f"layer {operation.name} ({type(operation).__name__}) cannot compute the samples "
            f"({telling_line(fault)})",
            hint=f"check that the data fit the model; {STILL_WORKS}",
        ) from fault


def _set_by_hand(operation: Any, training: bool | None) -> bool | None:
    """What the user set ``training`` to in a call; None where Keras 3 saved a default.

    Keras 3 saves the default of each call with it. Only ``training=False`` where the default is
    another must have been set by hand. ``training=True`` is not kept: Keras 3 itself sets it aside
    in ``predict`` and in what it exports.
    """
    if training is not False or not accepts(operation, "training"):
        return None
    default = inspect.signature(operation.call).parameters["training"].default
    return None if default is False else False


def _graph(model: Any) -> Any:
    """The functional model within a model of Keras 3; None for anything without one."""
    import keras

    if isinstance(model, keras.Sequential):
        return model._functional
    whole = isinstance(model, keras.Model) and hasattr(model, "_nodes_by_depth")
    return model if whole else None


def _nodes(graph: Any) -> Iterator[Any]:
    """The calls within a functional model, each after those that it depends on."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            if node.operation is not None and not node.is_input:
                yield node


def _of(tree: Any, which: str) -> Any:
    """The same structure with the symbol or the value of each pair."""
    import keras

    return keras.tree.map_structure(
        lambda one: getattr(one, which) if isinstance(one, Pair) else one, tree
    )


def _packed(structure: Any, flat: list[Any]) -> Any:
    """Flat values in the structure that Keras 3 keeps; a single one stands alone."""
    import keras

    packed = keras.tree.pack_sequence_as(structure, flat)
    return flat[0] if isinstance(packed, list | tuple) and len(flat) == 1 else packed
