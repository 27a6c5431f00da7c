"""The local LiteRT interpreter: for when no phone is attached.

Each launch is a fresh process (``bench.workers.launch``). Slices of runs interleaved within one
process agree better with each other (2.5 % against 6 to 7 % between processes, measured for a float
to int8 ratio), but a variant's own layout in memory, drawn anew by each process, is then drawn once
and taken for a property of the variant. Fresh processes show that spread, and the interval over
launches pays for it honestly; they are also what a launch on a phone is.

A cold start is told from a warm one by LiteRT's ``CompiledModel`` (``bench.workers.start``), which
runs on the same XNNPACK: the interpreter has no option for a cache.

Options: none to be set. The harness itself gives ``samples``: an .npz with samples of each input,
for variants that are fed them.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import workers
from bench.benchmark_model.caches import why_none
from bench.cells import USABLE, setting_facts, setting_of, settings_of
from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.targets import Progress, TargetStatus, _local_cpus, _start_pairs
from bench.values import Environment, Latency, Launch, Plan, Setting, StartPair, Variant, utc_now
from bench.workers.client import Worker, WorkerEndedError, WorkerTimeoutError

ID = "local"
OPTIONS = frozenset[str]()
WORKER = "bench.workers.launch"
STARTER = "bench.workers.start"
CACHE = "XNNPACK's packed weights"
NOTHING_KEPT = "XNNPACK keeps nothing of this model"
_HINTS = {
    "missing_op": "convert the model with built-in ops only",
    "op_too_new": "a newer ai-edge-litert, or a converter as old as the runtime",
    "model_unreadable": "check the file with: bench inspect FILE",
    "bad_input": "give --input-shape, --input-range or --signature as the model needs them",
    "out_of_memory": "close other programs, or measure a smaller variant",
}


def discover(options: Mapping[str, str]) -> Sequence[TargetStatus]:
    """The one interpreter there is."""
    return (TargetStatus(ID, "ready", _label(_facts())),)


def open(address: str | None, plan: Plan, options: Mapping[str, str]) -> LocalTarget:  # noqa: A001  # the protocol's word
    """The local interpreter.

    Raises:
        TargetError: an address was given, or the plan asks for what this interpreter or machine
            has not.
    """
    if address is not None:
        raise TargetError(f"local:{address} is no target", hint="write local")
    settings = settings_of(plan)
    faults = [fault for each in settings if (fault := _fault(each)) is not None]
    if len(faults) == len(settings):  # else cells of those settings fail, and the others go on
        raise faults[0]
    return LocalTarget(plan, options.get("samples"))


def _fault(setting: Setting) -> TargetError | None:
    """Why launches cannot be made so here."""
    if setting.delegate not in (None, "xnnpack", "none"):
        return TargetError(
            f"the local interpreter has no {setting.delegate} delegate", hint="use xnnpack or none"
        )
    try:
        _local_cpus.cpus_of(setting)
    except TargetError as fault:
        return fault
    return None


class LocalTarget:
    """See :class:`bench.targets.Target`."""

    def __init__(self, plan: Plan, samples: str | None) -> None:
        self._plan = plan
        self._samples = samples
        self._worker: Worker | None = None
        self._cancelled = False

    @property
    def id(self) -> str:
        """Always ``local``."""
        return ID

    def __enter__(self) -> LocalTarget:
        return self

    def __exit__(self, *raised: object) -> None:
        self.cancel()

    def environment(self) -> Environment:
        """What this machine and its interpreter are, and how they are used."""
        plan = self._plan
        facts = {
            **_facts(),
            **setting_facts(plan, default="default (xnnpack)"),
            USABLE: _local_cpus.usable(settings_of(plan)),
        }
        return Environment(ID, "local", _label(facts), facts)

    def prepare(self, variants: Sequence[Variant], progress: Progress) -> None:
        """Nothing to bring anywhere: the files are read where they lie."""

    def cancel(self) -> None:
        """End the running launch."""
        self._cancelled = True
        worker = self._worker
        if worker is not None:
            worker.kill()

    def launch(self, variant: Variant, block: int, progress: Progress) -> Launch:
        """Run one fresh process.

        Raises:
            StableLaunchError: the interpreter refuses the model or its inputs.
            TransientLaunchError: it crashed, took too long or was cancelled.
        """
        if fault := _fault(setting_of(variant, self._plan)):
            raise StableLaunchError(fault.message, hint=fault.hint, error_class="setting")
        started_at = utc_now()
        host = _HostUse()
        begin = time.perf_counter()
        # Blocks draw different inputs, variants of one block the same ones.
        answer = self._run(variant, self._arguments(variant, seed=self._plan.seed + block))
        wall_s = time.perf_counter() - begin
        figures = answer["launch"]
        return Launch(
            variant=variant.name,
            target=ID,
            block=block,
            latency=from_samples(figures["samples_ns"]),
            init_us=figures["init_ns"] / 1e3,
            first_us=figures["first_ns"] / 1e3,
            warmup_runs=figures["warmup_runs"],
            warmup_us=figures["warmup_ns"] / figures["warmup_runs"] / 1e3,
            peak_bytes=figures["peak_bytes"],
            wall_s=wall_s,
            started_at=started_at,
            state=host.facts(),
        )

    def no_warm_start(self, variant: Variant, progress: Progress) -> tuple[str, str]:
        """See :class:`bench.targets.StartingTarget`."""
        if (delegate := setting_of(variant, self._plan).delegate) == "none":
            return why_none(delegate), "leave --delegate none out, or name xnnpack too"
        if any(each.is_open or each.is_resized for each in variant.inputs):
            reason = "a model whose inputs are resized is started anew for each size here"
            return reason, "measure it on a phone, or convert it with fixed sizes"
        return "", ""

    def start_pair(self, variant: Variant, number: int, progress: Progress) -> StartPair:
        """See :class:`bench.targets.StartingTarget`."""
        with tempfile.TemporaryDirectory(prefix="tflite-bench-") as folder:
            cache = Path(folder) / "xnnpack"
            return _start_pairs.measure(
                StartPair(variant.name, ID, number),
                CACHE,
                lambda: self._start_us(variant, cache),
                lambda _: _kept(cache),
                nothing_kept=NOTHING_KEPT,
                not_used=NOTHING_KEPT,
            )

    def _start_us(self, variant: Variant, cache: Path) -> float:
        """How long initialisation takes with that cache, in a fresh process. Raises LaunchError."""
        setting = setting_of(variant, self._plan)
        arguments = [f"--model={variant.path}", f"--cache={cache}", f"--threads={setting.threads}"]
        arguments += _local_cpus.arguments(setting)
        answer = self._run(variant, arguments, STARTER)
        return float(answer["start"]["init_ns"]) / 1e3

    def _arguments(self, variant: Variant, *, seed: int) -> list[str]:
        plan, setting = self._plan, setting_of(variant, self._plan)
        shapes = {i.name: i.shape for i in variant.inputs if i.is_open or i.is_resized}
        ranges = {i.name: i.bounds for i in variant.inputs if i.bounds is not None}
        arguments = [
            f"--model={variant.path}",
            f"--runs={plan.runs}",
            f"--warmup-runs={plan.warmup_runs}",
            f"--warmup-seconds={plan.warmup_s}",
            f"--threads={setting.threads}",
            f"--seed={seed}",
            f"--shapes={json.dumps(shapes)}",
            f"--ranges={json.dumps(ranges)}",
        ]
        if variant.signature is not None:
            arguments.append(f"--signature={variant.signature}")
        if any(each.from_samples for each in variant.inputs):
            arguments.append(f"--samples={self._samples}")
        arguments += _local_cpus.arguments(setting)
        if setting.delegate is not None:
            arguments.append(f"--delegate={setting.delegate}")
        return arguments

    def _run(
        self, variant: Variant, arguments: Sequence[str], module: str | None = None
    ) -> dict[str, Any]:
        """The answer of one process, bounded in time.

        Raises:
            StableLaunchError: an error it named itself.
            TransientLaunchError: it took too long, was cancelled or ended without an answer.
        """
        with Worker(module or WORKER, arguments) as worker:
            self._worker = worker
            try:
                answer = worker.answer(timeout_s=self._plan.timeout_s)
            except WorkerTimeoutError:
                raise TransientLaunchError(
                    f"the launch took longer than {self._plan.timeout_s:g} s",
                    hint="raise --timeout or lower --runs",
                    error_class="timeout",
                ) from None
            except WorkerEndedError as fault:
                self._check_cancelled()
                raise TransientLaunchError(
                    f"the launch of {variant.name} ended {fault.how} without a result",
                    hint="check the file with: bench inspect FILE",
                    error_class="crash",
                ) from None
            finally:
                self._worker = None
        self._check_cancelled()
        if "error" in answer:
            raise _refusal(answer, variant)
        return answer

    def _check_cancelled(self) -> None:
        if self._cancelled:
            raise TransientLaunchError(
                "the launch was cancelled", hint="run the same command again", error_class="crash"
            )


def from_samples(samples_ns: Sequence[int]) -> Latency:
    """The latency that single runs in nanoseconds make; the median is numpy's (mean of two)."""
    import numpy as np

    samples_us = np.asarray(samples_ns, dtype=np.float64) / 1e3
    return Latency(
        runs=len(samples_ns),
        mean_us=float(samples_us.mean()),
        median_us=float(np.median(samples_us)),
        min_us=float(samples_us.min()),
        max_us=float(samples_us.max()),
        std_us=float(samples_us.std()),
        samples_ns=tuple(samples_ns),
    )


