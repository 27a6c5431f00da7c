"""``bench inspect``: what is in a .tflite file."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.cli import GOOD

DESCRIPTION = "Show what is in a .tflite file."


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench inspect``."""

    model: Path
    json: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", type=Path, metavar="FILE.tflite", help="any .tflite file")
    parser.add_argument("--json", action="store_true", help="all facts, as JSON")


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench inspect``."""
    from bench.cli import _show
    from bench.records.encoding import encode
    from bench.tflite.facts import check_file, read_facts
    from bench.tflite.rows import fact_rows

    check_file(asked.model, runnable=False)
    facts = read_facts(asked.model)
    if asked.json:
        print(encode(facts, indent=2).decode())
        return GOOD
    for title, rows in fact_rows(facts).items():
        print(f"{title}\n")
        _show.rows(rows)
        print()
    return GOOD
