"""Files and folders that travel in pieces, by the hash of their content, and are kept.

What a machine has is not sent to it again. What it has received lies in its cache, of which what
was not used for longest is deleted where all of it takes more than :data:`MOST_BYTES`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from bench import cache
from bench.errors import StoreError
from bench.writable import writing

PIECE_BYTES = 4 << 20
"""Sent at once: Dask holds a whole message in memory, here, on the scheduler and there."""

MOST_BYTES = 20 << 30
"""Of all that a machine has received and keeps."""

LATE_S = 86_400.0
"""A parcel of which no piece arrived for so long will never be whole."""

CURE = "set TFLITE_BENCH_CACHE there to a folder with room"


@dataclass(frozen=True)
class Parcel:
    """A file, or a folder as a zip file, by its content.

    Attributes:
        name: of the file or folder, which it gets again where it arrives.
        packed: it is a folder.
    """

    name: str
    sha256: str
    size_bytes: int
    packed: bool = False


def of_file(path: Path) -> Parcel:
    """A file as it is."""
    return Parcel(path.name, _hash(path), path.stat().st_size)


def of_folder(name: str, files: Mapping[str, Path], packed: Path) -> Parcel:
    """Files under the names that they get within a folder.

    Args:
        name: of that folder.
        packed: where the zip file is written; equal files give equal ones.

    Raises:
        StoreError: it cannot be written.
    """
    with writing(packed, "set TMPDIR to a folder with room"):
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for inside in sorted(files):
                # Without a date, which would make equal folders unequal.
                entry = archive.open(zipfile.ZipInfo(inside), "w", force_zip64=True)
                with entry as target, files[inside].open("rb") as source:
                    shutil.copyfileobj(source, target, 1 << 20)
        return Parcel(name, _hash(packed), packed.stat().st_size, packed=True)


def pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """A file piece by piece, each with its offset; an empty file is one empty piece."""
    with path.open("rb") as file:
        offset = 0
        while (piece := file.read(PIECE_BYTES)) or not offset:
            yield offset, piece
            offset += len(piece)
            if not piece:
                return


def missing(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Those that are not kept here; the others are marked as used."""
    found = []
    for parcel in parcels:
        if _home(parcel).is_file():
            os.utime(_home(parcel))
        else:
            found.append(parcel)
    return found


def add(parcel: Parcel, sender: str, offset: int, piece: bytes) -> None:
    """Keep a piece; those of one sender arrive in order.

    Raises:
        StoreError: it cannot be written.
    """
    arriving = _arriving(parcel, sender)
    with writing(arriving, CURE), arriving.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        file.write(piece)


def finish(parcel: Parcel, sender: str) -> None:
    """See that all of a parcel has arrived, and keep it.

    Raises:
        StoreError: its content is not what was sent, or there is no room for it.
    """
    arriving, home = _arriving(parcel, sender), _home(parcel)
    with FileLock(home.with_suffix(".lock")), writing(home, CURE):
        if _hash(arriving) != parcel.sha256:
            arriving.unlink()
            raise StoreError(f"{parcel.name} was damaged on its way", hint="try again")
        folder = home.with_suffix("")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if parcel.packed:
            with zipfile.ZipFile(arriving) as archive:
                archive.extractall(folder / parcel.name)
            arriving.unlink()
        else:
            arriving.replace(folder / parcel.name)
        home.write_text(str(parcel.size_bytes))  # last of all: a parcel with this is whole
    _trim(keep=home)


def path_of(parcel: Parcel) -> Path:
    """The file or folder where it is kept."""
    return _home(parcel).with_suffix("") / parcel.name


def _home(parcel: Parcel) -> Path:
    """The file that says that a parcel is whole, beside the folder that holds it."""
    # Equal content under another name, such as a module's, is another parcel where it arrives.
    key = cache.key([parcel.name, parcel.sha256, parcel.packed])
    return cache.folder("received") / f"{key}.whole"


def _arriving(parcel: Parcel, sender: str) -> Path:
    return _home(parcel).with_suffix(f".{sender}")


def _trim(keep: Path) -> None:
    """Delete what was not used for longest where there is too much, and what never arrived."""
    for path in keep.parent.iterdir():
        arriving = path.is_file() and path.suffix not in (".whole", ".lock")
        if arriving and time.time() - path.stat().st_mtime > LATE_S:
            path.unlink(missing_ok=True)
    kept = sorted(keep.parent.glob("*.whole"), key=lambda path: path.stat().st_mtime)
    total = sum(int(path.read_text() or 0) for path in kept)
    for path in kept:
        if total <= MOST_BYTES:
            return
        if path != keep:
            total -= int(path.read_text() or 0)
            path.unlink()
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
