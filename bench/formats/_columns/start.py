"""Columns on what comes before the measured runs, and on the memory that a launch takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.formats._columns.values import Column
from bench.report import Table
from bench.report.starts import StartTimes
from bench.text import bare, count, interval, margin, size, time_unit
from bench.values import Estimate, Summary

GROUP = "start"
_MB = 1e-6


def start_columns(table: Table) -> Iterator[Column]:
    """Initialisation, first inference and peak memory, where the target tells them."""
    summaries = [row.summary for row in table.rows]
    yield from _times("init", [_of(each, "init_us") for each in summaries])
    yield from _times("cold-init", _started(table, "cold_init_us"), _started(table, "warm_init_us"))
    yield from _times("warm-init", _started(table, "warm_init_us"), _started(table, "cold_init_us"))
    yield from _times("first", [_of(each, "first_us") for each in summaries])
    peaks = [_of(each, "peak_bytes") for each in summaries]
    if any(peaks):
        yield _column("memory", "MB", "memory", peaks, _MB)


def _started(table: Table, name: str) -> list[Estimate | None]:
    return [None if row.starts is None else getattr(row.starts, name) for row in table.rows]


def _of(summary: Summary | None, name: str) -> Estimate | None:
    found: Estimate | None = None if summary is None else getattr(summary, name)
    return found


def _times(
    key: str, figures: Sequence[Estimate | None], beside: Sequence[Estimate | None] = ()
) -> Iterator[Column]:
    """A column of times, in a unit that suits those of a column beside it too."""
    if any(figures):
        unit, scale = time_unit(each.value for each in (*figures, *beside) if each is not None)
        brief = margin if beside else bare
        yield _column(key, f"{key.replace('-', ' ')} {unit}", GROUP, figures, scale, brief)


def _column(
    key: str,
    header: str,
    group: str,
    figures: Sequence[Estimate | None],
    scale: float,
    brief: Callable[[Estimate, float], str] = bare,
) -> Column:
    return Column(
        key,
        header,
        tuple("-" if each is None else interval(each, scale) for each in figures),
        tuple("-" if each is None else brief(each, scale) for each in figures),
        group=group,
        align="left",
        title=f"{key} {header}" if group == key else header,
    )


def start_notes(table: Table) -> Iterator[str]:
    """What cold and warm starts are, of how many pairs, and how much was kept."""
    told = [row.starts for row in table.rows if row.starts is not None and row.starts.pairs]
    if not told:
        return
    least, most = (end(each.pairs for each in told) for end in (min, max))
    pairs = count(most, "pair") if least == most else f"{least} to {most} pairs"
    caches = " or ".join(dict.fromkeys(each.cache for each in told))
    yield (
        f"cold init, warm init: {pairs} of further launches, first with an empty cache, then with "
        f"what was kept ({caches}: {_sizes(told)})"
    )
    if table.environment.kind == "local":
        yield (
            "cold init, warm init: by LiteRT's CompiledModel; the interpreter, which the other "
            "columns are of, takes no cache"
        )


def _sizes(told: Sequence[StartTimes]) -> str:
    known = [each.cache_bytes for each in told if each.cache_bytes is not None]
    ends = dict.fromkeys(size(each) for each in (min(known), max(known)))
    return " to ".join(ends)
