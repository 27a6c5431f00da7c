"""Columns as lines of text of equal width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len

from bench.formats._columns.values import Column

GAP = 2
"""Blanks between two columns."""


def lines(columns: Sequence[Column]) -> Iterator[str]:
    """The groups where there are any, the headers, and a line per row; no blank at a line's end."""
    widths = list(map(_width, columns))
    if any(column.group for column in columns):
        yield _groups(columns, widths)
    yield _line([column.header for column in columns], columns, widths)
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield _line(cells, columns, widths)


def width_of(columns: Sequence[Column]) -> int:
    """Letters of the widest of those lines."""
    widths = list(map(_width, columns))
    whole = sum(widths) + GAP * max(len(widths) - 1, 0)
    return max(whole, cell_len(_groups(columns, widths)))


def _width(column: Column) -> int:
    """Letters of its widest cell, or of its header."""
    return max(map(cell_len, (column.header, *column.cells)))


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        blanks = " " * (width - cell_len(cell))
        padded.append(cell + blanks if column.align == "left" else blanks + cell)
    return (" " * GAP).join(padded).rstrip()


def _groups(columns: Sequence[Column], widths: Sequence[int]) -> str:
    """Each group above the first letter of its columns' headers."""
    line, begin = "", 0
    for group, members in groupby(zip(columns, widths, strict=True), lambda pair: pair[0].group):
        each = list(members)
        first, width = each[0]
        indent = 0 if first.align == "left" else width - cell_len(first.header)
        if group:
            at = max(begin + indent, cell_len(line) + GAP if line else 0)
            line += " " * (at - cell_len(line)) + group
        begin += sum(width + GAP for _, width in each)
    return line
