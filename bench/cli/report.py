"""``bench report``: show a saved run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import options, show


def report(asked: argparse.Namespace) -> int:
    """Carry out ``bench report``."""
    return show.report(Path(asked.file), options.outputs(asked), quiet=True)
