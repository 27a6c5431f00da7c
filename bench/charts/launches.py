"""Each launch over the time of the session; below it the phone's temperature and its waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import HEIGHT, WIDTH, Rows, by_variant, data, scale, span

PADDING = 0.05
"""Of a latency, above the greatest and below the least."""


def chart(rows: Rows, names: Sequence[str], among: Rows | None = None) -> Any:
    """A mark per launch at its median; below it, a panel each for heat and for waits.

    Args:
        rows: of :func:`bench.report.figures.launch_rows`, of one panel.
        names: the variants, in the order of their colours.
        among: the rows of all panels, so that their axes are equal; None for one panel.

    Returns:
        An Altair chart that is not styled yet (see :func:`bench.charts.look`).
    """
    import altair as alt

    everywhere = rows if among is None else among
    time = alt.X(
        "after_s:Q",
        title="seconds since the first launch",
        scale=scale(span([*everywhere, {"after_s": 0.0}], "after_s")),
    )
    of = " or ".join(sorted({row["of"] for row in everywhere}, reverse=True)) or "median"
    tooltip = _tooltip(everywhere, of)
    base = alt.Chart(data(rows))
    latency = scale(span(everywhere, "median_us", padding=PADDING), type="log")
    dots = (
        base.mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=time,
            y=alt.Y("median_us:Q", title=f"{of} of the launch, µs", scale=latency),
            tooltip=tooltip,
            **by_variant(names),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    parts = [dots]
    if any(row["celsius"] is not None for row in everywhere):
        heat = scale(span(everywhere, "celsius"), zero=False, padding=6)
        parts.append(
            base.transform_filter("isValid(datum.celsius)")
            .mark_line(color="#d55e00", interpolate="step-after", point=True)
            .encode(x=time, y=alt.Y("celsius:Q", title="°C", scale=heat), tooltip=tooltip)
            .properties(width=WIDTH, height=80)
        )
    if any(row["waited_s"] for row in everywhere):
        waits = scale(span([*everywhere, {"waited_s": 0.0}], "waited_s"))
        parts.append(
            base.transform_filter("isValid(datum.waited_s)")
            .mark_bar(width=3, color="#0072b2")
            .encode(x=time, y=alt.Y("waited_s:Q", title="waited, s", scale=waits), tooltip=tooltip)
            .properties(width=WIDTH, height=60)
        )
    whole = alt.vconcat(*parts).resolve_scale(x="shared") if len(parts) > 1 else dots
    text = f"The {of} of each launch over time, one mark per launch, by variant"
    return whole.properties(description=text)


def _tooltip(rows: Rows, of: str) -> list[Any]:
    """What hovering tells; heat and waits only where any launch knows them."""
    import altair as alt

    told = [
        alt.Tooltip("variant:N"),
        alt.Tooltip("block:Q"),
        alt.Tooltip("median_us:Q", title=f"{of}, µs", format=",.1f"),
    ]
    if any(row["launches"] > 1 for row in rows):
        told.append(alt.Tooltip("launches:Q", title="launches in this mark"))
    if any(row["celsius"] is not None for row in rows):
        told.append(alt.Tooltip("celsius:Q", title="°C before", format=".1f"))
    if any(row["waited_s"] for row in rows):
        told.append(alt.Tooltip("waited_s:Q", title="waited, s", format=".1f"))
    return told
