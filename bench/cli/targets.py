"""``bench targets``: what launches can run on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cli import FAILED, GOOD, _shared
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.plugins import Plugin
    from bench.targets import TargetStatus

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
    rows: list[dict[str, str]] = []
    for plugin in plugins.found("targets"):
        found = _discover(plugin, options)
        rows += [
            {
                "target": status.target,
                "state": status.state,
                "what": status.label,
                "from": plugin.origin,
                "hint": status.hint,
            }
            for status in found
        ]
    _show.rows(rows)
    return FAILED if any(row["hint"] for row in rows) else GOOD


def _discover(plugin: Plugin, options: Mapping[str, str]) -> Sequence[TargetStatus]:
    """What a kind of target finds; a plugin of another package that is broken is told as one."""
    from bench import plugins
    from bench.targets import TargetStatus

    if plugin.hidden:
        hint = f"uninstall {plugin.package}, or have it renamed"
        return [TargetStatus(plugin.name, "hidden by another of that name", "", hint)]
    try:
        found: Sequence[TargetStatus] = plugins.load("targets", plugin.name).discover(options)
    except BenchError as error:
        if not plugin.package:
            raise
        return [TargetStatus(plugin.name, "broken", error.message, error.hint)]
    return found
