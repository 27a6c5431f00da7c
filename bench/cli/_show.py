"""Show a report: the table on standard output, other formats where they were asked for."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench import cache, plugins, writable
from bench.cli import FAILED, GOOD
from bench.errors import UsageError
from bench.report import Report
from bench.report.answer import answers
from bench.report.view import READABLE, View
from bench.text import count

Outputs = Sequence[tuple[Path | None, str]]
"""Path (None is standard output) and name of a format."""


def show(report: Report, wanted: Outputs, columns: Sequence[str] = (), *, quiet: bool) -> int:
    """Render a report; the exit code says whether any cell failed.

    Args:
        report: what is shown.
        wanted: where, besides the table on standard output.
        columns: of tables of variants, by name; empty is what suits each format.
        quiet: whether not to say where the report is.
    """
    if not any(target is None for target, _ in wanted):
        view = View(tuple(columns), _width())
        text = plugins.load("formats", "text").render(report, colour=_colour(), view=view)
        print("\n".join([text, *(f"{line}\n" for line in answers(report))]), end="")
    for target, name in wanted:
        rendered = _rendered(name, report, View(tuple(columns)))
        if target is None:
            print(rendered, end="")
        else:
            cache.write(target, rendered if isinstance(rendered, bytes) else rendered.encode())
    if not quiet:
        launches = count(len(report.all_launches), "launch", "launches")
        print(f"saved {report.path} ({launches})", file=sys.stderr)
    return FAILED if any(not failure.discarded for failure in report.failures) else GOOD


def _rendered(name: str, report: Report, view: View) -> Any:
    """By a format, with the view where it takes one."""
    render = plugins.load("formats", name).render
    if "view" in inspect.signature(render).parameters:
        return render(report, view=view)
    return render(report)


def _width() -> int:
    """Letters in a line: what is readable, and more on a terminal that is wider."""
    if not sys.stdout.isatty():
        return READABLE
    return max(READABLE, shutil.get_terminal_size().columns)


def outputs(texts: Sequence[str]) -> Outputs:
    """Each ``-o`` as a path and the name of its format.

    Raises:
        UsageError: no format has that suffix, or the folder does not exist: said before anything
            is measured.
    """
    chosen: list[tuple[Path | None, str]] = []
    for text in texts:
        if text == "-":
            chosen.append((None, "md"))
            continue
        path = Path(text)
        name = _format_of(text, path.suffix)
        require_writable(path)
        require = getattr(plugins.load("formats", name), "require", None)
        if require is not None:
            require()
        chosen.append((path, name))
    return chosen


def require_writable(path: Path) -> None:
    """See that a file of ``-o`` can be written, before any work.

    Raises:
        UsageError: there is no such folder.
        StoreError: the system does not let us write there.
    """
    if not path.parent.exists():
        raise UsageError(f"-o {path}: no folder {path.parent}", hint="make it first")
    writable.require(path, "give another -o FILE")


def _format_of(text: str, suffix: str) -> str:
    """The format that has the suffix: ours before those of other packages."""
    formats: dict[str, str] = {}
    broken: list[UsageError] = []
    for plugin in sorted(plugins.found("formats"), key=lambda each: each.package):
        if plugin.hidden:
            continue
        try:
            formats.setdefault(plugins.load("formats", plugin.name).SUFFIX, plugin.name)
        except UsageError as error:
            broken.append(error)  # of another package: it matters only where it may be meant
    if suffix in formats:
        return formats[suffix]
    if broken:
        raise broken[0]
    raise UsageError(
        f"-o {text}: no format has the suffix {suffix!r}",
        hint=f"use {', '.join(sorted(formats))}",
    )


def rows(items: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of rows, with the keys as headers."""
    print(tabulate([dict(row) for row in items], headers="keys", disable_numparse=True))


def _colour() -> bool:
    """Only on a terminal, and not where the user has asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
