"""``bench parse``: what a benchmark_model log says, one JSON line per run."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.cli import FAILED, GOOD
from bench.errors import UsageError

DESCRIPTION = (
    "Read the output of TFLite's benchmark_model, of any version: one JSON line per run, with its "
    "figures or with the class of its error. Exit 3 where there is an error."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench parse``."""

    logs: tuple[str, ...]
    exit_code: int | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a file, or - for standard input")
    parser.add_argument(
        "--exit-code", type=int, metavar="N", help="the tool's exit code, where it is known"
    )


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench parse``: exit 3 where a run has an error instead of a figure."""
    from bench import benchmark_model

    failed = False
    for name in asked.logs:
        for run in benchmark_model.parse(_read(name), exit_code=asked.exit_code):
            failed |= isinstance(run, benchmark_model.ToolFault)
            named = {"log": name} if len(asked.logs) > 1 else {}
            print(json.dumps({**named, **benchmark_model.to_json(run)}, ensure_ascii=False))
    return FAILED if failed else GOOD


def _read(name: str) -> str:
    """A log's text; bytes that are not UTF-8 are replaced, since tools print what they like."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as fault:
        raise UsageError(
            f"cannot read {name} ({fault.strerror})", hint="give the output of benchmark_model"
        ) from fault
    return content.decode("utf-8", errors="replace")
