"""Tables for the terminal."""

from __future__ import annotations

import re

from tabulate import tabulate

from bench.formats._grid import Grid
from bench.formats._tables import grids, problems
from bench.report import Report, harness_cost
from bench.text import INDENT

SUFFIX = ".txt"
_COLOURS = (
    (re.compile(r"\b\d\S*x faster\b"), "32"),
    (re.compile(r"\b\d\S*x slower\b"), "31"),
    (re.compile(r"(?<=  )(?:wrong|differs)(?=  )"), "31;1"),
)


def render(report: Report, *, colour: bool = False) -> str:
    """One table per target; then what failed and what to know before believing a figure."""
    parts = [_table(grid) for grid in grids(report)]
    if report.end is not None:
        parts.append(_cost(report))
    lines = problems(report)
    if lines:
        parts.append("\n".join(lines))
    text = "\n\n".join(filter(None, parts)) + "\n"
    return _paint(text) if colour else text


def _table(grid: Grid) -> str:
    body = tabulate(
        grid.grouped_rows(),
        headers=grid.headers,
        tablefmt="plain",
        colalign=[
            "left",
            *["right"] * grid.figures,
            *["left"] * (len(grid.headers) - 1 - grid.figures),
        ],
        disable_numparse=True,
    )
    lines = [INDENT + line.rstrip() for line in body.splitlines()]
    return "\n".join([grid.title, "", *lines, *(INDENT + note for note in grid.notes)])


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
