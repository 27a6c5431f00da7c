"""``bench parse``: what a benchmark_model log says, one JSON line per run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import benchmark_model
from bench.cli import FAILED, GOOD
from bench.errors import UsageError


def parse(asked: argparse.Namespace) -> int:
    """Carry out ``bench parse``: exit 3 where a run has an error instead of a figure."""
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
