"""Where running phones keep their state, and the sweep of what a killed harness left there.

Each process that starts phones owns one folder, named by its id and start time. What it starts is
recorded in it by id and start time too. A folder whose owner is gone is swept at the next start.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from . import network, processes
from .host import LoopbackError, cache_dir

_counter = itertools.count()


def _runs() -> Path:
    path = cache_dir() / "run"
    path.mkdir(exist_ok=True)
    return path


def _owner_name(pid: int) -> str:
    process = processes.find(pid)
    if process is None:
        raise LoopbackError(f"no process {pid}")
    return f"{process.pid}-{process.start_ticks}"


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One at a time on this machine: laying cables, sweeping.

    Cables are the machine's, whichever cache a process uses, so the lock is on a folder of the
    machine's too; locking a folder leaves no file behind.
    """
    lock = os.open("/run", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def owned() -> Path:
    """The folder of this process; it is removed, if empty, when the process ends."""
    path = _runs() / _owner_name(os.getpid())
    if not path.exists():
        sweep()
        path.mkdir()
        atexit.register(release)
    return path


def release() -> None:
    """Remove this process's folder if nothing in it is in use any more."""
    with contextlib.suppress(OSError, LoopbackError):
        (_runs() / _owner_name(os.getpid())).rmdir()


def new(prefix: str) -> Path:
    """A fresh folder for one phone or server of this process."""
    path = owned() / f"{prefix}-{next(_counter)}"
    path.mkdir()
    return path


def record(folder: Path, pid: int) -> None:
    """Note a process started for `folder`, so that a later sweep can end it."""
    process = processes.find(pid)
    if process is not None:
        facts = {"pid": process.pid, "start_ticks": process.start_ticks}
        (folder / "process.json").write_text(json.dumps(facts))


def owners(*, alive: bool = True) -> list[Path]:
    """The folders of processes that are alive, or of those that are gone."""
    found = []
    for path in _runs().iterdir():
        pid, _, ticks = path.name.partition("-")
        if path.is_dir() and pid.isdigit() and ticks.isdigit():
            process = processes.find(int(pid))
            lives = process is not None and process.start_ticks == int(ticks) and process.alive()
            if lives == alive:
                found.append(path)
    return found


def sweep() -> list[str]:
    """End and remove what owners that are gone left behind; returns a line for each."""
    swept = []
    with locked():
        for owner in owners(alive=False):
            pid = owner.name.partition("-")[0]
            for record_file in owner.glob("*/process.json"):
                if _end_recorded(record_file):
                    swept.append(f"ended what {record_file.parent.name} of process {pid} left")
            shutil.rmtree(owner, ignore_errors=True)
            swept.append(f"removed what process {pid} left")
        network.remove_guard_if_unused()
    return swept


def _end_recorded(record_file: Path) -> bool:
    try:
        facts = json.loads(record_file.read_text())
    except ValueError:
        return False  # killed while it wrote; its phone ended with the pipe it held
    process = processes.find(int(facts["pid"]))
    if process is None or process.start_ticks != facts["start_ticks"] or not process.alive():
        return False
    return process.kill()
