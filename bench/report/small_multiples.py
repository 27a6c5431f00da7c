"""The charts of one target for notebooks and pictures: a panel for each setting, on equal axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.charts import launches, pareto
from bench.report import Report, figures
from bench.report.figures import Panel, Rows

COLUMNS = 2
"""Panels side by side."""


def pareto_chart(report: Report, target: str, *, x: str, y: str) -> Any:
    """Size or latency against the score or another figure, an Altair chart that is not styled yet.

    A file's size is the same under every setting, so that sizes against scores are one panel.

    Args:
        report: what is shown.
        target: id of one of its tables.
        x: a field of :data:`bench.charts.pareto.AXES`.
        y: ``score``, or one of these fields.
    """
    rows, names = figures.pareto_rows(report), figures.names(report)
    title, upward = figures.score_title(report)
    up = pareto.Axis("score", title, upward=upward) if y == "score" else pareto.axis(y)
    panels = _panels(report, target, rows)
    if "median_us" not in (x, y):
        panels = panels[:1]
    return _beside(
        panels,
        lambda panel: pareto.chart(panel.of(rows), names, x=x, y=up, among=rows, limits=False),
    )


def launches_chart(report: Report, target: str) -> Any:
    """Each launch over time, an Altair chart that is not styled yet."""
    rows, names = figures.launch_rows(report), figures.names(report)
    return _beside(
        _panels(report, target, rows),
        lambda panel: launches.chart(panel.of(rows), names, among=rows),
    )


def _panels(report: Report, target: str, rows: Rows) -> Sequence[Panel]:
    """Those of a target that have anything to show; one at least."""
    here = [panel for panel in figures.panels(report) if panel.target == target]
    return [panel for panel in here if panel.of(rows)] or here[:1]


def _beside(panels: Sequence[Panel], chart: Callable[[Panel], Any]) -> Any:
    """The chart of each panel, under the name of its setting where there are several."""
    import altair as alt

    if len(panels) == 1:
        return chart(panels[0])
    charts = [chart(panel).properties(title=panel.setting) for panel in panels]
    text = charts[0].description
    return alt.concat(*charts, columns=COLUMNS).properties(description=text)
