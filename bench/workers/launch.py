"""One launch on the local interpreter, in a process that holds numpy and ai_edge_litert alone.

It is told by arguments and answers with one JSON object: ``{"launch": {…}}``, or ``{"error": CLASS,
"message": …}`` with exit code 1. Times are integers in nanoseconds on the monotonic clock.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.workers.interpreter import Array, LoadedModel, load_runtime, random_input, to_input

_CLASSES = (
    ("Didn't find op for builtin opcode", "op_too_new"),
    ("unresolved custom op", "missing_op"),
    ("custom op", "missing_op"),
    ("Select TensorFlow op", "missing_op"),
    ("Could not open", "model_unreadable"),
    ("not a valid Flatbuffer", "model_unreadable"),
    ("The model", "model_unreadable"),
    ("no input", "bad_input"),
    ("no signature", "bad_input"),
    ("Cannot set tensor", "bad_input"),
    ("ResizeInputTensor", "bad_input"),
    ("failed to prepare", "bad_input"),
    ("failed to invoke", "bad_input"),
    ("samples", "bad_input"),
    ("no random values", "bad_input"),
)


def main(arguments: list[str] | None = None) -> int:
    """Launch, print the answer, return the exit code."""
    # The runtime prints where it likes; the answer has standard output for itself.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        answer: dict[str, Any] = {"launch": _launch(_parse(arguments))}
    except (ValueError, RuntimeError, MemoryError, OSError) as fault:
        answer = {"error": classify(fault), "message": str(fault).strip().replace("\n", " ")}
    answers.write(json.dumps(answer, separators=(",", ":")) + "\n")
    answers.flush()
    return 0 if "launch" in answer else 1


def classify(fault: BaseException) -> Any:
    """The class of ``bench.errors.LAUNCH_ERROR_CLASSES`` that the interpreter's words belong to."""
    if isinstance(fault, MemoryError):
        return "out_of_memory"
    text = str(fault)
    return next((name for words, name in _CLASSES if words in text), "crash")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One launch on the local interpreter.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--warmup-runs", type=int, default=1)
    parser.add_argument("--warmup-seconds", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shapes", type=json.loads, default={}, help="JSON: input to shape")
    parser.add_argument("--ranges", type=json.loads, default={}, help="JSON: input to [low, high]")
    parser.add_argument("--signature")
    parser.add_argument("--samples", help=".npz with samples of each input, by name")
    parser.add_argument("--affinity", type=json.loads, help="JSON: CPU numbers")
    parser.add_argument("--delegate", choices=["xnnpack", "none"])
    return parser.parse_args(arguments)


def _launch(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.affinity:
        os.sched_setaffinity(0, asked.affinity)
    load_runtime()  # as a phone's tool has, before it counts
    begin_ns = time.perf_counter_ns()
    graph = LoadedModel(
        asked.model,
        threads=asked.threads,
        delegate=asked.delegate,
        signature=asked.signature,
    )
    for name, shape in asked.shapes.items():
        graph.resize(name, tuple(shape), strict=True)
    _refuse_open(graph, asked.shapes)
    graph.allocate()
    init_ns = time.perf_counter_ns() - begin_ns

    _feed(graph, asked)
    # A collection of garbage inside a run would be timed with it, and one right before the runs
    # would leave the first of them with cold caches.
    gc.collect()
    gc.disable()
    first_ns = _time(graph.run)
    warmup_ns = _warm_up(graph.run, asked.warmup_runs - 1, asked.warmup_seconds)
    samples_ns = _measure(graph.run, asked.runs)
    return {
        "init_ns": init_ns,
        "first_ns": first_ns,
        "warmup_runs": 1 + len(warmup_ns),
        "warmup_ns": first_ns + sum(warmup_ns),
        "samples_ns": samples_ns,
        "peak_bytes": _peak_bytes(),
    }


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.is_file():
        # On Linux ru_maxrss counts the parent's memory too: it outlives the exec that began us.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def _refuse_open(graph: LoadedModel, shapes: Mapping[str, Any]) -> None:
    """A size that is left open is 1 in the file: its figures would be of another model."""
    for name, details in graph.inputs().items():
        if name not in shapes and -1 in details["shape_signature"][1:]:
            raise ValueError(f"no input shape for {name}, whose sizes the model leaves open")


def _feed(graph: LoadedModel, asked: argparse.Namespace) -> None:
    """Set every input: real samples where given, random values else."""
    generator = np.random.default_rng(asked.seed)
    given = dict(np.load(asked.samples)) if asked.samples else {}
    inputs = graph.inputs()
    if "" in given:
        given = {next(iter(inputs)): given[""]}
    for name in {*given, *asked.ranges}:
        if name not in inputs:
            raise ValueError(f"no input {name!r} in the model; there is: {', '.join(inputs)}")
    values = {}
    for name, details in inputs.items():
        if name in given:
            values[name] = to_input(_batch(given[name], details["shape"]), details)
        else:
            values[name] = random_input(details, generator, asked.ranges.get(name))
    graph.feed(values)


def _batch(samples: Array, shape: Array) -> Array:
    """As many samples as the input takes at once; the last one is repeated."""
    if samples.ndim > len(shape):
        return np.asarray(samples[0])  # a model without a batch axis takes one whole sample
    index = np.minimum(np.arange(int(shape[0])), len(samples) - 1)
    return np.asarray(samples[index])


def _warm_up(run: Callable[[], None], runs: int, seconds: float) -> list[int]:
    """At least so many runs, over at least so many seconds."""
    took_ns: list[int] = []
    end_ns = time.perf_counter_ns() + int(seconds * 1e9)
    while len(took_ns) < runs or time.perf_counter_ns() < end_ns:
        took_ns.append(_time(run))
    return took_ns


def _measure(run: Callable[[], None], runs: int) -> list[int]:
    """Exactly so many runs, each timed alone."""
    clock = time.perf_counter_ns
    took_ns = []
    for _ in range(runs):
        begin = clock()
        run()
        took_ns.append(clock() - begin)
    return took_ns


def _time(run: Callable[[], None]) -> int:
    begin = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - begin


if __name__ == "__main__":
    sys.exit(main())
