"""``bench history``: one model over all its reports, as a table and as a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import cache
from bench.cli import GOOD
from bench.errors import UsageError
from bench.report.history import History, load, picture, tables

TEXTS: Mapping[str, Callable[[History], str]] = {
    ".txt": tables.text,
    ".md": tables.markdown,
    ".csv": tables.csv,
}


def history(asked: argparse.Namespace) -> int:
    """Carry out ``bench history``."""
    outputs = [_output(text) for text in asked.output]
    found = load(Path(asked.reports), _name(asked.model))
    for note in found.notes:
        print(note, file=sys.stderr)
    print(tables.text(found), end="")
    for path in outputs:
        if path.suffix in TEXTS:
            cache.write(path, TEXTS[path.suffix](found).encode())
        else:
            cache.write(path, picture.draw(found, path.suffix.removeprefix(".")))
    return GOOD


def _name(model: str) -> str:
    """The name that reports bear: of a file, that without its folder and suffix."""
    path = Path(model)
    return path.stem if path.suffix in (".keras", ".h5", ".tflite", ".lite") else path.name


def _output(text: str) -> Path:
    """Refused before anything is read and drawn."""
    path = Path(text)
    known = (*TEXTS, *picture.SUFFIXES)
    if path.suffix not in known:
        raise UsageError(
            f"-o {text}: no history has the suffix {path.suffix!r}", hint=f"use {', '.join(known)}"
        )
    if not path.parent.is_dir():
        raise UsageError(f"-o {text}: no folder {path.parent}", hint="make it first")
    if path.suffix in picture.SUFFIXES:
        picture.require()
    return path
