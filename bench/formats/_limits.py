"""Limits that a reader of a page may set: which figures of a row they are held against."""

from __future__ import annotations

import html

from bench.charts.pareto import LIMIT_SCORE, LIMITS
from bench.report import Report, Row, figures
from bench.values import Estimate

INPUTS = (
    ("median_ms", "median at most, ms", LIMITS["median_us"], "most"),
    ("zipped_kb", "zipped at most, kB", LIMITS["zipped_bytes"], "most"),
    ("size_kb", "size at most, kB", LIMITS["size_bytes"], "most"),
)
"""Figure of a row, label, parameter of the charts, and which way the limit holds."""


def fields(report: Report) -> str:
    """Fields for limits; a variant that breaks one is struck out in tables and stays in charts."""
    known = {key for table in report.tables for row in table.rows for key in _figures(row)}
    title, upward = figures.score_title(report)
    metric, _, unit = title.partition(",")
    bound = "least" if upward else "most"
    asked = (*INPUTS, ("score", f"{metric} at {bound}{unit and ','}{unit}", LIMIT_SCORE, bound))
    labels = "".join(
        f'<label>{html.escape(label)} <input type="number" step="any" '
        f'data-figure="{_camel(figure)}" data-signal="{signal}" data-bound="{bound}"></label>'
        for figure, label, signal, bound in asked
        if figure in known
    )
    return f'<div class="limits" role="group" aria-label="Your limits">{labels}</div>'


def attributes(row: Row) -> dict[str, str]:
    """What a row's element tells the page's script."""
    figures = {f"data-{key.replace('_', '-')}": repr(v) for key, v in _figures(row).items()}
    failed = {"class": "failed"} if row.summary is None else {}
    return {"data-variant": row.variant.name, **figures, **failed}


def _figures(row: Row) -> dict[str, float]:
    """What limits are held against; a latency counts by the upper end of its interval."""
    found = {
        "size_kb": row.variant.size_bytes / 1e3,
        "zipped_kb": row.variant.zipped_bytes / 1e3,
    }
    if row.summary is not None:
        median: Estimate = row.summary.median_us
        found["median_ms"] = (median.value if median.high is None else median.high) / 1e3
    value = figures.score_of(row)["score"]
    if value is not None:
        found["score"] = value
    return found


def _camel(name: str) -> str:
    """``median_ms`` as a script finds ``data-median-ms``: ``medianMs``."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
