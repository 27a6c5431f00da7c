"""Answer samples with a loaded model, several at a time where that gives the same answers.

Numpy and the interpreter alone, for the workers that evaluate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.workers.interpreter import Array, LoadedModel, to_input, to_real

__all__ = ["Array", "answer", "batch_size", "by_input", "resize"]

BATCH = 64
CHECKED = 4
"""So many samples are answered one by one too, to see that a batch gives the same answers."""


def by_input(x: Mapping[str, Array], graph: LoadedModel) -> dict[str, Array]:
    """The samples by the graph's input names, their shapes held against the inputs'."""
    inputs = graph.inputs()
    if list(x) == [""] and len(inputs) == 1:
        x = {next(iter(inputs)): x[""]}
    if set(x) != set(inputs):
        raise DataError(
            f"samples for {_list(x)}, and the model's inputs are {_list(inputs)}",
            hint="name arrays x_test:INPUT, one for each input",
        )
    for name, details in inputs.items():
        signature = details["shape_signature"]
        wanted = tuple(signature) if len(signature) else tuple(details["shape"])
        given = x[name].shape
        fits = len(given) == len(wanted) and all(
            w in (-1, g) for w, g in zip(wanted[1:], given[1:], strict=True)
        )
        if not fits:
            raise DataError(
                f"samples of shape {given[1:]}, and the model's input {name} takes "
                f"{tuple(int(n) for n in wanted[1:])}",
                hint="give x_test as the model's input takes it: (samples, …)",
            )
    return dict(x)


def answer(graph: LoadedModel, x: Mapping[str, Array], index: Array) -> dict[str, Array]:
    """Every output for the samples of that index as float32, its quantization undone."""
    inputs = graph.inputs()
    graph.forget()
    graph.feed({name: to_input(x[name][index], inputs[name]) for name in inputs})
    graph.run()
    outputs = graph.outputs()
    return {
        name: to_real(values if values.ndim else values[None], outputs[name])
        for name, values in graph.answers().items()
    }


def batch_size(graph: LoadedModel, x: Mapping[str, Array]) -> int:
    """Resize the graph to a batch where that gives the same answers, else to what it takes.

    Returns:
        :data:`BATCH` where it may have any; else the one that it has.
    """
    fixed = {int(details["shape"][0]) for details in graph.inputs().values()}
    if fixed != {1}:
        resize(graph, x, max(fixed))
        return max(fixed)
    resize(graph, x, 1)
    few = min(CHECKED, len(next(iter(x.values()))))
    single = [answer(graph, x, np.array([index])) for index in range(few)]
    try:
        resize(graph, x, BATCH)
        together = answer(graph, x, np.arange(BATCH) % few)
        if all(_same(together[name], [one[name] for one in single]) for name in together):
            return BATCH
    except (ValueError, RuntimeError):
        pass  # a graph with its batch of one written into it, in a reshape for example
    resize(graph, x, 1)
    return 1


def resize(graph: LoadedModel, x: Mapping[str, Array], batch: int) -> None:
    """Give all inputs a batch of that size, and room to run it.

    Raises:
        RuntimeError: the model cannot take it.
    """
    for name, array in x.items():
        graph.resize(name, (batch, *array.shape[1:]))
    graph.allocate()


def _same(together: Array, single: list[Array]) -> bool:
    """Whether a batch's first answers are those given one by one, up to rounding."""
    alone = np.concatenate(single)
    if together.shape[1:] != alone.shape[1:] or len(together) != BATCH:
        return False
    span = float(np.abs(alone).max()) or 1.0
    return bool(np.abs(together[: len(alone)] - alone).max() <= 0.01 * span)


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(name or "the only input" for name in names)
