"""A report as one still picture: latency and size against accuracy, for each target."""

from __future__ import annotations

import json
from typing import Any

from bench.charts import look
from bench.errors import UsageError
from bench.report import Report, figures
from bench.report.small_multiples import pareto_chart

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
    y = "score" if figures.score_title(report)[0] else "zipped_bytes"
    lines = []
    for table in report.tables:
        target = table.environment.target
        if not any(row["target"] == target for row in rows):
            continue
        charts = [
            pareto_chart(report, target, x=x, y=y)
            for x in (("median_us", "zipped_bytes") if y == "score" else ("median_us",))
        ]
        title = f"{report.session.model.name} on {table.environment.label}"
        # Two charts fit a slide side by side; of several settings each is a block of its own.
        several = len(report.session.plan.settings) > 1
        lines.append((alt.vconcat if several else alt.hconcat)(*charts, title=title))
    whole = look(alt.vconcat(*lines)).properties(background=PAPER, padding=16)
    made: dict[str, Any] = json.loads(json.dumps(whole.to_dict()).replace("currentColor", INK))
    return made
