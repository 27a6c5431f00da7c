"""A report as one still picture: latency and size against accuracy, for each target."""

from __future__ import annotations

import json
from typing import Any

from bench.charts import look, pareto
from bench.errors import UsageError
from bench.report import Report, figures

INK, PAPER = "#1c2024", "#ffffff"
"""A picture does not know the page that it will stand on."""


def picture(report: Report) -> dict[str, Any]:
    """The picture as Vega-Lite.

    Raises:
        UsageError: nothing was measured.
    """
    import altair as alt

    rows = figures.pareto_rows(report)
    if not rows:
        raise UsageError(
            "nothing was measured, so there is no picture", hint="write a .md or .html"
        )
    names = figures.names(report)
    score, upward = figures.score_title(report)
    up = pareto.Axis("score", score, upward=upward) if score else pareto.axis("zipped_bytes")
    lines = []
    for table in report.tables:
        here = [row for row in rows if row["target"] == table.environment.label]
        title = f"{report.session.model.name} on {table.environment.label}"
        charts = [
            pareto.chart(here, names, x=x, y=up, among=rows, limits=False)
            for x in (("median_us", "zipped_bytes") if score else ("median_us",))
        ]
        lines.append(alt.hconcat(*charts, title=title))
    whole = look(alt.vconcat(*lines)).properties(background=PAPER, padding=16)
    made: dict[str, Any] = json.loads(json.dumps(whole.to_dict()).replace("currentColor", INK))
    return made
