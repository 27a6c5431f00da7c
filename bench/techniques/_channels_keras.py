"""Between Keras and the channel graph: read a model's calls, and rebuild it with fewer channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import BuildError, telling_line
from bench.techniques import _channels_graph
from bench.techniques._channels_graph import Call, Mask, Network
from bench.techniques._model import is_wrapped, kind_of, rebuilt

Array = npt.NDArray[Any]


def network_of(model: Any) -> Network:
    """The labelled network of a flat tf_keras model."""
    return _channels_graph.label(*calls_of(model))


def calls_of(model: Any) -> tuple[list[Call], dict[int, int], list[int]]:
    """A flat tf_keras model's calls, in an order that can be run, and its inputs and outputs.

    Tensors are numbered; each input comes with its channels.
    """
    numbers: dict[int, int] = {}

    def number(tensor: Any) -> int:
        return numbers.setdefault(id(tensor), len(numbers))

    inputs = {number(tensor): int(tensor.shape[-1] or 1) for tensor in model.inputs}
    calls = []
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                calls.append(_call(node, number))
    return calls, inputs, [number(tensor) for tensor in model.outputs]


def _call(node: Any, number: Callable[[Any], int]) -> Call:
    layer, kind = node.layer, kind_of(node.layer)
    if is_wrapped(layer) and (layer.weights or kind not in _channels_graph.TRANSPARENT):
        kind = f"Keras 3 {kind}"  # what is known of the type's config and weights does not hold
    tensors = node.keras_inputs
    outputs = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
    shapes = tuple(tuple(tensor.shape[1:]) for tensor in tensors)
    return Call(
        layer=layer.name,
        kind=kind if len(outputs) == 1 else f"{kind} with {len(outputs)} outputs",
        inputs=tuple(number(tensor) for tensor in tensors),
        output=number(outputs[0]),
        input_shapes=shapes,
        output_shape=tuple(outputs[0].shape[1:]),
        axis=_axis_from_end(layer, len(shapes[0]) + 1) if kind == "Concatenate" else -1,
        multiplier=int(layer.depth_multiplier) if kind in _channels_graph.DEPTHWISE else 1,
        fixed=_is_fixed(layer, shapes),
    )


def _axis_from_end(layer: Any, rank: int) -> int:
    axis = int(layer.axis)
    return axis if axis < 0 else axis - rank


def _is_fixed(layer: Any, shapes: tuple[tuple[int | None, ...], ...]) -> bool:
    """Whether slicing this layer's weights along its channels would not mean what we think."""
    if getattr(layer, "data_format", None) == "channels_first" or getattr(layer, "groups", 1) != 1:
        return True
    if type(layer).__name__ == "Rescaling":
        return np.ndim(layer.scale) > 0 or np.ndim(layer.offset) > 0
    if type(layer).__name__ == "BatchNormalization":
        axis = layer.axis if isinstance(layer.axis, int) else list(layer.axis)[-1]
        return axis not in (-1, len(shapes[0]))
    return False


def importance(model: Any, network: Network, measure: str) -> dict[str, Array]:
    """How much each unit matters, (channels,) by layer.

    ``l1`` and ``l2`` are norms of a unit's own weights (Li et al., "Pruning Filters for Efficient
    ConvNets", 2017), taken after batch normalization's factor where one follows at once: a filter
    is as important as what comes out of it.
    """
    order = 1 if measure == "l1" else 2
    followers = _batch_norms(model)
    scores = {}
    for name in {layer for family in network.families for layer in family.layers}:
        layer = model.get_layer(name)
        kernel = layer.get_weights()[_kernel_index(layer)]
        axis = _output_axis(layer, kernel)
        flat = np.moveaxis(kernel, axis, -1).reshape(-1, kernel.shape[axis])
        score = np.linalg.norm(flat, ord=order, axis=0)
        norm = followers.get(name)
        if norm is not None:
            gamma = norm.gamma.numpy() if norm.scale else 1.0
            score = score * np.abs(gamma) / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
        scores[name] = score
    return scores


def _batch_norms(model: Any) -> dict[str, Any]:
    """Layers that are followed by one batch normalization and nothing else."""
    found = {}
    for layer in model.layers:
        nodes = layer._outbound_nodes
        if len(nodes) == 1 and type(nodes[0].layer).__name__ == "BatchNormalization":
            found[layer.name] = nodes[0].layer
    return found


def rebuild(model: Any, network: Network, removed: list[tuple[str, int]]) -> Any:
    """A smaller dense model from the config, with the weights that stay.

    Raises:
        BuildError: the smaller config does not build, which names the layer types at fault.
    """
    incoming, outgoing = network.keep_masks(removed)
    config = model.get_config()
    for entry in config["layers"]:
        options = entry["config"]
        name = options.get("name")
        if name in outgoing and entry["class_name"] in _channels_graph.PRODUCERS:
            key = "units" if entry["class_name"] == "Dense" else "filters"
            options[key] = int(outgoing[name].sum())
    _shrink_reshapes(model, network, config, removed)

    def kept(layer: Any) -> list[Array]:
        return _sliced(layer, incoming.get(layer.name), outgoing.get(layer.name))

    try:
        return rebuilt(model, config, kept)
    except ValueError as fault:
        raise BuildError(
            f"{model.name} cannot be rebuilt with fewer channels ({telling_line(fault)})",
            hint="name the layers that can be thinned with layers=",
        ) from fault


def _shrink_reshapes(
    model: Any, network: Network, config: Mapping[str, Any], removed: list[tuple[str, int]]
) -> None:
    """Reshapes that keep the channels last need the new number of channels in their target."""
    reshapes = [entry for entry in config["layers"] if entry["class_name"] == "Reshape"]
    for entry in reshapes:
        labels = network.reshaped.get(entry["config"]["name"])
        if labels is not None:
            alive = int(network.alive(labels, removed).sum())
            shape = list(entry["config"]["target_shape"])
            entry["config"]["target_shape"] = (*shape[:-1], alive)


def _sliced(layer: Any, incoming: Mask | None, outgoing: Mask | None) -> list[Array]:
    """A layer's weights without the channels that go."""
    weights: list[Array] = layer.get_weights()
    kind = type(layer).__name__
    if incoming is None or outgoing is None:
        return weights
    if kind in _channels_graph.PER_CHANNEL:
        return [one[..., outgoing] if one.shape[-1] == len(outgoing) else one for one in weights]
    if kind in _channels_graph.DEPTHWISE:
        return [weights[0][..., incoming, :], *(one[outgoing] for one in weights[1:])]
    if kind.startswith("Separable"):
        repeated = np.repeat(incoming, weights[0].shape[-1])
        pointwise = weights[1][..., repeated, :][..., outgoing]
        return [weights[0][..., incoming, :], pointwise, *(one[outgoing] for one in weights[2:])]
    if kind == "Conv2DTranspose":
        kernel = weights[0][..., outgoing, :][..., incoming]
    else:
        kernel = weights[0][..., incoming, :][..., outgoing]
    return [kernel, *(one[outgoing] for one in weights[1:])]


def _kernel_index(layer: Any) -> int:
    return 1 if type(layer).__name__.startswith("Separable") else 0


def _output_axis(layer: Any, kernel: Array) -> int:
    return kernel.ndim - (2 if type(layer).__name__ == "Conv2DTranspose" else 1)
