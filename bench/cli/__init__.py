"""The command line: parse, wire, print, exit. The only package that prints.

Tables go to standard output; progress and warnings to standard error. Exit codes: 0 good, 1 a
regression was found, 2 the command cannot be carried out, 3 some cells failed (the rest is saved
and shown), 130 interrupted (what was measured is kept, and the same command goes on).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from bench.cli._parser import commands, module_of, parser, value
from bench.errors import BenchError, UsageError

GOOD, REGRESSION, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit code."""
    top = parser()
    asked = top.parse_args(arguments)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(ending, _interrupt)
    try:
        code = int(module_of(asked.command).carry_out(_arguments(top, asked)))
        sys.stdout.flush()  # or a closed pipe would be noticed at exit only, too late to be quiet
        return code
    except BenchError as error:
        print(f"bench: error: {' '.join(str(error).split())}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; without this Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD


def _arguments(top: argparse.ArgumentParser, asked: argparse.Namespace) -> Any:
    """What was typed, over the user's defaults, over ours."""
    from bench.cli import _defaults

    typed = vars(asked)
    theirs = _defaults.read(commands(top)[asked.command], typed)
    taken = value(module_of(asked.command).Arguments, {**theirs, **typed})
    if theirs and not getattr(taken, "quiet", True):
        told = ", ".join(name.replace("_", "-") for name in theirs)
        print(f"from {_defaults.FILE}: {told}", file=sys.stderr)
    return taken


def _interrupt(number: int, frame: FrameType | None) -> None:
    """SIGTERM and SIGHUP are taken like Ctrl-C: what was set is undone and files are closed."""
    raise KeyboardInterrupt
