"""What a phone is: the answer of probe.sh as facts that decide whether figures may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import TargetError
from bench.targets._adb.shell import DisconnectedError, Shell

ABI_OF_MACHINE: Mapping[str, str] = {
    "aarch64": "arm64-v8a",
    "armv8l": "armeabi-v7a",
    "armv7l": "armeabi-v7a",
    "x86_64": "x86_64",
    "i686": "x86",
}


@dataclass(frozen=True)
class Phone:
    """What does not change while we measure.

    Attributes:
        serial: its address.
        abis: what it runs, its favourite first.
        facts: for the environment.
        label: for headings.
        free_bytes: what its storage has left, None where unknown.
        commands: of those we would like, the ones it has.
        affinity: the CPUs that a process under the asked-for mask may use; empty if it may not.
        speeds: the highest kHz (or the capacity) of each CPU that says so.
    """

    serial: str
    abis: tuple[str, ...]
    facts: Mapping[str, object]
    label: str
    free_bytes: int | None
    commands: frozenset[str]
    affinity: str | None
    speeds: Mapping[int, int]


def abis_of(shell: Shell, stall_s: float) -> tuple[str, ...]:
    """What a phone runs, its favourite first; it may be in use.

    Raises:
        TargetError: it does not answer.
    """
    asked = "getprop ro.product.cpu.abilist; getprop ro.product.cpu.abi; uname -m"
    try:
        listed = shell.run(asked, stall_s).decode("ascii", "replace").split()
    except DisconnectedError as fault:
        raise TargetError(
            f"{shell.serial} does not answer ({fault})", hint="plug it in anew"
        ) from fault
    first = listed[0] if listed else ""
    return tuple(ABI_OF_MACHINE.get(first, first).split(","))


def parse_probe(serial: str, values: Mapping[str, str]) -> Phone:
    """A phone from the values of an answer."""

    def prop(*names: str) -> str | None:
        return next((found for name in names if (found := values.get(f"prop.{name}"))), None)

    listed = prop("ro.product.cpu.abilist", "ro.product.cpu.abi")
    machine = values.get("machine", "")
    abis = tuple((listed or ABI_OF_MACHINE.get(machine, machine)).split(","))
    model = prop("ro.product.model") or "unknown phone"
    version = prop("ro.build.version.release")
    soc = " ".join(filter(None, (prop("ro.soc.manufacturer"), prop("ro.soc.model"))))
    memory = values.get("memory_kb", "")
    free = values.get("free_kb", "")
    facts: dict[str, object] = {
        "model": model,
        "manufacturer": prop("ro.product.manufacturer", "ro.product.brand"),
        "fingerprint": prop("ro.build.fingerprint"),
        "soc": soc or prop("ro.board.platform", "ro.hardware"),
        "abi": abis[0],
        "android": version,
        "sdk": prop("ro.build.version.sdk"),
        "kernel": values.get("kernel"),
        "memory_bytes": int(memory) * 1024 if memory.isdigit() else None,
        "cores_online": values.get("online"),
        "cores": cores(values),
    }
    parts = [f"{model} ({serial})", f"Android {version}" if version else "", abis[0]]
    return Phone(
        serial=serial,
        abis=abis,
        facts={key: value for key, value in facts.items() if value not in (None, "", {})},
        label=" · ".join(filter(None, parts)),
        free_bytes=int(free) * 1024 if free.isdigit() else None,
        commands=frozenset(key[4:] for key in values if key.startswith("has.")),
        affinity=values.get("affinity"),
        speeds=speeds(values),
    )


def speeds(values: Mapping[str, str]) -> dict[int, int]:
    """The highest kHz of each CPU, or the capacity where none tells its frequency."""
    found: dict[str, dict[int, int]] = {}
    for key, text in values.items():
        words = text.split()
        if key.startswith("speed.") and len(words) == 2 and words[1].isdigit():
            found.setdefault(words[0], {})[int(key[6:])] = int(words[1])
    return next(iter(found.values())) if len(found) == 1 else {}


def cores(values: Mapping[str, str]) -> dict[str, str]:
    """Governor and allowed kHz by run of like cores: ``{"0-3": "schedutil 300000-1800000"}``."""
    each: dict[int, str] = {}
    for key, text in values.items():
        words = text.split()
        if key.startswith("cpu.") and key[4:].isdigit() and len(words) == 3:
            each[int(key[4:])] = f"{words[0]} {words[1]}-{words[2]}"
    runs: list[tuple[int, int, str]] = []
    for core, kind in sorted(each.items()):
        if runs and runs[-1][1] == core - 1 and runs[-1][2] == kind:
            runs[-1] = (runs[-1][0], core, kind)
        else:
            runs.append((core, core, kind))
    return {f"{a}" if a == b else f"{a}-{b}": kind for a, b, kind in runs}
