"""A table as text cells, before any format draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """One table: a title, headers, rows of equal length, and notes below.

    ``figures`` is how many columns after the first are drawn to the right on a terminal.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    figures: int = 4
