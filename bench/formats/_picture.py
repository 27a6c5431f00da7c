"""A report as one still picture: latency and size against accuracy, for each target."""

from __future__ import annotations

import json
from typing import Any

from bench.charts import look
from bench.charts.trials import front, progress
from bench.errors import UsageError
from bench.report import Report, figures
from bench.report.search_figures import FIGURES, STATES, limit_of, loss_title, trial_rows
from bench.report.searched import Searched, searched
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
    found = searched(report)
    if not rows and found is None:
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
    if found is not None:
        lines = [*_of_search(found), *lines]
    whole = look(
        alt.vconcat(*lines).resolve_scale(color="independent", shape="independent")
    ).properties(background=PAPER, padding=16)
    made: dict[str, Any] = json.loads(json.dumps(whole.to_dict()).replace("currentColor", INK))
    return made


def _of_search(found: Searched) -> list[Any]:
    """The trials of a search: the front, and the best so far."""
    import altair as alt

    rows = trial_rows(found)
    if len(rows) < 2:
        return []
    title = FIGURES[found.search.by][0]
    limits = (limit_of(found), found.search.limits.loss * 100)
    charts = (
        front(rows, STATES, x=title, y=f"{loss_title(found)}, with care", limits=limits),
        progress(rows, STATES, y=title),
    )
    # Colours of what trials are, not of variants: each line of charts has a legend of its own.
    line = alt.hconcat(*charts, title=found.line())
    return [line.resolve_scale(color="shared", shape="shared")]
