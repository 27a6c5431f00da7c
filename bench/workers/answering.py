"""Answer samples with a loaded model, several at a time where that gives the same answers.

Numpy and the interpreter alone, for the workers that evaluate.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError, DataError
from bench.workers.interpreter import Array, LoadedModel, to_input, to_real
from bench.writable import lacks_room, scratch_is_full

__all__ = [
    "FAULTS",
    "Array",
    "answer",
    "batch_size",
    "by_input",
    "by_sample",
    "has_batch",
    "refusal",
    "resize",
]

BATCH = 64
CHECKED = 4
"""So many samples are answered one by one too, to see that a batch gives the same answers."""

FAULTS = (DataError, OSError, ValueError, RuntimeError, MemoryError)
"""What :func:`refusal` has words for."""


def refusal(fault: Exception, folder: Path, hint: str) -> dict[str, Any]:
    """What a worker answers that cannot: an error of ``bench.errors`` by name.

    Args:
        fault: one of :data:`FAULTS`.
        folder: where it writes.
        hint: what follows where the interpreter refused.

    Raises:
        OSError: one of no disk that is full: nobody foresaw it.
    """
    if isinstance(fault, OSError):
        if not lacks_room(fault):
            raise fault
        fault = scratch_is_full(folder)
    if isinstance(fault, BenchError):
        return {"error": type(fault).__name__, "message": fault.message, "hint": fault.hint}
    words = str(fault).strip().replace("\n", " ") or type(fault).__name__
    return {"error": "BuildError", "message": words, "hint": hint}


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
        one = wanted[1:] if has_batch(x[name], details) or len(wanted) > 1 else wanted
        fits = len(given) == 1 + len(one) and all(
            w in (-1, g) for w, g in zip(one, given[1:], strict=True)
        )
        if not fits:
            raise DataError(
                f"samples of shape {given[1:]}, and the model's input {name} takes "
                f"{tuple(int(n) for n in one)}",
                hint="give x_test as the model's input takes it: (samples, …)",
            )
    return dict(x)


def has_batch(samples: Array, details: Mapping[str, Any]) -> bool:
    """Whether an input's first axis counts samples: else it takes one of them as it is.

    The samples tell: an input of (1,) takes a batch of numbers, or vectors of one number.
    """
    return samples.ndim == len(details["shape"])


def by_sample(name: str, values: Array, batch: int) -> Array:
    """An output by sample; one that has no batch axis is the answer to a lone sample.

    Raises:
        DataError: it is neither: no one can tell which part answers which sample.
    """
    if values.ndim and len(values) == batch:
        return values
    if batch == 1:
        return values[None]
    raise DataError(
        f"output {name} has {len(values) if values.ndim else 1} rows for {batch} samples",
        hint="convert the model with a batch of one, or with an open one that its outputs keep",
    )


def answer(graph: LoadedModel, x: Mapping[str, Array], index: Array) -> dict[str, Array]:
    """Every output for the samples of that index as float32, its quantization undone."""
    graph.forget()
    fed = {}
    for name, details in graph.inputs().items():
        values = x[name][index]
        fed[name] = to_input(values if values.ndim == len(details["shape"]) else values[0], details)
    graph.feed(fed)
    graph.run()
    outputs = graph.outputs()
    return {
        name: to_real(by_sample(name, values, len(index)), outputs[name])
        for name, values in graph.answers().items()
    }


def batch_size(graph: LoadedModel, x: Mapping[str, Array]) -> int:
    """Resize the graph to a batch where that gives the same answers, else to what it takes.

    Returns:
        :data:`BATCH` where it may have any; else the one that it has, or 1 where it has none.
    """
    if not all(has_batch(x[name], details) for name, details in graph.inputs().items()):
        resize(graph, x, 1)
        return 1
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
    except (ValueError, RuntimeError, DataError):
        pass  # a graph with its batch of one written into it, in a reshape for example
    resize(graph, x, 1)
    return 1


def resize(graph: LoadedModel, x: Mapping[str, Array], batch: int) -> None:
    """Give all inputs that have one a batch of that size, and room to run it.

    Raises:
        RuntimeError: the model cannot take it.
    """
    inputs = graph.inputs()
    for name, array in x.items():
        front = (batch,) if has_batch(array, inputs[name]) else ()
        graph.resize(name, (*front, *array.shape[1:]))
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
