"""Tables for the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

from tabulate import tabulate

from bench.formats._columns.choose import Chosen, choice_notes, fitted
from bench.formats._columns.lines import lines
from bench.formats._grid import Grid
from bench.formats._search import MOST_ROWS, trials
from bench.formats._tables import grids, problems
from bench.report import Report, harness_cost
from bench.report.searched import Searched, searched
from bench.report.view import VIEW, View
from bench.text import INDENT

SUFFIX = ".txt"
_COLOURS = (
    (re.compile(r"\b\d\S*x faster\b"), "32"),
    (re.compile(r"\b\d\S*x slower\b"), "31"),
    (re.compile(r"(?<=  )(?:wrong|differs)(?=  )"), "31;1"),
)


def render(report: Report, *, colour: bool = False, view: View = VIEW) -> str:
    """One table per target; then what failed and what to know before believing a figure.

    Args:
        report: what is shown.
        colour: whether the terminal has any.
        view: the columns wanted; without any, those that fit its width.
    """
    parts = [_table(grid, view) for grid in grids(report)]
    if report.end is not None:
        parts.append(_cost(report))
    if told := problems(report):
        parts.append("\n".join(told))
    if (found := searched(report)) is not None:
        parts += [_trials(found), _answer(found)]
    text = "\n\n".join(filter(None, parts)) + "\n"
    return _paint(text) if colour else text


def _table(grid: Grid, view: View) -> str:
    columns = (grid.names(), *grid.columns[1:])
    chosen = Chosen(columns)
    if grid.order:
        chosen = fitted(columns, replace(view, width=view.width - len(INDENT)), grid.order)
    notes = (*grid.notes_on(chosen.columns), *choice_notes(chosen))
    body = (*lines(chosen.columns), *notes)
    return "\n".join([grid.title, "", *(INDENT + line for line in body)])


def _trials(found: Searched) -> str:
    """The trials as a table."""
    table = trials(found, MOST_ROWS)
    body = tabulate(table.cells, headers=table.headers, tablefmt="plain", disable_numparse=True)
    lines = (*body.splitlines(), *table.notes)
    return "\n".join(["trials", "", *(INDENT + line for line in lines)])


def _answer(found: Searched) -> str:
    """How it was chosen, and as the last line what to ship."""
    return "\n".join([*(INDENT + note for note in found.notes()), found.line()])


def _cost(report: Report) -> str:
    assert report.end is not None
    return (
        f"{INDENT}measured in {report.end.wall_s:.1f} s, "
        f"{harness_cost(report.end) * 100:.1f} % of it outside launches"
    )


def _paint(text: str) -> str:
    for pattern, code in _COLOURS:
        text = pattern.sub(rf"\033[{code}m\g<0>\033[0m", text)
    return re.sub(r"(?m)^(failed|warning):", r"\033[33m\1:\033[0m", text)
