"""Columns on what comes before the measured runs, and on the memory that a launch takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.formats._columns.values import Column
from bench.report import Table
from bench.text import bare, interval, time_unit
from bench.values import Estimate, Summary

GROUP = "start"
_MB = 1e-6


def start_columns(table: Table) -> Iterator[Column]:
    """Initialisation, first inference and peak memory, where the target tells them."""
    summaries = [row.summary for row in table.rows]
    yield from _times("init", [_of(each, "init_us") for each in summaries])
    yield from _times("first", [_of(each, "first_us") for each in summaries])
    peaks = [_of(each, "peak_bytes") for each in summaries]
    if any(peaks):
        yield _column("memory", "MB", "memory", peaks, _MB)


def _of(summary: Summary | None, name: str) -> Estimate | None:
    found: Estimate | None = None if summary is None else getattr(summary, name)
    return found


def _times(key: str, figures: Sequence[Estimate | None]) -> Iterator[Column]:
    known = [each.value for each in figures if each is not None]
    if known:
        unit, scale = time_unit(known)
        yield _column(key, f"{key} {unit}", GROUP, figures, scale)


def _column(
    key: str, header: str, group: str, figures: Sequence[Estimate | None], scale: float
) -> Column:
    return Column(
        key,
        header,
        tuple("-" if each is None else interval(each, scale) for each in figures),
        tuple("-" if each is None else bare(each, scale) for each in figures),
        group=group,
        align="left",
        title=f"{key} {header}" if group == key else header,
    )
