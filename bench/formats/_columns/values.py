"""One column of a table of variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """A column with the cells of all rows, as text.

    Attributes:
        key: what ``--columns`` calls it, a name of ``bench.report.view.COLUMNS``; several may share
            one (a model with two metrics has two columns of it). Empty where it cannot be left out.
        header: what stands above it, below its group.
        cells: one per row.
        brief: the same in fewer letters, for where there is no room; empty where there is nothing
            to leave out.
        group: what stands above several columns; empty for none.
        align: of the cells, on a terminal.
        title: what it is called where no group stands above it; empty is the header.
        follows: the key of the column that its header belongs to, which then stands before it.
    """

    key: str
    header: str
    cells: tuple[str, ...]
    brief: tuple[str, ...] = ()
    group: str = ""
    align: Literal["left", "right"] = "right"
    title: str = ""
    follows: str = ""

    @property
    def name(self) -> str:
        """What it is called alone."""
        return self.title or self.header

    @property
    def heading(self) -> str:
        """What it is called where groups are not drawn, and the column before stands there."""
        return self.header if self.follows else self.name

    @property
    def is_empty(self) -> bool:
        """Whether no row has a figure."""
        return not any(cell not in ("", "-") for cell in self.cells)
