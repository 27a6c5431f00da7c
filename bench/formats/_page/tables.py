"""Tables of a page: cells as in every other format, with the figures behind them to sort by."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

from bench.charts.pareto import LIMIT_ACCURACY, LIMITS
from bench.formats._grid import Grid
from bench.report import Report, Row
from bench.values import Estimate

INPUTS = (
    ("median_ms", "median at most, ms", LIMITS["median_us"], "most"),
    ("zipped_kb", "zipped at most, kB", LIMITS["zipped_bytes"], "most"),
    ("size_kb", "size at most, kB", LIMITS["size_bytes"], "most"),
    ("accuracy", "accuracy at least, %", LIMIT_ACCURACY, "least"),
)
"""Figure of a row, label, parameter of the charts, and which way the limit holds."""


def limits(report: Report) -> str:
    """Fields for limits; a variant that breaks one is struck out in tables and stays in charts."""
    known = {key for table in report.tables for row in table.rows for key in _figures(row)}
    fields = "".join(
        f'<label>{html.escape(label)} <input type="number" step="any" '
        f'data-figure="{_camel(figure)}" data-signal="{signal}" data-bound="{bound}"></label>'
        for figure, label, signal, bound in INPUTS
        if figure in known
    )
    return f'<div class="limits" role="group" aria-label="Your limits">{fields}</div>'


def table_of(grid: Grid, rows: Sequence[Row] = ()) -> str:
    """One table with its notes.

    Args:
        grid: the cells.
        rows: what its rows show, in the same order; the columns can be sorted by their figures.
    """
    heads = "".join(_head(index, text, grid.headers) for index, text in enumerate(grid.headers))
    body = []
    for index, cells in enumerate(grid.rows):
        row = rows[index] if rows else None
        body.append(_row(cells, row))
    notes = "".join(f"<div>{html.escape(note)}</div>" for note in grid.notes)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(grid.title)}">'
        f'<table><caption class="soft">{html.escape(grid.title)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f'<div class="notes">{notes}</div>'
    )


def _head(index: int, text: str, headers: Sequence[str]) -> str:
    # A column without a header of its own belongs to the one before it.
    name = text or f"{headers[index - 1]}, times smaller"
    shown = html.escape(text) if text else "×"
    label = f' aria-label="sort by {html.escape(name)}"'
    return f'<th scope="col"><button type="button"{label}>{shown}</button></th>'


def _row(cells: Sequence[str], row: Row | None) -> str:
    attributes = ""
    if row is not None:
        figures = "".join(
            f' data-{key.replace("_", "-")}="{value!r}"' for key, value in _figures(row).items()
        )
        failed = ' class="failed"' if row.summary is None else ""
        attributes = f' data-variant="{html.escape(row.variant.name)}"{figures}{failed}'
    first, *others = cells
    body = "".join(_cell(text) for text in others)
    return f'<tr{attributes}><th scope="row">{html.escape(first)}</th>{body}</tr>'


def _cell(text: str) -> str:
    figure = next(_numbers(text), None)
    value = "" if figure is None else f' data-value="{figure!r}"'
    return f"<td{value}>{html.escape(text)}</td>"


def _numbers(text: str) -> Iterator[float]:
    """The figures of a cell in comparable units: sizes in bytes, ``2x slower`` as 0.5."""
    for number, unit in re.findall(r"(?<![\w.])(\d[\d,]*\.?\d*)\s*(kB|MB|GB|B\b|x slower)?", text):
        value = float(number.replace(",", ""))
        yield value * UNITS.get(unit, 1.0) if unit != "x slower" else 1.0 / max(value, 1e-9)


UNITS: Mapping[str, float] = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def _figures(row: Row) -> dict[str, float]:
    """What limits are held against; a latency counts by the upper end of its interval."""
    found = {
        "size_kb": row.variant.size_bytes / 1e3,
        "zipped_kb": row.variant.zipped_bytes / 1e3,
    }
    if row.summary is not None:
        median: Estimate = row.summary.median_us
        found["median_ms"] = (median.value if median.high is None else median.high) / 1e3
    if row.accuracy is not None and row.accuracy.top1 is not None:
        found["accuracy"] = row.accuracy.top1 * 100
    return found


def _camel(name: str) -> str:
    """``median_ms`` as a script finds ``data-median-ms``: ``medianMs``."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
