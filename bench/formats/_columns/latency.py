"""Columns on latency, and against the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.formats._columns.values import Column
from bench.report import Row, Table
from bench.stats.stopping import launches_to_know
from bench.text import change_text, count, interval, margin, p99, time_unit
from bench.values import Estimate

GROUP = "latency"
LONGEST_BASELINE = 10
"""Letters of its name that a header has room for."""


def latency_columns(table: Table) -> Iterator[Column]:
    """The number of launches where it differs; median, P99 and ratio, each with its interval."""
    rows = table.rows
    unit, scale = time_unit(row.summary.median_us.value for row in rows if row.summary is not None)
    if _launches_differ(table):
        counted = tuple(str(row.summary.launches) if row.summary else "-" for row in rows)
        yield Column("launches", "launches", counted, group=GROUP)
    yield Column(
        "median",
        f"median {unit}",
        tuple(_median(row, scale) for row in rows),
        tuple(_brief_median(row, scale) for row in rows),
        group=GROUP,
        align="left",
    )
    yield Column(
        "p99",
        f"p99 {unit}",
        tuple("" if row.summary is None else p99(row.summary.p99_us, scale) for row in rows),
        tuple(_brief_p99(row, scale) for row in rows),
        group=GROUP,
        align="left",
    )
    yield Column(
        "vs",
        _against(rows),
        tuple(_versus(row) for row in rows),
        tuple(_brief_versus(row) for row in rows),
        group=GROUP,
        align="left",
    )


def _against(rows: Sequence[Row]) -> str:
    """A long name of the baseline would take the place of a figure; the line below tells it."""
    name = rows[0].baseline.name if rows else ""
    return f"vs {name}" if 0 < len(name) <= LONGEST_BASELINE else "vs baseline"


def _launches_differ(table: Table) -> bool:
    """By plan (``--until``), or because a variant failed in the middle."""
    return len({row.summary.launches for row in table.rows if row.summary is not None}) > 1


def _median(row: Row, scale: float) -> str:
    if row.summary is None:
        return f"failed: {row.failure.error_class}" if row.failure else "-"
    return interval(row.summary.median_us, scale)


def _brief_median(row: Row, scale: float) -> str:
    if row.summary is None:
        return "failed" if row.failure else "-"
    return margin(row.summary.median_us, scale)


def _brief_p99(row: Row, scale: float) -> str:
    if row.summary is None:
        return ""
    found = row.summary.p99_us
    if isinstance(found, Estimate):
        return margin(found, scale)
    return "-" if found.launches is None else f"+{count(found.launches, 'launch', 'launches')}"


def _versus(row: Row) -> str:
    if row.summary is None:
        return ""
    if row.comparison is None:
        return "baseline" if row.variant is row.baseline else "-"
    text = change_text(row.comparison)
    if row.comparison.low is None and (more := launches_to_know(row.comparison)):
        text += f" (an interval takes {count(more, 'more launch', 'more launches')})"
    return text


def _brief_versus(row: Row) -> str:
    if row.summary is None or row.comparison is None:
        return _versus(row)
    if row.comparison.verdict == "no clear change":
        return "unclear"
    return change_text(row.comparison).partition(" [")[0]
