"""A file that grows line by line while we measure, and is not lost though somebody deletes it."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout

from bench.errors import StoreError
from bench.writable import require, writing

INSTEAD = "give a --report FILE that you may write"
"""The cure where the file cannot be written."""

_log = logging.getLogger(__name__)


class AppendedFile:
    """Held by one process alone; :meth:`open` comes before :meth:`append`.

    Args:
        path: its folder is made where it is missing.
        warn: told where it is, once it had to be written elsewhere.

    Raises:
        StoreError: the folder cannot be written, or another process holds the file.
    """

    def __init__(self, path: Path, warn: Callable[[str], None] = _log.warning) -> None:
        self.path = path
        self._warn = warn
        self._lock = _locked(path)
        self._file: FileIO | None = None

    def open(self, *, fresh: bool) -> None:
        """Begin at the end of what is there, or anew. Raises StoreError."""
        # Unbuffered: after a full disk nothing is left to be written again at the end.
        with writing(self.path, INSTEAD):
            self._file = self.path.open("w+b" if fresh else "a+b", buffering=0)

    def append(self, content: bytes) -> None:
        """Hand it to the system at once. Raises StoreError: the disk is full."""
        assert self._file is not None
        self._keep(self._file)
        with writing(self.path, INSTEAD):
            _write_all(self._file, content)

    def close(self) -> None:
        """Let it go, once it is sure that what was written can be found. Raises StoreError."""
        try:
            if self._file is not None:
                self._keep(self._file)
        finally:
            if self._file is not None:
                self._file.close()
            self._file = None
            self._lock.close()

    def _keep(self, file: FileIO) -> None:
        """Write a file that was deleted anew, under its name or in the folder for scratch files."""
        with contextlib.suppress(OSError):  # it is gone, or its folder, or where that was seen from
            if os.path.samestat(self.path.stat(), os.fstat(file.fileno())):
                return
        file.seek(0)  # what was deleted can still be read by who has it open
        content = file.read()
        self._lock.close()
        failure: Exception | None = None
        for folder in (self.path.parent, Path(tempfile.gettempdir())):
            fresh = free(folder, self.path.stem)
            try:
                self._file, self._lock = _written(fresh, content)
            except (OSError, StoreError) as fault:
                failure = fault
                continue
            file.close()
            self._warn(f"{self.path} was deleted: all that was measured is in {fresh}")
            self.path = fresh
            return
        raise StoreError(
            f"{self.path} was deleted, and cannot be written anew ({failure})",
            hint="give a --report FILE that you may write, and leave it there while we measure",
        ) from failure


def free(folder: Path, stem: str) -> Path:
    """``STEM.jsonl``, or ``STEM-2.jsonl`` and so on where that exists."""
    path, number = folder / f"{stem}.jsonl", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.jsonl"
    return path


def _locked(path: Path) -> contextlib.ExitStack:
    """Make the folder and hold the file for this process alone. Raises StoreError."""
    opened = contextlib.ExitStack()
    require(path, INSTEAD)  # for a lock that cannot be made looks like one that is held
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with writing(path, INSTEAD):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout as fault:
            raise StoreError(
                f"another process is writing {path}", hint="wait for it, or give --report FILE"
            ) from fault

    def unlock() -> None:
        lock.release()
        with contextlib.suppress(OSError):  # its folder may be gone
            Path(lock.lock_file).unlink(missing_ok=True)

    opened.callback(unlock)
    return opened


def _written(path: Path, content: bytes) -> tuple[FileIO, contextlib.ExitStack]:
    """A new file with that content, open, and its lock. Raises OSError, StoreError."""
    with contextlib.ExitStack() as undo:
        lock = undo.enter_context(_locked(path))
        file = undo.enter_context(path.open("x+b", buffering=0))
        _write_all(file, content)
        undo.pop_all()
    return file, lock


def _write_all(file: FileIO, content: bytes) -> None:
    while content:
        content = content[file.write(content) :]
