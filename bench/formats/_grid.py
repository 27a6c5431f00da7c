"""A table as text cells, before any format draws it."""

from __future__ import annotations

from dataclasses import dataclass

DITTO = "″"
"""Stands for the name above it."""


@dataclass(frozen=True)
class Grid:
    """One table: a title, headers, rows of equal length, and notes below.

    ``figures`` is how many columns after the first are drawn to the right on a terminal. ``groups``
    is what the first cell of each row begins with, where rows belong together by it.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    figures: int = 4
    groups: tuple[str, ...] = ()

    def grouped_rows(self) -> list[tuple[str, ...]]:
        """The rows as a reader takes them who cannot sort: a group's name stands once."""
        if not self.groups:
            return list(self.rows)
        width = max(map(len, self.groups))
        found = []
        for index, (group, (first, *others)) in enumerate(zip(self.groups, self.rows, strict=True)):
            head = DITTO if index and self.groups[index - 1] == group else group
            found.append((f"{head:<{width}} {first.removeprefix(group)}", *others))
        return found
