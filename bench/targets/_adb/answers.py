"""Ask benchmark_model for a model's answers: values from files, outputs into a file.

``--input_layer_value_files`` and ``--output_filepath`` are not in every version: the tool's own
``--help`` is asked first, once. The file that is run is the one that is measured. Each batch is a
process of its own, run once with nothing before it, so that no state is left from other samples;
its outputs go into the folder of that very launch, where no older file can lie.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import StableLaunchError
from bench.targets import OutputForm, Progress, Questions, RawAnswers
from bench.targets._adb import files
from bench.targets._adb.reply import Answer
from bench.targets._adb.session import DeviceSession
from bench.values import MeasuredInput, Plan, Variant
from bench.workers.interpreter import to_input

FLAGS = ("input_layer_value_files", "output_filepath")
OUTPUTS = "outputs"
"""The file's name in a launch's folder."""

FETCH_BYTES_PER_S = 2e6  # a slow cable, for the bound on silence

Run = Callable[[Sequence[MeasuredInput], Sequence[str]], Answer]
"""Runs the tool with inputs of these shapes and values; the outputs lie in the launch's folder."""


def once(plan: Plan) -> Plan:
    """The plan of a process that answers: one run, nothing before it, else as it is measured."""
    return replace(plan, runs=1, warmup_runs=0, warmup_s=0.0, profile=False)


def check_flags(known: Collection[str]) -> None:
    """See that the tool has the flags.

    Args:
        known: flags that its help tells; none where it has no help.

    Raises:
        StableLaunchError: class ``unknown_flag``: it does not.
    """
    lacking = [flag for flag in FLAGS if flag not in known]
    # A tool that has no help is tried: one that ignores a flag says so.
    if lacking and known:
        raise StableLaunchError(
            f"this benchmark_model has no --{lacking[0]} (its --help was asked), so the phone's "
            "answers are not known",
            hint="use TensorFlow Lite's tool of 2.14 or newer: bench doctor --fetch",
            error_class="unknown_flag",
        )


def ask(
    session: DeviceSession, run: Run, variant: Variant, questions: Questions, progress: Progress
) -> RawAnswers:
    """Answer all samples, batch by batch.

    Raises:
        LaunchError: as a launch; the phone is full.
    """
    parts: list[tuple[NDArray[np.generic], ...]] = []
    start = 0
    for number, size in enumerate(questions.batches, start=1):
        progress(f"{variant.name}: answers to {start} of {len(questions)} samples")
        index = np.minimum(np.arange(start, start + size), len(questions) - 1)
        expected = sum(_bytes(form, size) for form in questions.outputs)
        taken = [values[index] for values in questions.inputs]
        with tempfile.TemporaryDirectory(prefix="tflite-bench-") as scratch:
            pushed = list(artefacts(taken, Path(scratch)))
            try:
                bring(session, pushed, progress)
                shaped = [
                    replace(each, shape=values.shape, is_resized=True)
                    for each, values in zip(variant.inputs, taken, strict=True)
                ]
                run(shaped, [each.remote for each in pushed])
                raw = _fetch(session, expected, progress)
                if raw is None or len(raw) < expected:
                    _check_room(session, expected, progress)
            finally:
                _remove(session, pushed)
        if raw is None or len(raw) != expected:
            wrote = "no output file" if raw is None else f"an output file of {len(raw):,} bytes"
            return RawAnswers((), f"the tool wrote {wrote}, where {expected:,} are due", number)
        parts.append(tuple(_cut(raw, questions.outputs, size)))
        start += size
    joined = (np.concatenate(each)[: len(questions)] for each in zip(*parts, strict=True))
    return RawAnswers(tuple(joined), processes=len(parts))


def real_inputs(samples: Path, variant: Variant, folder: Path) -> list[files.Artefact]:
    """The test samples that a variant's launches are fed, as files to be pushed.

    Args:
        samples: what :func:`bench.inputs.launches.write_sample` has saved.
        variant: with the facts of its file.
        folder: to write the files into.
    """
    given = dict(np.load(samples))
    assert variant.facts is not None
    ports = (
        variant.facts.inputs
        if variant.signature is None
        else variant.facts.signatures[variant.signature].inputs
    )
    arrays = []
    for each, port in zip(variant.inputs, ports, strict=True):
        values = given[""] if "" in given else given[each.name]
        if values.ndim > len(each.shape):
            values = values[0]  # a model without a batch axis takes one whole sample
        else:
            values = values[np.minimum(np.arange(each.shape[0]), len(values) - 1)]
        details = {"dtype": port.dtype, "quantization": (port.scale or 0.0, port.zero_point or 0)}
        arrays.append(to_input(values, details))
    return list(artefacts(arrays, folder))


def artefacts(arrays: Iterable[NDArray[np.generic]], folder: Path) -> Iterator[files.Artefact]:
    """Arrays as files by their content, raw, in the order of C."""
    for number, values in enumerate(arrays):
        content = np.ascontiguousarray(values).tobytes()
        sha256 = hashlib.sha256(content).hexdigest()
        path = folder / f"{number}-{sha256[:16]}"
        path.write_bytes(content)
        yield files.by_content(path, sha256, len(content), ".input")


def bring(session: DeviceSession, wanted: Sequence[files.Artefact], progress: Progress) -> None:
    """Push what is not there. Raises LaunchError."""
    if absent := files.missing(session.link, wanted, progress):
        files.push(session.link, absent, session.token, progress)


def _fetch(session: DeviceSession, size_bytes: int, progress: Progress) -> bytes | None:
    """The outputs of the last launch, of about that size; None where there is no such file."""
    path = f"{session.run_folder}/{OUTPUTS}"
    command = (
        f"if [ -f {path} ]; then echo %streams $(($(wc -c < {path}))); cat {path}; fi; echo; "
        "echo %end"
    )
    stall_s = 15 + size_bytes / FETCH_BYTES_PER_S
    found = session.link.ask(command, progress, stall_s).streams
    return found[0] if found else None


def _check_room(session: DeviceSession, size_bytes: int, progress: Progress) -> None:
    """See that outputs are not missing for want of storage. Raises StableLaunchError."""
    command = f"echo free_kb=$(df -k {files.ROOT} | sed -n '$s/.* \\([0-9]*\\)  *[0-9-]*%.*/\\1/p')"
    free_kb = session.link.ask(f"{command}; echo %end", progress).values.get("free_kb", "")
    if free_kb.isdigit() and int(free_kb) * 1024 < size_bytes:
        raise files.full(session.serial, "no room for the outputs")


def _remove(session: DeviceSession, pushed: Sequence[files.Artefact]) -> None:
    if pushed and not session.closing.is_set():
        names = " ".join(each.remote for each in pushed)
        session.link.ask(f"rm -f {names}; echo %end", session.say)


def _cut(raw: bytes, forms: Sequence[OutputForm], size: int) -> Iterator[NDArray[np.generic]]:
    """The outputs, which lie one after the other."""
    at = 0
    for form in forms:
        stop = at + _bytes(form, size)
        yield np.frombuffer(raw[at:stop], form.dtype).reshape((size, *form.shape))
        at = stop


def _bytes(form: OutputForm, size: int) -> int:
    return size * math.prod(form.shape) * np.dtype(form.dtype).itemsize
