"""``bench models``: the models that come along."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.cli import GOOD

DESCRIPTION = "List the models that come along."


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Nothing can be typed behind ``bench models``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench models``."""
    from bench import plugins
    from bench.cli import _show

    names = plugins.names("models")
    _show.rows([{"model": n, "what": plugins.load("models", n).SUMMARY} for n in names])
    return GOOD
