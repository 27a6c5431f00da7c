"""Each launch over the time of the session; below it the phone's temperature and its waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import HEIGHT, WIDTH, Rows, by_variant, data, look


def chart(rows: Rows, names: Sequence[str]) -> Any:
    """A mark per launch at its median; a line per target and panel below for heat and waits.

    Args:
        rows: of :func:`bench.report.figures.launch_rows`, of one target.
        names: the variants, in the order of their colours.
    """
    import altair as alt

    time = alt.X("after_s:Q", title="seconds since the first launch", scale=alt.Scale(nice=False))
    scale = alt.Scale(type="log", nice=False, padding=12)
    base = alt.Chart(data(rows))
    tooltip = [
        alt.Tooltip("variant:N"),
        alt.Tooltip("block:Q"),
        alt.Tooltip("median_us:Q", title="median, µs", format=",.1f"),
        alt.Tooltip("launches:Q", title="launches in this mark"),
        alt.Tooltip("celsius:Q", title="°C before", format=".1f"),
        alt.Tooltip("waited_s:Q", title="waited, s", format=".1f"),
    ]
    dots = (
        base.mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=time,
            y=alt.Y("median_us:Q", title="median of the launch, µs", scale=scale),
            tooltip=tooltip,
            **by_variant(names),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    parts = [dots]
    if any(row["celsius"] is not None for row in rows):
        parts.append(
            base.transform_filter("isValid(datum.celsius)")
            .mark_line(color="#d55e00", interpolate="step-after", point=True)
            .encode(
                x=time,
                y=alt.Y("celsius:Q", title="°C", scale=alt.Scale(zero=False)),
                tooltip=tooltip,
            )
            .properties(width=WIDTH, height=80)
        )
    if any(row["waited_s"] for row in rows):
        parts.append(
            base.transform_filter("isValid(datum.waited_s)")
            .mark_bar(width=3, color="#0072b2")
            .encode(x=time, y=alt.Y("waited_s:Q", title="waited, s"), tooltip=tooltip)
            .properties(width=WIDTH, height=60)
        )
    whole = alt.vconcat(*parts).resolve_scale(x="shared") if len(parts) > 1 else dots
    text = "The median of each launch over time, one mark per launch, by variant"
    return look(whole.properties(description=text))
