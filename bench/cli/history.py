"""``bench history``: one model over all its reports, as a table and as a picture."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.cli import GOOD
from bench.errors import UsageError

DESCRIPTION = (
    "Show median, p99, size and accuracy of a model over all its saved runs, and where they "
    "changed. Figures of different phones or settings are never joined."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench history``."""

    model: str | None = None
    reports: Path = Path("reports")
    output: tuple[Path, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="the name or file that bench run was given, or one of its reports (default: the only "
        "one in the folder)",
    )
    parser.add_argument(
        "--reports", type=Path, metavar="FOLDER", help="where to look (default: reports)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        metavar="FILE",
        help="also write it there; the suffix picks the format: .html, .png, .svg, .txt, .md, "
        ".csv; may be repeated",
    )


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench history``."""
    from bench import cache
    from bench.report.history import load, page, picture, tables

    for path in asked.output:
        _check_output(path)
    found = load(*_where(asked))
    for note in found.notes:
        print(note, file=sys.stderr)
    print(tables.text(found), end="")
    for path in asked.output:
        if path.suffix in tables.FORMATS:
            cache.write(path, tables.FORMATS[path.suffix](found).encode())
        elif path.suffix == page.SUFFIX:
            cache.write(path, page.render(found).encode())
        else:
            cache.write(path, picture.draw(found, path.suffix.removeprefix(".")))
    return GOOD


def _where(asked: Arguments) -> tuple[Path, str | None]:
    """The folder of reports, and the model's name; a report stands for its folder and its model."""
    from bench.records import read

    folder = asked.reports.parent if asked.reports.is_file() else asked.reports
    if asked.model is None:
        one = asked.reports if asked.reports.is_file() else None
        return folder, None if one is None else read(one).session.model.name
    path = Path(asked.model)
    if path.suffix == ".jsonl":
        return path.parent, read(path).session.model.name
    if path.is_dir() and any(path.glob("*.jsonl")):
        return path, None
    return folder, _name(asked.model)


def _name(model: str) -> str:
    """The name that reports bear: of a file, that without its folder and suffix."""
    path = Path(model)
    return path.stem if path.suffix in (".keras", ".h5", ".tflite", ".lite") else path.name


def _check_output(path: Path) -> None:
    """Refused before anything is read and drawn."""
    from bench.charts import require
    from bench.cli import _show
    from bench.report.history import page, picture, tables

    known = (*tables.FORMATS, page.SUFFIX, *picture.SUFFIXES)
    if path.suffix not in known:
        raise UsageError(
            f"-o {path}: no history has the suffix {path.suffix!r}", hint=f"use {', '.join(known)}"
        )
    _show.require_writable(path)
    if path.suffix in picture.SUFFIXES:
        picture.require()
    if path.suffix == page.SUFFIX:
        require()
