"""One more record for a report file that is written already."""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, encode
from bench.records.appended import AppendedFile


def add(path: Path, value: Record) -> None:
    """Write one line at the end of a file.

    Raises:
        StoreError: it cannot be written, or another process writes it.
    """
    file = AppendedFile(path)
    try:
        file.open(fresh=False)
        file.append((encode(value) + "\n").encode())
    finally:
        file.close()
