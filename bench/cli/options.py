"""Turn what was typed into values of the house."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import plugins
from bench.errors import TargetError, UsageError
from bench.stats.stopping import MIN_LAUNCHES
from bench.values import Plan


def plan(asked: argparse.Namespace) -> Plan:
    """The plan that a command line describes.

    Raises:
        UsageError: an ``--input-shape`` or ``--input-range`` that cannot be read, or bounds that
            contradict each other.
    """
    return Plan(
        launches=asked.launches,
        runs=asked.runs,
        warmup_runs=asked.warmup_runs,
        warmup_s=asked.warmup_s,
        threads=asked.threads,
        seed=asked.seed,
        retries=asked.retries,
        timeout_s=asked.timeout,
        input_shapes=tuple(map(_shape, asked.input_shape)),
        input_ranges=tuple(map(_range, asked.input_range)),
        real_inputs=asked.real_inputs,
        signature=asked.signature,
        delegate=asked.delegate,
        affinity=asked.affinity,
        tool_args=tuple(asked.tool_arg),
        profile=asked.profile,
        until=asked.until,
        max_launches=_max_launches(asked),
    )


def _max_launches(asked: argparse.Namespace) -> int:
    """A bound that was typed must leave room; the default one makes room."""
    least = max(asked.launches, MIN_LAUNCHES)
    if asked.max_launches is None:
        return max(Plan().max_launches, least) if asked.until else Plan().max_launches
    if asked.until is None:
        raise UsageError("--max-launches without --until", hint="add --until 2%, or use --launches")
    if asked.max_launches < least:
        raise UsageError(
            f"--max-launches {asked.max_launches} is less than the {least} launches that are made "
            "in any case",
            hint=f"give at least {least}",
        )
    return int(asked.max_launches)


def target_options(asked: argparse.Namespace) -> dict[str, str]:
    """Settings of targets by name, from their own flags and from ``--set``.

    Raises:
        UsageError: a ``--set`` without a value.
    """
    options: dict[str, str] = {}
    for text in asked.set:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r} has no value", hint="write --set KEY=VALUE")
        options[key] = value
    if asked.adb_server:
        options["adb_server"] = ",".join(asked.adb_server)
    if asked.benchmark_model:
        options["benchmark_model"] = asked.benchmark_model
    return options


def outputs(asked: argparse.Namespace) -> list[tuple[Path | None, str]]:
    """Each ``-o`` as a path (None is standard output) and the name of its format.

    Raises:
        UsageError: no format has that suffix, or the folder does not exist: said before anything
            is measured.
    """
    chosen: list[tuple[Path | None, str]] = []
    for text in asked.output:
        if text == "-":
            chosen.append((None, "md"))
            continue
        path = Path(text)
        formats = {plugins.load("formats", name).SUFFIX: name for name in plugins.names("formats")}
        if path.suffix not in formats:
            raise UsageError(
                f"-o {text}: no format has the suffix {path.suffix!r}",
                hint=f"use {', '.join(sorted(formats))}",
            )
        if not path.parent.is_dir():
            raise UsageError(f"-o {text}: no folder {path.parent}", hint="make it first")
        chosen.append((path, formats[path.suffix]))
    return chosen


def split_target(text: str) -> tuple[str, str | None]:
    """``adb:SERIAL`` as kind and address.

    Raises:
        TargetError: there is no such kind.
    """
    kind, colon, address = text.partition(":")
    if kind not in plugins.names("targets"):
        raise TargetError(
            f"no target is called {text!r}", hint=plugins.nearest(kind, plugins.names("targets"))
        )
    if colon and not address:
        raise TargetError(f"{text!r} names no device", hint=f"write {kind} or {kind}:SERIAL")
    return kind, address or None


def tflite_paths(models: Sequence[str]) -> list[Path] | None:
    """The files, if all of them are ready .tflite files; None for a source model.

    Raises:
        UsageError: several models that are not all .tflite.
    """
    ready = [Path(text) for text in models if Path(text).suffix.lower() in (".tflite", ".lite")]
    if len(ready) == len(models):
        return ready
    if len(models) > 1:
        raise UsageError(
            "several models that are not all .tflite", hint="give one source model at a time"
        )
    return None


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not equals or not shape or min(shape) < 1:
        raise UsageError(
            f"--input-shape {text!r} is no shape", hint="write --input-shape NAME=1,224,224,3"
        )
    return name, shape


def _range(text: str) -> tuple[str, tuple[float, float]]:
    name, equals, bounds = text.rpartition("=")
    try:
        low, high = (float(bound) for bound in bounds.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not equals or not low < high:
        raise UsageError(
            f"--input-range {text!r} is no range", hint="write --input-range NAME=LOW,HIGH"
        )
    return name, (low, high)
