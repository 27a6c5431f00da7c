"""``bench clean``: remove from phones what we pushed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.cli import GOOD, _shared
from bench.errors import TargetError

DESCRIPTION = "Remove our folder from phones, and nothing else."


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.PhoneArguments):
    """What can be typed behind ``bench clean``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _shared.add_phones(parser)
    _shared.add_target_arguments(parser)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench clean``."""
    from bench.pipeline import choose
    from bench.targets import adb
    from bench.text import size

    options = asked.options()
    for kind, address in choose.named(asked.target, options):
        if kind != adb.KIND:
            raise TargetError(f"there is nothing of ours to clean on {kind}", hint="name a phone")
        count, total_bytes = adb.clean(address, options)
        print(f"{kind}:{address}: removed {count} files, {size(total_bytes)}")
    return GOOD
