"""What a total is made of, variant beside variant: ops of the time, parts of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import PALETTE, WIDTH, Rows, data, look


def chart(rows: Rows, names: Sequence[str], *, part: str, value: str, title: str) -> Any:
    """A bar per variant, stacked.

    Args:
        rows: with ``variant``, and the fields that the next two name.
        names: the variants, from the top.
        part: field that names what a piece is.
        value: field with its size.
        title: of the axis, with the unit.
    """
    import altair as alt

    totals: dict[str, float] = {}
    for row in rows:
        totals[row[part]] = totals.get(row[part], 0.0) + row[value]
    parts = sorted(totals, key=lambda each: -totals[each])
    colours = [PALETTE[index % len(PALETTE)] for index in range(len(parts))]
    bars = (
        alt.Chart(data(rows))
        .mark_bar(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            y=alt.Y("variant:N", sort=list(names), title=None, axis=alt.Axis(labelLimit=260)),
            x=alt.X(f"sum({value}):Q", title=title),
            color=alt.Color(
                f"{part}:N",
                scale=alt.Scale(domain=parts, range=colours),
                legend=alt.Legend(title=None, orient="bottom", columns=4),
            ),
            order=alt.Order(f"sum({value}):Q", sort="descending"),
            tooltip=[
                alt.Tooltip("variant:N"),
                alt.Tooltip(f"{part}:N"),
                alt.Tooltip(f"sum({value}):Q", title=title, format=",.1f"),
            ],
        )
        .properties(width=WIDTH - 160, height=alt.Step(24))
    )
    return look(bars.properties(description=f"{title} of each variant, by {part}"))
