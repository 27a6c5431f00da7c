"""Where built variants, fetched tools and figures that need not be made twice are kept.

The folder is ``$TFLITE_BENCH_CACHE``, else ``$XDG_CACHE_HOME/tflite-bench``, else
``~/.cache/tflite-bench``. All of it can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.writable import writing


def folder(*names: str) -> Path:
    """A folder inside the cache, made where it is missing.

    Raises:
        StoreError: it cannot be made.
    """
    given = os.environ.get("TFLITE_BENCH_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = Path(given) if given else Path(base).expanduser() / "tflite-bench"
    path = root.joinpath(*names)
    with writing(path, "set TFLITE_BENCH_CACHE to a folder you may write"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def key(facts: Any) -> str:
    """A name for anything JSON-able: equal facts, equal name."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    # Not by tempfile, whose files their owner alone may read.
    temporary = path.with_name(f".new-{uuid.uuid4().hex}")
    try:
        with writing(path, "choose a folder you may write"):
            with temporary.open("xb") as file:
                file.write(content)
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def hash_files(paths: Iterable[Path]) -> str:
    """The SHA-256 over the names and contents of files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
