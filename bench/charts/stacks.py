"""What a total is made of, variant beside variant: ops of the time, parts of the file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.charts import PALETTE, WIDTH, Rows, data


def chart(
    rows: Rows,
    names: Sequence[str],
    *,
    part: str,
    value: str,
    title: str,
    among: Sequence[Rows] = (),
) -> Any:
    """A bar per variant, stacked.

    Args:
        rows: with ``variant``, and the fields that the next two name.
        names: the variants, from the top.
        part: field that names what a piece is.
        value: field with its size.
        title: of the axis, with the unit.
        among: the rows of each panel, so that their axes and colours are equal; empty for one.

    Returns:
        An Altair chart that is not styled yet (see :func:`bench.charts.look`).
    """
    import altair as alt

    everywhere = among or [rows]
    totals = _sums((row for panel in everywhere for row in panel), part, value)
    parts = sorted(totals, key=lambda each: -totals[each])
    longest = max(max(_sums(panel, "variant", value).values(), default=0.0) for panel in everywhere)
    across = alt.Scale(domain=[0, longest or 1.0])
    colours = [PALETTE[index % len(PALETTE)] for index in range(len(parts))]
    bars = (
        alt.Chart(data(rows))
        .mark_bar(stroke="#ffffff", strokeWidth=0.5)
        .encode(
            y=alt.Y("variant:N", sort=list(names), title=None, axis=alt.Axis(labelLimit=260)),
            x=alt.X(f"sum({value}):Q", title=title, scale=across),
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
    return bars.properties(description=f"{title} of each variant, by {part}")


def _sums(rows: Iterable[Mapping[str, Any]], field: str, value: str) -> dict[str, float]:
    """The sum of a value over rows, by a field of theirs."""
    sums: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        sums[row[field]] += row[value]
    return sums
