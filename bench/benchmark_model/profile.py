"""The table of ops that take the time, as benchmark_model prints it with ``--enable_op_profiling``.

Columns came and went over the versions (``[start]`` is gone since 2.10), so each table is read by
its own header. Only the "Run Order" tables are read: the others hold the same ops again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bench.benchmark_model.lines import Line


@dataclass(frozen=True)
class OpTime:
    """What one op took, on average over the measured runs.

    Attributes:
        op: the op's type, such as ``CONV_2D``, or the delegate's own word.
        name: of the op's output tensor and its place, as printed.
        avg_us: per inference, with a grain of 1 us.
        percent: of all ops' time.
        calls: per inference.
        inside: ``graph``, or ``delegate`` for a row that splits up a delegate's own row.
    """

    op: str
    name: str
    avg_us: float
    percent: float
    calls: int
    inside: str = "graph"


_RULE = re.compile(r"^=+ (?P<title>.+?) =+$")
_CELLS = re.compile(r"\t\s*|\s{2,}")


class ProfileReader:
    """Collects the rows from the lines of one run, in the order they come."""

    def __init__(self) -> None:
        self.rows: list[OpTime] = []
        self._of_runs = True  # False within the profile of the initialization
        self._inside = "graph"
        self._in_table = False
        self._header: list[str] = []

    def take(self, line: Line) -> None:
        """Look at the next line; a row that may be torn is left out."""
        text = line.text
        if "Profiling Info for" in text:
            self._of_runs, self._inside = "Initialization" not in text, "graph"
            self._in_table = False
        elif text.startswith("Delegate internal:"):
            self._inside = "delegate"
        elif rule := _RULE.match(text):
            self._in_table, self._header = rule["title"] == "Run Order", []
        elif self._in_table and self._of_runs and not line.cut:
            self._take_row(_CELLS.split(text.strip()))

    def _take_row(self, cells: list[str]) -> None:
        if cells[0].lower() == "[node type]":
            self._header = [cell.strip("[]").lower() for cell in cells]
            return
        if not self._header or len(cells) != len(self._header):
            return
        row = dict(zip(self._header, cells, strict=True))
        try:
            op = OpTime(
                op=row["node type"],
                name=row["name"],
                avg_us=round(float(row["avg ms"]) * 1000, 3),
                percent=float(row["%"].rstrip("%")),
                calls=int(row["times called"]),
                inside=self._inside,
            )
        except (KeyError, ValueError):  # not a row of this table: noise of the same shape
            return
        self.rows.append(op)
