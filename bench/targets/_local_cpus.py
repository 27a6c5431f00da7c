"""CPUs of this machine: how fast they are, and which of them a launch is bound to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.affinity import chosen
from bench.errors import TargetError
from bench.values import Setting

_BINDS = hasattr(os, "sched_getaffinity")


def cpus_of(setting: Setting) -> list[int] | None:
    """The CPUs that a setting binds to; None for none.

    Raises:
        TargetError: they cannot be had.
    """
    if setting.affinity is None:
        return None
    numbers = chosen(setting.affinity, _speeds())
    _check_cpus(numbers)
    return numbers


def arguments(setting: Setting) -> list[str]:
    """The words that bind a worker to them. Raises TargetError, as :func:`cpus_of`."""
    numbers = cpus_of(setting)
    return [] if numbers is None else [f"--affinity={json.dumps(numbers)}"]


def usable(settings: Iterable[Setting]) -> dict[str, int]:
    """How many CPUs launches have, by the text of an affinity; empty for none."""
    found: dict[str, int] = {}
    for setting in settings:
        try:
            numbers = cpus_of(setting)
        except TargetError:
            continue  # its launches fail, and say why
        if numbers is not None:
            found[setting.affinity or ""] = len(set(numbers))
        else:
            found[""] = len(os.sched_getaffinity(0)) if _BINDS else os.cpu_count() or 0
    return found


def _check_cpus(numbers: Sequence[int]) -> None:
    if not _BINDS:
        raise TargetError("this system binds no process to CPUs", hint="leave --affinity out")
    usable = os.sched_getaffinity(0)
    if not numbers or not usable.issuperset(numbers):
        raise TargetError(
            f"--affinity names CPUs {sorted(set(numbers) - usable)}, which are not ours to use",
            hint=f"use some of {sorted(usable)}",
        )


def _speeds() -> dict[int, int]:
    """The highest kHz of each CPU, or its capacity; empty where this machine does not tell."""
    for file in ("cpufreq/cpuinfo_max_freq", "cpu_capacity"):
        found = {
            int(path.parts[5][3:]): int(path.read_text())
            for path in Path("/sys/devices/system/cpu").glob(f"cpu[0-9]*/{file}")
        }
        if found:
            return found
    return {}
