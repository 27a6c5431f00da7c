"""A table as columns of text, before any format draws it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.formats._columns.values import Column

DITTO = "″"
"""Stands for the name above it."""


@dataclass(frozen=True)
class Note:
    """A line below a table; ``of`` are the keys of columns that it is about, empty for all."""

    text: str
    of: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grid:
    """One table: a title, columns of equal length, and notes below.

    Attributes:
        title: what it is of.
        columns: the first one names the rows.
        notes: lines below it.
        groups: what the first cell of each row begins with, where rows belong together by it.
        order: keys of columns, what matters most first, for where there is no room for all; empty
            where none can be left out.
    """

    title: str
    columns: tuple[Column, ...]
    notes: tuple[Note, ...] = ()
    groups: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def notes_on(self, columns: Iterable[Column]) -> tuple[str, ...]:
        """The lines that are about these columns."""
        shown = {column.key for column in columns}
        return tuple(note.text for note in self.notes if not note.of or note.of & shown)

    def names(self) -> Column:
        """The first column as a reader takes it who cannot sort: a group's name stands once."""
        first = self.columns[0]
        if not self.groups:
            return first
        width = max(map(len, self.groups))
        cells = []
        for index, (group, cell) in enumerate(zip(self.groups, first.cells, strict=True)):
            head = DITTO if index and self.groups[index - 1] == group else group
            cells.append(f"{head:<{width}} {cell.removeprefix(group).removeprefix(' @ ')}")
        return Column(first.key, first.header, tuple(cells), align="left")
