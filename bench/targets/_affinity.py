"""CPUs that a launch is bound to, as they are written for every kind of target."""

from __future__ import annotations

from bench.errors import TargetError


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
            numbers.extend(range(int(first), int(last if dash else first) + 1))
        return numbers
    except ValueError as fault:
        raise TargetError(
            f"{affinity!r} is no affinity", hint="write CPU numbers (0,2-3) or a mask (0xf0)"
        ) from fault
