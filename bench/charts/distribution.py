"""How the latencies of runs, or of launch maxima, are spread, with median and P99 marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import WIDTH, Rows, by_variant, data, look


def chart(bins: Rows, marks: Rows, names: Sequence[str]) -> Any:
    """One small panel per variant on equal axes.

    Args:
        bins, marks: of :func:`bench.report.figures.distribution_rows`, of one target.
        names: the variants, in the order of their colours.
    """
    import altair as alt

    kinds = {row["variant"]: row["of"] for row in bins}
    logarithmic = alt.Scale(type="log", nice=False)
    layers = []
    for row in bins:
        layers.append({**row, "layer": "bin"})
    for row in marks:
        layers.append({**row, "layer": "mark"})
    base = alt.Chart()
    colour = by_variant(names, legend=False)["color"]
    area = (
        base.transform_filter("datum.layer === 'bin'")
        .mark_rect(opacity=0.8)
        .encode(
            x=alt.X("from_us:Q", title="µs", scale=logarithmic),
            x2="to_us:Q",
            y=alt.Y("fraction:Q", title=None, axis=None, scale=alt.Scale(type="sqrt")),
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
    of = " and ".join(dict.fromkeys(kinds.values())) or "runs"
    header = alt.Header(labelOrient="top", labelAnchor="start")
    whole = (
        alt.layer(area, lines, data=data(layers))
        .properties(width=WIDTH, height=44)
        .facet(row=alt.Row("variant:N", title=None, sort=list(names), header=header), spacing=6)
    )
    text = f"How {of} are spread, one panel per variant; lines mark the median and the P99"
    return look(whole.properties(description=text))
