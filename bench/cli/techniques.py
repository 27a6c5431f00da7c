"""``bench techniques``: what recipes can be made of."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.cli import GOOD

DESCRIPTION = "List what recipes can be made of, with all options."
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

    rows = []
    for name in plugins.names("techniques"):
        module = plugins.load("techniques", name)
        argument = f" Argument: {module.ARGUMENT}." if module.ARGUMENT else ""
        rows.append((name + (":…" if argument else ""), f"{module.SUMMARY}.{argument}"))
        rows += [(f" ,{key}=", text) for key, text in module.OPTIONS.items()]
        rows.append(("", ""))
    print(tabulate(rows[:-1], tablefmt="plain", maxcolwidths=[None, TEXT_WIDTH]))
    return GOOD
