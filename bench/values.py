"""The values that all modules share, frozen. What can be derived is a function elsewhere.

Units are in the names: ``_us`` microseconds, ``_ns`` nanoseconds, ``_bytes``, ``_s``, ``_celsius``.
A *launch* is one process that loads one variant on one target, warms up and runs it; *runs* are the
inferences inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from bench.estimates import Comparison, Estimate, MedianKind, Missing, Summary
from bench.tflite.values import FileFacts

__all__ = [
    "NO_FACTS",
    "Comparison",
    "Environment",
    "Estimate",
    "Facts",
    "Failure",
    "Latency",
    "Launch",
    "MeasuredInput",
    "MedianKind",
    "Missing",
    "Model",
    "Plan",
    "Recipe",
    "ReportWarning",
    "Setting",
    "StartPair",
    "Step",
    "StepProgress",
    "Summary",
    "Variant",
    "no_facts",
    "utc_now",
]

Facts = Mapping[str, Any]
"""JSON-able facts: ``str`` to ``str | int | float | bool | None``, lists or mappings of these."""

NO_FACTS: Facts = MappingProxyType({})


StepProgress = Callable[[str, int, int], None]
"""Told what is being done, how many parts of it are done, and of how many."""


def utc_now() -> str:
    """The time now, in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def no_facts() -> Facts:
    """The default of every field that holds facts (a mapping proxy may not be a default itself)."""
    return NO_FACTS


@dataclass(frozen=True)
class Model:
    """What variants are made from.

    Attributes:
        name: the name from models/, or the file's name without its suffix.
        kind: ``named`` (from models/), ``keras``, ``h5``, ``savedmodel`` or ``tflite``.
        source: the name or path as the user gave it.
        sha256: of the content, and of the module with the user's own layers.
        custom_objects: that module, as the user gave it.
    """

    name: str
    kind: Literal["named", "keras", "h5", "savedmodel", "tflite"]
    source: str
    sha256: str
    custom_objects: str | None = None


@dataclass(frozen=True)
class Step:
    """One step of a recipe: ``technique[:argument][,option=value]…``."""

    technique: str
    argument: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        head = self.technique if self.argument is None else f"{self.technique}:{self.argument}"
        return ",".join([head, *(f"{key}={value}" for key, value in self.options)])


@dataclass(frozen=True)
class Recipe:
    """How a variant is made from a model: steps in order; no step at all is ``float32``.

    ``name`` is what the user calls it, if anything; two recipes are equal by their steps alone.
    """

    steps: tuple[Step, ...] = ()
    name: str = field(default="", compare=False)

    @property
    def label(self) -> str:
        """Its name, or else its text."""
        return self.name or str(self)

    def __str__(self) -> str:
        return "+".join(map(str, self.steps)) or "float32"


@dataclass(frozen=True)
class MeasuredInput:
    """One input of a variant, as its launches are fed.

    Attributes:
        name: as the signature calls it, or its tensor's name where the file has no signature.
        tensor: name of its tensor in the file.
        dtype: of its tensor, such as ``float32``.
        shape: as measured, batch and all.
        is_open: the file leaves a dimension of it open, the batch not counted.
        is_resized: the file itself says another shape.
        bounds: of random values: the least, and the one that all are below; None is any.
        from_samples: it is fed a test sample where the target can, not random values.
    """

    name: str
    tensor: str
    dtype: str
    shape: tuple[int, ...]
    is_open: bool = False
    is_resized: bool = False
    bounds: tuple[float, float] | None = None
    from_samples: bool = False


@dataclass(frozen=True)
class Setting:
    """How the runtime is told to run a model.

    Attributes:
        threads: of the interpreter.
        delegate: ``xnnpack``, ``gpu``, ``nnapi``, ``hexagon``, ``npu``, ``none``; None is the
            runtime's default.
        affinity: CPUs that the process is bound to: a list, a mask, ``big`` or ``little``; None is
            all.
    """

    threads: int = 1
    delegate: str | None = None
    affinity: str | None = None


