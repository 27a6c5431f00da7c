"""Between Keras and the graph of blocks: find a model's blocks, rank them, rebuild it without."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.errors import BuildError, telling_line
from bench.techniques import _channels_graph, _channels_keras, _kernels
from bench.techniques._blocks_graph import Block, Weight, blocks
from bench.techniques._lesson import predict
from bench.techniques._model import rebuilt

SAMPLES = 500
"""Validation samples that a block's change is seen on."""

LOST = 1.0
"""A change as great as this leaves nothing of the answers, and a greater one tells no more. So it
is with networks that are no residual ones. Of these, later blocks go first: `fashion` without its
fourth and sixth block loses 0.4 points less after 12 epochs than without its third and sixth."""


def blocks_of(model: Any) -> tuple[Block, ...]:
    """The blocks of a flat tf_keras model that can be left out, in the order of calls."""
    calls, inputs, outputs = _channels_keras.calls_of(model)
    kernels: dict[str, Weight] = {}
    for layer in model.layers:
        if _kernels.kernels_of(layer):
            depthwise = type(layer).__name__ in _channels_graph.DEPTHWISE
            kernels[layer.name] = "depthwise" if depthwise else "full"
    return blocks(calls, tuple(inputs), outputs, kernels)


def ranked(model: Any, found: Sequence[Block], split: Any) -> list[Block]:
    """Blocks by how much the answers change without each, that which matters least first.

    The change is the mean squared difference of the outputs, over their variance: what is left out
    of a residual network by itself hardly shows (Veit, Wilber and Belongie, "Residual Networks
    Behave Like Ensembles of Relatively Shallow Networks", 2016), and it is ranked by that without
    any training, as in Men et al., "ShortGPT" (2024). Where nothing is left of the answers, those
    that come later matter least.

    Args:
        split: samples to answer.
    """
    if len(found) < 2:
        return list(found)
    before = list(predict(model, split).values())
    changes = []
    for block in reversed(found):
        after = predict(without(model, [block]), split).values()
        parts = [
            np.mean(np.square(theirs - ours)) / max(float(np.var(theirs)), 1e-12)
            for theirs, ours in zip(before, after, strict=True)
        ]
        changes.append((block, float(np.mean(parts))))
    return [block for block, _ in sorted(changes, key=lambda pair: min(pair[1], LOST))]


def without(model: Any, left_out: Sequence[Block]) -> Any:
    """The model without some blocks, with the weights of all other layers.

    Raises:
        BuildError: the shorter config does not build.
    """
    config = model.get_config()
    calls = {entry["config"]["name"]: entry["inbound_nodes"] for entry in config["layers"]}
    gone = {name for block in left_out for name in block.layers}
    reads: dict[str, list[Any]] = {}
    for block in left_out:
        refs = [ref for name in block.layers for ref in _refs(calls[name], calls)]
        entry = next(ref for ref in refs if ref[0] not in block.layers)
        reads |= dict.fromkeys(block.layers, entry)
    config["layers"] = [entry for entry in config["layers"] if entry["config"]["name"] not in gone]
    for entry in config["layers"]:
        for ref in _refs(entry["inbound_nodes"], calls):
            while ref[0] in gone:
                ref[:3] = reads[ref[0]][:3]
    try:
        return rebuilt(model, config, lambda layer: layer.get_weights())
    except ValueError as fault:
        raise BuildError(
            f"{model.name} cannot be rebuilt without {left_out[0].layers[0]} "
            f"({telling_line(fault)})",
            hint="name the blocks that can be left out with layers=",
        ) from fault


def _refs(nested: Any, names: Container[str]) -> Iterator[list[Any]]:
    """All references to another layer's output in the calls of a config: name, call, output.

    Args:
        names: of all layers.
    """
    if isinstance(nested, Mapping):
        for value in nested.values():
            yield from _refs(value, names)
    elif isinstance(nested, list):
        if len(nested) >= 3 and isinstance(nested[0], str) and nested[0] in names:
            yield nested
        for value in nested:
            yield from _refs(value, names)
