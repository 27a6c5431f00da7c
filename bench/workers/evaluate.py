"""Answer all test samples with one variant, and measure the answers, in a process of its own.

Told by arguments; prints ``{"progress": [done, total]}`` lines and then ``{"evaluated": {…}}``, or
``{"error": "DataError" | "BuildError", "message": …, "hint": …}`` with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from bench import metrics
from bench.errors import DataError
from bench.workers.answering import FAULTS, Array, answer, batch_size, by_input, refusal
from bench.workers.interpreter import LoadedModel


def main(arguments: list[str] | None = None) -> int:
    """Evaluate, print the answer, return the exit code."""
    parser = argparse.ArgumentParser(description="Answer all test samples with one variant.")
    parser.add_argument("--model", required=True)
    parser.add_argument(
        "--samples", required=True, help="folder: x.INPUT.npy, and y.OUTPUT.npy if known"
    )
    parser.add_argument("--outputs", required=True, help="folder to keep the answers in")
    parser.add_argument("--baseline", help="folder of the baseline's answers")
    parser.add_argument("--metrics", type=json.loads, default={}, help="JSON: output to metrics")
    parser.add_argument(
        "--probabilities", type=json.loads, default={}, help="JSON: output to true or false"
    )
    parser.add_argument("--signature")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args(arguments)
    try:
        answer: dict[str, Any] = {"evaluated": _evaluate(asked)}
    except FAULTS as fault:
        answer = refusal(
            fault,
            Path(asked.outputs),
            hint="the variant cannot be evaluated on these samples; its latency is measured all "
            "the same",
        )
    print(json.dumps(answer), flush=True)  # noqa: T201  # the answer of a worker
    return 0 if "evaluated" in answer else 1


def _evaluate(asked: argparse.Namespace) -> dict[str, Any]:
    x, labels = (_arrays(Path(asked.samples), axis) for axis in "xy")
    graph = LoadedModel(asked.model, threads=asked.threads, signature=asked.signature)
    answers = _answer_all(graph, by_input(x, graph), Path(asked.outputs))
    theirs = _kept(Path(asked.baseline)) if asked.baseline else None
    chosen = metrics.choose(
        answers if theirs is None else theirs,
        labels or None,
        wanted=asked.metrics,
        probabilities=asked.probabilities,
    )
    scores = metrics.score(answers, labels or None, chosen, baseline=theirs)
    evaluated: dict[str, Any] = {
        "samples": len(next(iter(answers.values()))),
        "scores": [asdict(score) for score in scores],
    }
    if theirs is not None:
        evaluated |= _differences(metrics.align(answers, theirs), theirs)
    return evaluated


def _arrays(folder: Path, axis: str) -> dict[str, Array]:
    """Samples by input, or labels by output."""
    return {
        unquote(path.stem.partition(".")[2]): np.load(path, mmap_mode="r")
        for path in folder.glob(f"{axis}.*.npy")
    }


def _kept(folder: Path) -> dict[str, Array]:
    """Answers that :func:`_answer_all` has kept, in their order."""
    names = json.loads((folder / "names.json").read_bytes())
    return {
        name: np.load(folder / f"{number}.npy", mmap_mode="r") for number, name in enumerate(names)
    }


def _answer_all(graph: LoadedModel, x: Mapping[str, Array], folder: Path) -> dict[str, Array]:
    """Every output for every sample as float32, kept in files: they may be larger than memory."""
    total = len(next(iter(x.values())))
    batch = batch_size(graph, x)
    kept: dict[str, Array] = {}
    for start in range(0, total, batch):
        index = np.minimum(np.arange(start, start + batch), total - 1)  # the last one is repeated
        stop = min(start + batch, total)
        for name, values in answer(graph, x, index).items():
            if name in kept and kept[name].shape[1:] != values.shape[1:]:
                raise DataError(
                    f"output {name} has shape {values.shape[1:]} for sample {start} and "
                    f"{kept[name].shape[1:]} for the first",
                    hint="give samples of one size, or a model whose outputs have one",
                )
            if name not in kept:
                path = folder / f"{len(kept)}.npy"
                kept[name] = np.lib.format.open_memmap(
                    path, mode="w+", dtype=np.float32, shape=(total, *values.shape[1:])
                )
                _reserve(path)
            kept[name][start:stop] = values[: stop - start]
        print(json.dumps({"progress": [stop, total]}), flush=True)  # noqa: T201  # as above
    (folder / "names.json").write_text(json.dumps(list(kept)))
    return kept


def _reserve(path: Path) -> None:
    """Claim a file's room on the disk: a page of it that finds none would end the process.

    Raises:
        OSError: there is not enough.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _differences(answers: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, Any]:
    """How far the answers lie from the baseline's, over all outputs."""
    differences = [np.abs(answers[name] - theirs[name]) for name in theirs]
    elements = sum(difference.size for difference in differences)
    return {
        "max_difference": float(max(difference.max() for difference in differences)),
        "mean_difference": float(sum(difference.sum() for difference in differences) / elements),
    }


if __name__ == "__main__":
    sys.exit(main())
