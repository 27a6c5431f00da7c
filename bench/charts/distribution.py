"""How the latencies of runs, or of launch maxima, are spread, with median and P99 marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import MOST_TOLD_APART, WIDTH, Rows, by_variant, data, scale, span

STRIP, THIN_STRIP = 44, 12
"""Pixels of each variant's height, and where there are many."""


def chart(
    bins: Rows, marks: Rows, names: Sequence[str], among: tuple[Rows, Rows] | None = None
) -> Any:
    """One strip per variant on equal axes.

    Args:
        bins, marks: of :func:`bench.report.figures.distribution_rows`, of one panel.
        names: the variants, in the order of their colours.
        among: the same of all panels, so that their axes are equal; None for one panel.

    Returns:
        An Altair chart that is not styled yet (see :func:`bench.charts.look`).
    """
    import altair as alt

    layers = [{**row, "layer": "bin"} for row in bins]
    layers += [{**row, "layer": "mark"} for row in marks]
    area, lines = _layers(names, *(among or (bins, marks)))
    of = " and ".join(dict.fromkeys(row["of"] for row in bins)) or "runs"
    height, spacing = STRIP, 6
    header = alt.Header(labelOrient="top", labelAnchor="start")
    if len(names) > MOST_TOLD_APART:
        height, spacing = THIN_STRIP, 2
        header = alt.Header(labelOrient="left", labelAngle=0, labelAlign="left", labelLimit=180)
    row = alt.Row("variant:N", title=None, sort=list(names), header=header)
    strips = alt.layer(area, lines, data=data(layers)).properties(width=WIDTH, height=height)
    whole = strips.facet(row=row, spacing=spacing)
    text = f"How {of} are spread, one strip per variant; lines mark the median and the P99"
    return whole.properties(description=text)


def _layers(names: Sequence[str], bins: Rows, marks: Rows) -> tuple[Any, Any]:
    """Bars of the fractions, and lines at the figures, on axes that hold all of these rows."""
    import altair as alt

    across = scale(span([*bins, *marks], "from_us", "to_us", "us"), type="log")
    most = max((row["fraction"] for row in bins), default=1.0)
    up = scale([0.0, most], type="sqrt")
    base = alt.Chart()
    colour = by_variant(names, legend=False)["color"]
    area = (
        base.transform_filter("datum.layer === 'bin'")
        .mark_rect(opacity=0.8)
        .encode(
            x=alt.X("from_us:Q", title="µs", scale=across),
            x2="to_us:Q",
            y=alt.Y("fraction:Q", title=None, axis=None, scale=up),
            y2=alt.Y2Datum(0),
            color=colour,
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip("of:N"),
                alt.Tooltip("from_us:Q", title="from, µs", format=",.1f"),
                alt.Tooltip("to_us:Q", title="to, µs", format=",.1f"),
                alt.Tooltip("fraction:Q", title="fraction", format=".1%"),
            ],
        )
    )
    lines = (
        base.transform_filter("datum.layer === 'mark'")
        .mark_rule(strokeWidth=2, color="currentColor")
        .encode(
            x="us:Q",
            strokeDash=alt.StrokeDash(
                "mark:N",
                scale=alt.Scale(domain=["median", "p99"], range=[[1, 0], [4, 3]]),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip("mark:N", title="figure"),
                alt.Tooltip("us:Q", title="µs", format=",.1f"),
            ],
        )
    )
    return area, lines
