"""Processes told apart by id and start time, so that a reused id is never taken for the old one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process, as the host sees it."""

    pid: int
    start_ticks: int
    uid: int
    name: str
    command: str

    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] == self.start_ticks and stat[2] not in "ZX"

    def kill(self, number: int = signal.SIGKILL, timeout_s: float = 10.0) -> bool:
        """Send a signal, and for SIGKILL or SIGTERM wait until it is gone; True if it is."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive():
                return True
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if number not in (signal.SIGKILL, signal.SIGTERM):
                return False
            return bool(select.select([handle], [], [], timeout_s)[0])
        finally:
            os.close(handle)


def _stat(pid: int) -> tuple[int, int, str] | None:
    """Start time in ticks, parent's id and state letter of a process, None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may hold blanks and parentheses itself.
    fields = text.rpartition(")")[2].split()
    return int(fields[19]), int(fields[1]), fields[0]


def find(pid: int) -> Process | None:
    """The process of an id, None if there is none."""
    stat = _stat(pid)
    if stat is None:
        return None
    folder = Path(f"/proc/{pid}")
    try:
        words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        name = (folder / "comm").read_text().rstrip("\n")
        uid = folder.stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Process(pid, stat[0], uid, name, b" ".join(words).decode(errors="replace"))


def children(pid: int) -> list[Process]:
    """The direct children of a process."""
    return [p for other in _pids() if (_stat(other) or (0, -1))[1] == pid and (p := find(other))]


def in_namespace_of(pid: int) -> list[Process]:
    """Every process in the pid namespace of `pid`, itself included; no zombies."""
    try:
        wanted = Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except (FileNotFoundError, ProcessLookupError):
        return []
    found = []
    for other in _pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if Path(f"/proc/{other}/ns/pid").stat().st_ino == wanted:
                process = find(other)
                if process is not None and process.alive():
                    found.append(process)
    return sorted(found, key=lambda process: (process.start_ticks, process.pid))


def sockets(pid: int) -> dict[int, str]:
    """The open sockets of a process: inode to family and state, '?' for a family not namespaced.

    A socket that none of its network namespace's tables lists is of a family that the namespace
    does not contain, such as vsock.
    """
    families = {}
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix", "netlink", "packet"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                inode = {"unix": 6, "netlink": 9, "packet": 8}.get(table, 9)
                if len(words) > inode and words[inode].isdigit():
                    families[int(words[inode])] = f"{table} {words[1]} {words[3]}"
    opened = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                inode = int(target[8:-1])
                opened[inode] = families.get(inode, "?")
    return opened


def listeners(pid: int) -> set[tuple[str, int]]:
    """Each address and port on which anything in the network namespace of `pid` listens."""
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A":  # LISTEN
                    digits, _, port = words[1].partition(":")
                    # The kernel prints the address as words in the machine's byte order.
                    parts = [bytes.fromhex(digits[i : i + 8]) for i in range(0, len(digits), 8)]
                    packed = b"".join(p[::-1] if sys.byteorder == "little" else p for p in parts)
                    found.add((socket.inet_ntop(family, packed), int(port, 16)))
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
