"""Whether a file can be written: said before any work, and in one line where it fails later."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NUMPY_CUT_SHORT = re.compile(r"^\d+ requested and \d+ written$")
"""All that an array's ``tofile`` says of a full disk; there is no errno."""
_OTHER_SCRATCH = "set TMPDIR to a folder that has more"


def unwritable(path: Path, fault: OSError, cure: str) -> StoreError:
    """What stands for an error of the system: the file, the reason, and what to do.

    Args:
        path: what was to be written.
        cure: where else it can be written; a full disk has a cure of its own.
    """
    if lacks_room(fault):
        cure = f"make room on the disk, or {cure}"
    return StoreError(f"cannot write {path} ({_reason(path, fault)})", hint=cure)


@contextmanager
def writing(path: Path, cure: str) -> Iterator[None]:
    """Turn errors of the system into one line, see :func:`unwritable`.

    Raises:
        StoreError: the system does not let us write.
    """
    try:
        yield
    except OSError as fault:
        raise unwritable(path, fault, cure) from fault


def require(path: Path, cure: str) -> None:
    """See that a file can be written, in a folder that may be missing yet, and leave no trace.

    Raises:
        StoreError: it cannot.
    """
    with writing(path, cure):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _try(path.absolute().parent)


def require_folder(folder: Path, cure: str) -> None:
    """See that files can be written into a folder, which may be missing yet, and leave no trace.

    Raises:
        StoreError: they cannot.
    """
    with writing(folder, cure):
        _try(folder.absolute())


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of our own for the time of a block, deleted after it.

    Raises:
        StoreError: it cannot be made, or the disk that it is on is full.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="tflite-bench-")
    except OSError as fault:
        raise StoreError(
            f"no folder for temporary files ({fault.strerror})", hint=_OTHER_SCRATCH
        ) from fault
    with made as name:
        try:
            yield Path(name)
        except OSError as fault:
            if not lacks_room(fault):
                raise
            raise scratch_is_full(Path(fault.filename or name)) from fault


def scratch_is_full(path: Path) -> StoreError:
    """What stands for a temporary file that found no room."""
    return StoreError(
        f"cannot write {path} (no room is left on the disk)",
        hint=f"make room there, or {_OTHER_SCRATCH}",
    )


def lacks_room(fault: OSError) -> bool:
    """Whether it tells of a disk that is full."""
    return fault.errno in _NO_ROOM or _NUMPY_CUT_SHORT.match(str(fault)) is not None


def _try(folder: Path) -> None:
    """Write there, or where it would be made: no mode tells what a system allows."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    with tempfile.NamedTemporaryFile(dir=there, prefix=".new-"):
        pass


def _reason(path: Path, fault: OSError) -> str:
    """In plain words where the system's own mislead: *File exists* for a folder under a file."""
    folders = (path, *path.parents) if fault.errno == errno.ENOTDIR else path.parents
    in_the_way = next((each for each in folders if each.is_file()), None)
    if in_the_way is not None:
        return f"{in_the_way} is a file, not a folder"
    return os.strerror(fault.errno) if fault.errno else str(fault)
