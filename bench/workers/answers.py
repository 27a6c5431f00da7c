"""Answers of a loaded .tflite on many samples: in batches where that gives the same answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bench.workers.interpreter import Array, LoadedModel, to_input, to_real

BATCH = 64
CHECKED = 4
"""So many samples are answered one by one too, to see that a batch gives the same answers."""


def answer_all(
    graph: LoadedModel, x: Mapping[str, Array]
) -> Iterator[tuple[int, int, dict[str, Array]]]:
    """Run a graph over samples.

    Args:
        graph: loaded; it is resized and allocated here.
        x: samples by input, each (samples, …), as the inputs take them but for quantization.

    Yields:
        The samples of a batch, from and up to which, and by output the answers to these, float32.
    """
    total = len(next(iter(x.values())))
    batch = _batch_size(graph, x)
    for start in range(0, total, batch):
        index = np.minimum(np.arange(start, start + batch), total - 1)  # the last one is repeated
        stop = min(start + batch, total)
        answers = _answer(graph, x, index)
        yield start, stop, {name: values[: stop - start] for name, values in answers.items()}


def _answer(graph: LoadedModel, x: Mapping[str, Array], index: Array) -> dict[str, Array]:
    inputs = graph.inputs()
    graph.forget()
    graph.feed({name: to_input(x[name][index], inputs[name]) for name in inputs})
    graph.run()
    outputs = graph.outputs()
    return {
        name: to_real(values if values.ndim else values[None], outputs[name])
        for name, values in graph.answers().items()
    }


def _batch_size(graph: LoadedModel, x: Mapping[str, Array]) -> int:
    """Resize the graph to a batch where that gives the same answers, else to what it takes."""
    fixed = {int(details["shape"][0]) for details in graph.inputs().values()}
    if fixed != {1}:
        _resize(graph, x, max(fixed))
        return max(fixed)
    _resize(graph, x, 1)
    few = min(CHECKED, len(next(iter(x.values()))))
    single = [_answer(graph, x, np.array([index])) for index in range(few)]
    try:
        _resize(graph, x, BATCH)
        together = _answer(graph, x, np.arange(BATCH) % few)
        if all(_same(together[name], [one[name] for one in single]) for name in together):
            return BATCH
    except (ValueError, RuntimeError):
        pass  # a graph with its batch of one written into it, in a reshape for example
    _resize(graph, x, 1)
    return 1


def _resize(graph: LoadedModel, x: Mapping[str, Array], batch: int) -> None:
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
