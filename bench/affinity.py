"""CPUs that a launch is bound to, as they are written for every kind of target."""

from __future__ import annotations

from collections.abc import Mapping

from bench.errors import TargetError

CLASSES = ("big", "little")
ALL = "all"
"""Binds to none."""


def chosen(affinity: str, speeds: Mapping[int, int]) -> list[int]:
    """CPU numbers of a list or a mask, or of ``big`` or ``little`` on this target.

    ``little`` are the CPUs of the lowest speed, ``big`` all others: of three kinds of CPU the two
    faster ones are big.

    Args:
        affinity: as the user wrote it.
        speeds: the highest frequency (or the capacity) of each CPU.

    Raises:
        TargetError: it is none of these, or all CPUs are alike.
    """
    if affinity not in CLASSES:
        return cpus(affinity)
    if not speeds:
        raise TargetError(
            f"--affinity {affinity}: this target does not tell how fast its CPUs are",
            hint="name CPUs by number, such as 0-3",
        )
    slowest = min(speeds.values())
    if slowest == max(speeds.values()):
        raise TargetError(
            f"--affinity {affinity}: all CPUs of this target are alike",
            hint="leave it out, or name CPUs by number, such as 0-3",
        )
    return sorted(
        cpu for cpu, speed in speeds.items() if (speed == slowest) == (affinity == "little")
    )


def canonical(affinity: str) -> str:
    """One text for one set of CPUs: ``0,1``, ``1-0`` and ``0x3`` are ``0-1``; classes stay.

    Raises:
        TargetError: it is no affinity, or of no CPU.
    """
    if affinity in CLASSES:
        return affinity
    runs: list[list[int]] = []
    for cpu in sorted(set(cpus(affinity))):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    if not runs:
        raise TargetError(f"the mask {affinity} names no CPU", hint="set a bit of it, such as 0x1")
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def cpus(affinity: str) -> list[int]:
    """CPU numbers of ``0,2-3`` or of a mask such as ``0xf0``.

    Raises:
        TargetError: neither of the two.
    """
    try:
        if affinity.lower().startswith("0x"):
            mask = int(affinity, 16)
            return [cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1]
        numbers: list[int] = []
        for part in affinity.split(","):
            first, dash, last = part.partition("-")
            ends = sorted((int(first), int(last if dash else first)))
            numbers.extend(range(ends[0], ends[1] + 1))
        return numbers
    except ValueError as fault:
        raise TargetError(
            f"{affinity!r} is no affinity",
            hint="write CPU numbers (0,2-3), a mask (0xf0), big or little; several with / between",
        ) from fault
