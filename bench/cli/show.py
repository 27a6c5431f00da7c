"""Show a report file: the table on standard output, other formats where they were asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import cache, plugins
from bench.cli import FAILED, GOOD
from bench.records import read
from bench.report import assemble
from bench.text import count


def report(path: Path, wanted: Sequence[tuple[Path | None, str]], *, quiet: bool) -> int:
    """Read, assemble, render; the exit code says whether any cell failed."""
    records = read(path)
    assembled = assemble(records)
    if not any(target is None for target, _ in wanted):
        text = plugins.load("formats", "text").render(assembled, colour=_colour())
        print(text)
    for target, name in wanted:
        rendered = plugins.load("formats", name).render(assembled)
        if target is None:
            print(rendered, end="")
        else:
            cache.write(target, rendered.encode())
    if not quiet:
        print(
            f"saved {path} ({count(len(records.launches), 'launch', 'launches')})", file=sys.stderr
        )
    return FAILED if any(not failure.discarded for failure in assembled.failures) else GOOD


def _colour() -> bool:
    """Only on a terminal, and not where the user has asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
