"""``bench report``: show a saved run again."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.cli import _shared

DESCRIPTION = "Show a saved run again, in any format."


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.OutputArguments):
    """What can be typed behind ``bench report``."""

    file: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="what bench run saved")
    _shared.add_output_arguments(parser)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench report``."""
    from bench.cli import _show
    from bench.records import read
    from bench.report import assemble

    wanted = _show.outputs(asked.output)
    return _show.show(assemble(read(asked.file)), wanted, asked.columns, quiet=True)
