"""Who holds a phone: how a harness names itself in the lock, and when a holder counts as dead."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.values import utc_now

SILENCE_S = 900.0
"""A holder on another machine that gave no sign for so long is taken for dead. Signs come every few
seconds, in launches and while waiting for a phone to cool."""


@dataclass(frozen=True)
class Holder:
    """A harness, as it names itself.

    Attributes:
        host: for people.
        pid: its process.
        since: UTC, ISO 8601.
        machine: tells whether ``pid`` means anything here: boot and process namespace, hashed.
        born: start time of the process in clock ticks, since numbers are used again; 0 if unknown.
    """

    host: str
    pid: int
    since: str
    machine: str
    born: int

    def line(self) -> str:
        """As one line of text for the phone."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}, since {self.since}"


def ourselves() -> Holder:
    """The process that runs this."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        since=utc_now(),
        machine=_machine(),
        born=_born(os.getpid()),
    )


def read(line: str) -> Holder | None:
    """The holder that a line names, None if it is not one of ours or was cut."""
    try:
        values = json.loads(line)
        return Holder(
            host=str(values["host"]),
            pid=int(values["pid"]),
            since=str(values["since"]),
            machine=str(values["machine"]),
            born=int(values["born"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def is_dead(holder: Holder | None, age_s: float) -> bool:
    """Whether the lock of that holder may be taken over.

    Args:
        holder: as the lock names it, None where it cannot be read.
        age_s: since its last sign.
    """
    if holder is not None and holder.machine == _machine():
        return not _alive(holder)
    return age_s > SILENCE_S


def _alive(holder: Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not holder.born or _born(holder.pid) in (0, holder.born)


def _born(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = str(uuid.getnode()), ""
    return hashlib.sha256(f"{boot} {space}".encode()).hexdigest()[:16]