@dataclass(frozen=True)
class Variant:
    """A .tflite file with its facts.

    Attributes:
        name: the recipe's own name or its canonical text, or a ready file's name.
        path: the .tflite on this machine.
        sha256: of the file's bytes, in hex.
        size_bytes: of the file as it is.
        zipped_bytes: of the file after deflate.
        facts: what the file holds (ops by type, sparsity, unique weights, …), None where it was
            not read.
        steps: what the steps of the recipe found out, by technique: layers skipped, epochs, ….
        recipe: its canonical text; empty for a ready file.
        signature: key of the signature that is run; None is the main subgraph of a file without.
        inputs: in the file's order; empty until it is known how they are fed.
        setting: that this cell is launched with, where a plan has several; None is the plan's.
        base: the variant's own name, where ``name`` names a cell of it; empty where it is the same.
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    zipped_bytes: int
    facts: FileFacts | None = None
    steps: Facts = field(default_factory=no_facts)
    recipe: str = ""
    signature: str | None = None
    inputs: tuple[MeasuredInput, ...] = ()
    setting: Setting | None = None
    base: str = ""

    @property
    def int8_share(self) -> float | None:
        """The fraction of its computing ops that are int8; None where it is not known."""
        return None if self.facts is None else self.facts.int8_share

    @property
    def integer_share(self) -> float | None:
        """The same of ops in int8 or int16."""
        return None if self.facts is None else self.facts.integer_share

    @property
    def int4_share(self) -> float | None:
        """The fraction of its kernels' weights that are stored in 4 bits; None as above."""
        if self.facts is None or not self.facts.weight_elements:
            return None
        stored = sum(one.elements for one in self.facts.weights if one.dtype == "int4")
        return stored / self.facts.weight_elements


@dataclass(frozen=True)
class Environment:
    """Where launches ran: what must be equal for two figures to be compared.

    Attributes:
        target: the target's id, such as ``local`` or ``adb:R5CT20``.
        kind: ``local`` or ``adb``; figures of two kinds never share a column.
        label: for headings, such as ``SM-S911B (R5CT20) · Android 14 · arm64-v8a``.
        facts: CPU, ABI, runtime and its version, governor, fingerprint, tool sha256, …
    """

    target: str
    kind: str
    label: str
    facts: Facts = field(default_factory=no_facts)


@dataclass(frozen=True)
class Latency:
    """The time of one inference within one launch, in microseconds.

    ``samples_ns`` holds every run where the target keeps them (the local interpreter) and is empty
    where the tool prints aggregates only. ``median_us`` is None where the tool prints none. What a
    tool does not print is None; nothing is ever estimated here.
    """

    runs: int
    mean_us: float
    median_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    std_us: float | None = None
    p95_us: float | None = None
    samples_ns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Launch:
    """One finished process on one target.

    Attributes:
        variant: the variant's name.
        target: the target's id.
        block: the number of the block, from 0; every variant runs once per block.
        latency: of the measured runs, never of the warm-up.
        init_us: from nothing to ready (load and allocate).
        first_us: the first inference, None where not printed.
        warmup_runs: inferences before the measured ones, the first included.
        warmup_us: their mean, None where not printed.
        peak_bytes: peak memory of the process (local) or the tool's overall footprint (phone).
        init_bytes: the tool's footprint after init, None where not printed.
        wall_s: of the whole launch as the host saw it.
        started_at: UTC, ISO 8601.
        state: of the device before and after: temperatures, thermal status, battery, waits.
        facts: of the tool on a phone: its version, delegates, ``tool_s``, and the ops that take the
            time (``--profile``).
    """

    variant: str
    target: str
    block: int
    latency: Latency
    init_us: float | None = None
    first_us: float | None = None
    warmup_runs: int | None = None
    warmup_us: float | None = None
    peak_bytes: int | None = None
    init_bytes: int | None = None
    wall_s: float = 0.0
    started_at: str = ""
    state: Facts = field(default_factory=no_facts)
    facts: Facts = field(default_factory=no_facts)


