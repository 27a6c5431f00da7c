"""Markdown tables, for pull requests and READMEs."""

from __future__ import annotations

from tabulate import tabulate

from bench.formats._tables import grids, problems
from bench.report import Report
from bench.text import escape_markdown

SUFFIX = ".md"


def render(report: Report, *, colour: bool = False) -> str:
    """One table per target; then what failed and what to know before believing a figure."""
    parts = []
    for grid in grids(report):
        body = tabulate(
            [[escape_markdown(cell) for cell in row] for row in grid.grouped_rows()],
            headers=[escape_markdown(header) for header in grid.headers],
            tablefmt="github",
            colalign=["left", *["right"] * (len(grid.headers) - 1)],
            disable_numparse=True,
        )
        parts.append("\n\n".join([f"**{escape_markdown(grid.title)}**", body, *grid.notes]))
    lines = problems(report)
    if lines:
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in lines))
    return "\n\n".join(parts) + "\n"
