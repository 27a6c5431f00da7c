"""``bench targets``: what launches can run on."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.cli import FAILED, GOOD, _shared

DESCRIPTION = "List what launches can run on, and what to do where a device is not ready (exit 3)."


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.TargetArguments):
    """What can be typed behind ``bench targets``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _shared.add_target_arguments(parser)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench targets``."""
    from bench import plugins
    from bench.cli import _show

    options = asked.options()
    statuses = [
        status
        for kind in plugins.names("targets")
        for status in plugins.load("targets", kind).discover(options)
    ]
    _show.rows(
        [{"target": s.target, "state": s.state, "what": s.label, "hint": s.hint} for s in statuses]
    )
    return GOOD if all(status.ready for status in statuses) else FAILED
