"""The trials of a search as cells of a table, for all formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.figures import Rows
from bench.report.search_figures import FAILED, loss_title, trial_rows
from bench.report.searched import Searched
from bench.text import count, duration, size

MOST_ROWS = 30
"""Of a table on a terminal; of more trials those alone that were on the front at their time."""


@dataclass(frozen=True)
class Trials:
    """A table of trials.

    Attributes:
        headers: of the columns.
        cells: one row each.
        rows: the figures behind them, in the same order.
        notes: lines below it.
    """

    headers: Sequence[str]
    cells: Sequence[Sequence[str]]
    rows: Rows
    notes: Sequence[str]


def trials(found: Searched, most: int | None = None) -> Trials:
    """All trials in their order; of more than ``most`` those that were on the front.

    Args:
        found: the search.
        most: rows; None is no limit.
    """
    rows = [row for row in trial_rows(found) if row["number"]]
    notes = [_how(found)]
    if most is not None and len(rows) > most:
        shown = [row for row in rows if row["joined"] is not None or row["name"]]
        left_out = count(len(rows) - len(shown), "trial")
        notes.append(f"not shown: {left_out} that others had beaten already, or that failed")
        rows = shown
    if found.search.dropped:
        dropped = count(len(found.search.dropped), "point")
        notes.append(
            f"{dropped} more were dropped before any training: too large, slow or no better"
        )
    timed = any(row["times"] is not None for row in rows)
    unit = loss_title(found).rpartition(", ")[2]
    headers = ["trial", "size", "zipped", *(["times faster"] if timed else []), f"lost, {unit}"]
    headers += ["on validation", "front", "took", "from", "recipe"]
    return Trials(headers, [_cells(row, timed=timed) for row in rows], rows, notes)


def _how(found: Searched) -> str:
    samples = count(found.search.samples, "validation sample")
    return (
        f"lost: on {samples}, + the standard error that is added where limits are held against it "
        "(at most a quarter of the limit)"
    )


def _cells(row: dict[str, object], *, timed: bool) -> list[str]:
    known = row["state"] != FAILED
    loss, careful, times = row["loss"], row["y"], row["times"]
    lost = "-"
    if isinstance(loss, float) and isinstance(careful, float):
        lost = f"{loss + 0.0:.2f} + {careful - loss:.2f}"
    cells = [
        str(row["number"]),
        size(_whole(row["size_bytes"])) if known else "-",
        size(_whole(row["zipped_bytes"])) if known else "-",
    ]
    if timed:
        cells.append(f"{times:.2f}" if isinstance(times, float) else "-")
    state = str(row["state"]) if known else f"failed: {row['failure']}"
    seconds = row["seconds"]
    took = duration(seconds) if isinstance(seconds, float) else "-"
    return [*cells, lost, state, _front(row), took, str(row["origin"]), str(row["recipe"])]


def _front(row: dict[str, object]) -> str:
    """Its name in the report, or when it was beaten; empty where others were better before."""
    if row["name"]:
        return str(row["name"])
    if row["joined"] is None:
        return ""
    return "on it" if row["left"] is None else f"until trial {row['left']}"


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
