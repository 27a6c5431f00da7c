"""What a model is made of, as a search sees it: kernels, which channels are tied, what can be done.

All of it is read off the model's config and shapes; nothing is trained. The numbers of channels are
told by family (see ``_channels_graph``), so that sizes of a thinner model follow by arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from bench.errors import BuildError
from bench.techniques import (
    Context,
    Work,
    _blocks_keras,
    _channels_graph,
    _channels_keras,
    _kernels,
    _model,
    _qat_toolkit,
    depth,
)

FIXED = ""
"""Stands for channels that always stay, where others are told by the number of their family."""

MOST_BLOCKS = 12
"""So many blocks are left out at most."""


def layout(work: Work, context: Context) -> dict[str, Any]:
    """Layers with kernels and families of tied channels, as JSON.

    Returns:
        ``layers``: of each kernel its ``name``, ``type``, ``elements``, ``per_pair`` (elements for
        one channel in and one out; of a depthwise layer for one channel out), ``depthwise``,
        ``inputs`` and ``outputs`` (channels by family), ``positions`` (how often the kernel is
        applied to one sample) and what it ``can``. ``families``: ``layers`` and ``channels``.
        ``refused``: why the model cannot be trained, empty where it can. ``blocks``: names of
        those that ``depth`` can leave out, in the order in which it does. ``shorter``: the layout
        of the model without the first of them, without the first two, and so on.
    """
    try:
        model = _model.trainable(work, context)
    except BuildError as error:
        return {"refused": error.message, "layers": [], "families": []}
    able = _blocks_keras.blocks_of(model) if context.data is not None else ()
    order = depth.in_order(model, able, context)[:MOST_BLOCKS]
    shorter = [_blocks_keras.without(model, order[: n + 1]) for n in range(len(order))]
    return {
        "refused": "",
        **_layout(model),
        "blocks": [block.name for block in order],
        "shorter": [_layout(one) for one in shorter],
    }


def _layout(model: Any) -> dict[str, Any]:
    network = _channels_keras.network_of(model)
    units = [[unit for group in family.groups for unit in group] for family in network.families]

    def by_family(labels: Any, total: int) -> dict[str, int]:
        if labels is None:
            return {FIXED: total}
        counts = {
            str(number): len(labels) - int(network.alive(labels, members).sum())
            for number, members in enumerate(units)
        }
        rest = len(labels) - sum(counts.values())
        return {key: count for key, count in {FIXED: rest, **counts}.items() if count}

    return {
        "layers": [
            _layer(layer, network, by_family)
            for layer in model.layers
            if _kernels.kernels_of(layer)
        ],
        "families": [
            {"layers": list(family.layers), "channels": len(family.groups)}
            for family in network.families
        ],
    }


def _layer(layer: Any, network: _channels_graph.Network, by_family: Any) -> dict[str, Any]:
    kernels, kind = _kernels.kernels_of(layer), type(layer).__name__
    # Channels of a layer that holds several kernels, such as a recurrent one, all stay.
    shape = [int(size) for size in kernels[0].variable.shape] if len(kernels) == 1 else [1, 1]
    elements = sum(kernel.elements for kernel in kernels)
    depthwise = kind in _channels_graph.DEPTHWISE
    inputs = by_family(network.inputs_of.get(layer.name), shape[-2] if len(shape) > 1 else 1)
    outputs = by_family(network.outputs_of.get(layer.name), shape[-1])
    pairs = sum(outputs.values()) * (1 if depthwise else sum(inputs.values()))
    return {
        "name": layer.name,
        "type": _model.kind_of(layer),
        "elements": elements,
        "per_pair": elements / max(1, pairs),
        "depthwise": depthwise,
        "inputs": inputs,
        "outputs": outputs,
        "positions": _positions(layer.output_shape),
        "can": list(_abilities(layer)),
    }


def _positions(shape: Any) -> int:
    """Over how many places of an output a kernel slides."""
    first = shape[0] if isinstance(shape, list) else shape
    return math.prod(int(size) for size in first[1:-1] if size) if len(first) > 2 else 1


def _abilities(layer: Any) -> Iterable[str]:
    """The techniques that can handle a layer's kernel."""
    if _kernels.can_thin_out(layer):
        yield from ("prune", "cluster")
    if _qat_toolkit.is_known(layer):
        yield "qat"
