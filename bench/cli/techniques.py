"""``bench techniques``: what recipes can be made of."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cli import GOOD
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.plugins import Plugin

DESCRIPTION = "List what recipes can be made of, with all options and where it comes from."
TEXT_WIDTH = 76


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Nothing can be typed behind ``bench techniques``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench techniques``."""
    from tabulate import tabulate

    from bench import plugins

    rows: list[tuple[str, str]] = []
    for plugin in plugins.found("techniques"):
        rows += [*_rows(plugin), ("", "")]
    print(tabulate(rows[:-1], tablefmt="plain", maxcolwidths=[None, TEXT_WIDTH]))
    return GOOD


def _rows(plugin: Plugin) -> list[tuple[str, str]]:
    """One technique: what it does, its argument, and its options with their defaults."""
    from bench import plugins

    origin = f" From {plugin.package}." if plugin.package else ""
    if plugin.hidden:
        return [(plugin.name, f"Hidden by another of that name.{origin}")]
    try:
        module = plugins.load("techniques", plugin.name)
    except UsageError as error:
        return [(plugin.name, f"Broken: {error}")]
    argument = f" Argument: {module.ARGUMENT}." if module.ARGUMENT else ""
    rows = [(plugin.name + (":…" if argument else ""), f"{module.SUMMARY}.{argument}{origin}")]
    defaults = getattr(module, "DEFAULTS", {})
    for key, text in module.OPTIONS.items():
        told = "default" in text  # with its reason
        default = f" (default: {defaults[key]})" if key in defaults and not told else ""
        rows.append((f" ,{key}=", f"{text}{default}"))
    return rows
