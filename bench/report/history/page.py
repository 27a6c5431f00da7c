"""A history as one self-contained page: the same tables, and each figure over time."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from typing import Any

from bench.charts import changes, require
from bench.page import Picture, figure, page
from bench.page.table import table_html
from bench.report.history import History, Point, Series, Track, describe, tables
from bench.text import count

SUFFIX = ".html"
FIGURES = (
    ("median", "median, µs"),
    ("size", "size, kB"),
    ("accuracy", "accuracy, %"),
)


def render(history: History) -> str:
    """The whole page.

    Raises:
        UsageError: the extra ``plot`` is not installed.
    """
    require()
    specs: dict[str, Any] = {}
    title = f"{history.model} over {count(len(history.reports), 'report')}"
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if history.notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in history.notes)
        parts.append(f'<ul class="warnings">{items}</ul>')
    for index, track in enumerate(history.tracks):
        heading = tables.title_of(history, track)
        parts.append(f"<h2>{html.escape(heading)}</h2>")
        drawn = [figure(picture, specs) for picture in _pictures(track, f"h{index}")]
        parts.append(f'<div class="pair">{"".join(drawn)}</div>')
        parts.append(table_html(heading, tables.headers_of(track), _named(tables.rows_of(track))))
    return page(title, parts, specs)


def _named(rows: Iterable[list[str]]) -> list[list[str]]:
    """Each row with its variant's name: a reader may sort them."""
    named: list[list[str]] = []
    for first, *others in rows:
        named.append([first or named[-1][0], *others])
    return named


def _pictures(track: Track, key: str) -> Iterator[Picture]:
    names = [series.variant for series in track.series]
    for name, title in FIGURES:
        rows = [row for series in track.series for row in _rows(series, name)]
        if not rows:
            continue
        yield Picture(
            f"{key}-{name}",
            f"{name.capitalize()} over time",
            changes.history(rows, names, figure=name, title=title),
            f"The {name} of each variant in each report; the table below has the figures.",
            "A ring marks where a new level begins.",
        )


def _rows(series: Series, name: str) -> Iterator[dict[str, Any]]:
    for index, point in enumerate(series.points):
        found = _value(point, name)
        if found is None:
            continue
        value, low, high = found
        told = [describe(change) for change in series.changes_at(index) if change.figure == name]
        yield {
            "variant": series.variant,
            "when": point.started_at,
            "report": point.report,
            "value": value,
            "low": low,
            "high": high,
            "changed": "; ".join(told),
        }


def _value(point: Point, name: str) -> tuple[float, float | None, float | None] | None:
    if name == "median":
        return (point.median_us.value, point.median_us.low, point.median_us.high)
    if name == "size":
        return (point.size_bytes / 1e3, None, None)
    return None if point.accuracy is None else (point.accuracy * 100, None, None)
