"""Markdown tables, for pull requests and READMEs."""

from __future__ import annotations

from collections.abc import Iterator

from tabulate import tabulate

from bench.formats._columns.choose import Chosen, choice_notes, named
from bench.formats._columns.values import Column
from bench.formats._search import trials
from bench.formats._tables import grids, problems
from bench.report import Report
from bench.report.searched import Searched, searched
from bench.report.view import VIEW, View
from bench.text import escape_markdown

SUFFIX = ".md"


def render(report: Report, *, colour: bool = False, view: View = VIEW) -> str:
    """One table per target; then what failed and what to know before believing a figure.

    Args:
        report: what is shown.
        colour: nothing here.
        view: the columns wanted; without any, all.
    """
    parts = []
    for grid in grids(report):
        columns = (grid.names(), *grid.columns[1:])
        chosen = named(columns, view) if grid.order else Chosen(columns)
        body = tabulate(
            list(zip(*map(_cells, chosen.columns), strict=True)),
            headers=[escape_markdown(column.heading) for column in chosen.columns],
            tablefmt="github",
            colalign=["left", *["right"] * (len(chosen.columns) - 1)],
            disable_numparse=True,
        )
        notes = (*grid.notes_on(chosen.columns), *choice_notes(chosen))
        parts.append("\n\n".join([f"**{escape_markdown(grid.title)}**", body, *notes]))
    lines = problems(report)
    if lines:
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in lines))
    if (found := searched(report)) is not None:
        parts = [f"**{escape_markdown(found.line())}**", *parts, *_search(found)]
    return "\n\n".join(parts) + "\n"


def _search(found: Searched) -> Iterator[str]:
    """How it was chosen, and all trials."""
    yield "\n".join(f"- {escape_markdown(note)}" for note in found.notes())
    table = trials(found)
    cells = [[escape_markdown(cell) for cell in row] for row in table.cells]
    yield "**All trials**"
    yield tabulate(cells, headers=table.headers, tablefmt="github", disable_numparse=True)
    yield from table.notes


def _cells(column: Column) -> list[str]:
    return [escape_markdown(cell) for cell in column.cells]