@dataclass(frozen=True)
class StartPair:
    """Two further launches of a variant: with an empty cache, then with the cache that it left.

    Attributes:
        variant: the variant's name.
        target: the target's id.
        number: of the pair, from 0.
        cold_init_us: from nothing to ready, with what is worth keeping written into the cache.
        warm_init_us: from nothing to ready, with what was kept.
        cache: what keeps it, in a few words.
        cache_bytes: how much was kept.
        fault: why there are no figures; then this variant gets no further pair there.
        hint: what can be done about it.
        error_class: of the fault, where a launch failed.
        wall_s: of both, as the host saw them.
        started_at: UTC, ISO 8601.
    """

    variant: str
    target: str
    number: int
    cold_init_us: float | None = None
    warm_init_us: float | None = None
    cache: str = ""
    cache_bytes: int | None = None
    fault: str = ""
    hint: str = ""
    error_class: str = ""
    wall_s: float = 0.0
    started_at: str = ""


@dataclass(frozen=True)
class Failure:
    """A launch (or a build: ``block`` is None) that gave no figure, with its reason and a hint.

    ``discarded`` marks a launch thrown away and tried again; the cell itself did not fail.
    """

    variant: str
    target: str
    block: int | None
    error_class: str
    message: str
    hint: str
    started_at: str = ""
    discarded: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be measured. Its values, the model and the variants decide what may be resumed.

    Attributes:
        launches: per variant and target; with ``until`` at least so many.
        runs: measured inferences per launch, exactly.
        warmup_runs: inferences before them, at least.
        warmup_s: seconds that these take, at least: a launch begins on a cold core.
        threads: of the interpreter.
        seed: of the order of the launches, of random inputs, and of training.
        retries: further tries of a launch that failed in a way that may pass.
        timeout_s: bound on one launch, on the device and on the host.
        input_shapes: for dynamic dimensions, input name to shape.
        input_ranges: for random inputs that may not be just anything, input name to least value
            and the value that all are below.
        real_inputs: feed a test sample instead of random values.
        phone_samples: that a phone answers with each variant; None is what takes about 5 s there,
            0 none.
        signature: key of the signature to run; None is the only one, or ``serving_default``.
        delegate: ``xnnpack``, ``gpu``, ``nnapi``, ``hexagon``, ``none``; None is the default.
        affinity: CPU list or mask the launch is bound to, ``big`` or ``little``.
        tool_args: further arguments for benchmark_model.
        profile: also record the ops that take the time.
        until: launch until each variant's median is known this precisely (0.02: to within 2 % of
            itself), instead of a fixed number of times.
        max_launches: with ``until``, per variant and target at most.
        warm_starts: pairs of further launches per variant and target that measure initialisation
            with an empty cache of the delegate's, and with the cache that this left.
        settings: where there are several: each variant is launched under each of them, and the
            first is that of ``threads``, ``delegate`` and ``affinity`` (``bench.cells``).
    """

    launches: int = 10
    runs: int = 69
    warmup_runs: int = 10
    warmup_s: float = 0.2
    threads: int = 1
    seed: int = 0
    retries: int = 2
    timeout_s: float = 300.0
    input_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    input_ranges: tuple[tuple[str, tuple[float, float]], ...] = ()
    real_inputs: bool = False
    signature: str | None = None
    delegate: str | None = None
    affinity: str | None = None
    tool_args: tuple[str, ...] = ()
    profile: bool = False
    until: float | None = None
    max_launches: int = 100
    phone_samples: int | Literal["all"] | None = None
    warm_starts: int = 0
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class ReportWarning:
    """Something the reader should know before believing a figure, with hint."""

    code: str
    message: str
    hint: str
    variant: str | None = None
    target: str | None = None
