"""The answers of this machine to a few samples, and the samples as the file itself stores them.

What a device answers is held against these. Told by arguments; prints ``{"reference": {…}}``, or
``{"error": "DataError" | "BuildError", "message": …, "hint": …}`` with exit code 1. Beside the
answer it leaves ``in.N.npy`` and ``out.N.npy`` in a folder: for each input the samples in the type
of its tensor, for each output real values (whole numbers that are no quantized ones as they are).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from bench.errors import DataError
from bench.workers.answering import (
    BATCH,
    FAULTS,
    Array,
    batch_size,
    by_input,
    by_sample,
    has_batch,
    refusal,
    resize,
)
from bench.workers.interpreter import LoadedModel, to_input, to_real


def main(arguments: list[str] | None = None) -> int:
    """Answer the samples, print the answer, return the exit code."""
    parser = argparse.ArgumentParser(description="This machine's answers to a few samples.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--samples", required=True, help="folder: x.INPUT.npy")
    parser.add_argument("--outputs", required=True, help="folder to leave arrays in")
    parser.add_argument("--signature")
    asked = parser.parse_args(arguments)
    try:
        answer: dict[str, Any] = {"reference": _answer(asked)}
    except FAULTS as fault:
        answer = refusal(
            fault,
            Path(asked.outputs),
            hint="this machine cannot answer the samples: its latency is measured all the same",
        )
    print(json.dumps(answer), flush=True)  # noqa: T201  # the answer of a worker
    return 0 if "reference" in answer else 1


def _answer(asked: argparse.Namespace) -> dict[str, Any]:
    graph = LoadedModel(asked.model, threads=1, signature=asked.signature)
    samples = {
        unquote(path.stem.partition(".")[2]): np.load(path)
        for path in Path(asked.samples).glob("x.*.npy")
    }
    x = by_input(samples, graph)
    _refuse_texts(graph)
    _refuse_lone_samples(graph, x)
    at_once = batch_size(graph, x)
    stored = {name: to_input(x[name], details) for name, details in graph.inputs().items()}
    total = len(next(iter(stored.values())))
    size = min(at_once, total) if at_once == BATCH else at_once
    if size != at_once:
        resize(graph, x, size)
    answers: dict[str, list[Array]] = {name: [] for name in graph.outputs()}
    for start in range(0, total, size):
        index = np.minimum(np.arange(start, start + size), total - 1)
        graph.forget()
        graph.feed({name: values[index] for name, values in stored.items()})
        graph.run()
        for name, values in graph.answers().items():
            answers[name].append(by_sample(name, values, size)[: total - start])
    return _leave(Path(asked.outputs), graph, stored, answers) | {
        "at_once": size,
        "any_batch": at_once == BATCH,
    }


def _refuse_texts(graph: LoadedModel) -> None:
    for name, details in {**graph.inputs(), **graph.outputs()}.items():
        if np.dtype(details["dtype"]).kind not in "biufc":
            raise DataError(
                f"{name} holds texts, of which no file says where one ends",
                hint="answers are compared on this machine alone",
            )


def _refuse_lone_samples(graph: LoadedModel, x: Mapping[str, Array]) -> None:
    """A model that takes one sample without a batch axis: no file of the tool's says so."""
    for name, details in graph.inputs().items():
        if not has_batch(x[name], details):
            raise DataError(
                f"input {name} has no axis that counts samples",
                hint="answers are compared on this machine alone",
            )


def _leave(
    folder: Path,
    graph: LoadedModel,
    stored: Mapping[str, Array],
    answers: Mapping[str, list[Array]],
) -> dict[str, Any]:
    """Save the arrays, and tell what each is."""
    outputs = []
    for number, values in enumerate(stored.values()):
        np.save(folder / f"in.{number}.npy", values)
    for number, (name, details) in enumerate(graph.outputs().items()):
        raw = np.concatenate(answers[name])
        scale, zero_point = details["quantization"]
        whole = raw.dtype.kind in "biu" and not scale
        np.save(folder / f"out.{number}.npy", raw if whole else to_real(raw, details))
        outputs.append(
            {
                "name": name,
                "dtype": raw.dtype.name,
                "shape": list(raw.shape[1:]),
                "scale": float(scale),
                "zero_point": int(zero_point),
            }
        )
    return {"inputs": list(stored), "outputs": outputs}


if __name__ == "__main__":
    sys.exit(main())