def _kept(cache: Path) -> _start_pairs.Kept:
    """Size, date and number of the file that XNNPACK keeps; empty where it keeps none."""
    try:
        found = cache.stat()
    except FileNotFoundError:
        return {}
    if not found.st_size:
        return {}
    return {cache.name: f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"}


def _refusal(answer: Mapping[str, str], variant: Variant) -> StableLaunchError:
    """What the interpreter said of a model that it does not run."""
    error_class = answer["error"]
    return StableLaunchError(
        f"the interpreter refused {variant.name} ({answer['message']})",
        hint=_HINTS.get(error_class, "check the file with: bench inspect FILE"),
        error_class=error_class,
    )


class _HostUse:
    """What else this host did during a launch, from /proc; empty where there is none."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._busy_s = _busy_seconds()
        self._ours_s = _our_seconds()

    def facts(self) -> dict[str, Any]:
        """``other_cpu_share``: the fraction of all CPU time that other processes took."""
        now_s = _busy_seconds()
        if self._busy_s is None or now_s is None:
            return {}
        wall_s = time.perf_counter() - self._begin
        others_s = (now_s - self._busy_s) - (_our_seconds() - self._ours_s)
        fraction = others_s / (wall_s * (os.cpu_count() or 1))
        return {"other_cpu_share": round(min(max(fraction, 0.0), 1.0), 3)}


def _busy_seconds() -> float | None:
    """CPU seconds that this machine has spent on anything but idling."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _our_seconds() -> float:
    """CPU seconds of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _facts() -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "arch": platform.machine(),
        "os": platform.system(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "runtime": f"ai-edge-litert {workers.version('ai-edge-litert')}",
        "python": platform.python_version(),
    }


def _label(facts: Mapping[str, Any]) -> str:
    return f"this machine ({facts['cpu']}, {facts['cores']} cores) · {facts['runtime']}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
