"""What a table's ratios are of, and where the medians beside them would give others."""

from __future__ import annotations

from collections.abc import Sequence

from bench.report import Row, Table


def ratio_notes(table: Table) -> Sequence[str]:
    """A line on what ratios are of, and one on each that its medians would not give."""
    compared = [row for row in table.rows if row.comparison is not None]
    if not compared:
        return ()
    baseline = compared[0].baseline.name
    notes = [f"vs {baseline}: time ratio of launches paired block by block, [ ] 96 %"]
    for row in compared:
        if (words := _unlike(row, table)) is not None:
            notes.append(words)
    return notes


def _unlike(row: Row, table: Table) -> str | None:
    """Why a ratio is not that of the medians shown; None where it is, within its interval."""
    assert row.comparison is not None
    theirs = next((each for each in table.rows if each.variant is row.baseline), None)
    low, high = row.comparison.low, row.comparison.high
    if (
        row.summary is None
        or theirs is None
        or theirs.summary is None
        or low is None
        or high is None
    ):
        return None
    ratio = row.summary.median_us.value / theirs.summary.median_us.value
    if low <= ratio <= high:
        return None
    faster = ratio < 1
    words = f"{1 / ratio if faster else ratio:.2f}x {'faster' if faster else 'slower'}"
    return (
        f"{row.variant.name}: the medians shown would say {words}; the ratio is of paired "
        "launches, which drifted or have two speeds"
    )
