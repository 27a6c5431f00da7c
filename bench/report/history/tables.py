"""A history as text for the terminal, as Markdown, and as comma-separated values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from tabulate import tabulate

from bench.report.history import ChangePoint, History, Point, Series, Track, describe
from bench.text import INDENT, escape_markdown, interval, p99, score_text, size, time_unit
from bench.values import Estimate

HEADERS = ("variant", "when", "launches", "median", "p99", "size", "accuracy", "changed")


def text(history: History) -> str:
    """One table per track."""
    parts = []
    for track in history.tracks:
        body = tabulate(
            list(rows_of(track)),
            headers=headers_of(track),
            tablefmt="plain",
            colalign=["left", "left", *["right"] * 1, *["left"] * 2, *["right"] * 2, "left"],
            disable_numparse=True,
        )
        lines = [f"{INDENT}{line.rstrip()}" for line in body.splitlines()]
        parts.append("\n".join([title_of(history, track), "", *lines]))
    return "\n\n".join(parts) + "\n"


def markdown(history: History) -> str:
    """One table per track."""
    parts = []
    for track in history.tracks:
        body = tabulate(
            [[escape_markdown(cell) for cell in row] for row in rows_of(track)],
            headers=headers_of(track),
            tablefmt="github",
            disable_numparse=True,
        )
        parts.append(f"**{escape_markdown(title_of(history, track))}**\n\n{body}")
    return "\n\n".join(parts) + "\n"


def csv(history: History) -> str:
    """One line per variant, target and report, unrounded."""
    import pandas as pd

    lines = [
        _line(history, track, series, index)
        for track in history.tracks
        for series in track.series
        for index in range(len(series.points))
    ]
    return str(pd.DataFrame(lines).to_csv(index=False, lineterminator="\n"))


FORMATS: Mapping[str, Callable[[History], str]] = MappingProxyType(
    {".txt": text, ".md": markdown, ".csv": csv}
)
"""Suffix of a file to what writes it."""


def local_time(started_at: str) -> datetime | None:
    """When a report was begun, in this machine's time; None where it does not say."""
    try:
        return datetime.fromisoformat(started_at).astimezone()
    except ValueError:
        return None


def title_of(history: History, track: Track) -> str:
    """What stands above a track's table."""
    title = f"{history.model} on {track.label} · {track.settings}"
    return f"{title} · since then another {track.differs}" if track.differs else title


def headers_of(track: Track) -> list[str]:
    """The columns, with their units."""
    unit, _ = _time_unit(track)
    return [f"{name} {unit}" if name in ("median", "p99") else name for name in HEADERS]


def rows_of(track: Track) -> Iterator[list[str]]:
    """The cells, oldest report first; a variant is named in its first row alone."""
    _, scale = _time_unit(track)
    for series in track.series:
        for index, point in enumerate(series.points):
            yield [
                series.variant if index == 0 else "",
                f"{time:%Y-%m-%d %H:%M}" if (time := local_time(point.started_at)) else "-",
                str(point.launches),
                interval(point.median_us, scale),
                p99(point.p99_us, scale),
                size(point.size_bytes),
                "-" if point.score is None else score_text(point.score),
                ", ".join(_changed(series, index)),
            ]


def _changed(series: Series, index: int) -> Iterator[str]:
    yield from map(describe, series.changes_at(index))
    yield from _evaluated_anew(series, index)


def _evaluated_anew(series: Series, index: int) -> Iterator[str]:
    """Said where an accuracy may not be compared with the one above it."""
    if index == 0:
        return
    before, point = series.points[index - 1], series.points[index]
    if before.score is not None and point.score is not None and not point.evaluated_as(before):
        other = "on other samples" if point.samples != before.samples else "by another metric"
        yield f"accuracy {other}"


def _time_unit(track: Track) -> tuple[str, float]:
    return time_unit(p.median_us.value for series in track.series for p in series.points)


def _line(history: History, track: Track, series: Series, index: int) -> dict[str, Any]:
    point = series.points[index]
    changes: dict[str, ChangePoint] = {change.figure: change for change in series.changes_at(index)}
    return {
        "model": history.model,
        "target": track.target,
        "environment": track.label,
        "settings": track.settings,
        "variant": series.variant,
        "report": point.report,
        "started_at": point.started_at,
        "launches": point.launches,
        **_estimates(point),
        "size_bytes": point.size_bytes,
        "zipped_bytes": point.zipped_bytes,
        "metric": point.score.label if point.score is not None else None,
        "accuracy": point.accuracy,
        "samples": point.samples,
        **{
            f"{name}_change": changes[name].by if name in changes else None
            for name in ("median", "p99", "size", "accuracy")
        },
    }


def _estimates(point: Point) -> dict[str, Any]:
    p99 = point.p99_us if isinstance(point.p99_us, Estimate) else None
    return {
        "median_us": point.median_us.value,
        "median_low_us": point.median_us.low,
        "median_high_us": point.median_us.high,
        "p99_us": p99.value if p99 else None,
        "p99_low_us": p99.low if p99 else None,
        "p99_high_us": p99.high if p99 else None,
    }
