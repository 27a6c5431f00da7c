"""Ops that take the time, variant beside variant."""

from __future__ import annotations

from bench.formats._columns.values import Column
from bench.formats._grid import Grid, Note
from bench.report import Report, Table

MOST_OPS = 15
"""A delegate splits no op up, and a model has few types: what comes after these takes no time."""


def profile_grid(report: Report, table: Table) -> Grid | None:
    """Microseconds per inference by type of op, one column per variant; None without a profile."""
    if not any(table.profile.values()):
        return None
    variants = [name for name, times in table.profile.items() if times]
    most = {
        op: max(table.profile[name].get(op, 0.0) for name in variants)
        for name in variants
        for op in table.profile[name]
    }
    ops = sorted(most, key=lambda op: -most[op])[:MOST_OPS]
    times = [
        Column("", name, tuple(_cell(table.profile[name].get(op)) for op in ops))
        for name in variants
    ]
    title = f"{report.session.model.name} on {table.environment.label} · µs by type of op"
    note = "median over launches; profiling itself takes time, so compare ops and not sums"
    return Grid(title, (Column("", "op", tuple(ops), align="left"), *times), (Note(note),))


def _cell(time_us: float | None) -> str:
    return "" if time_us is None else f"{time_us:,.0f}"
