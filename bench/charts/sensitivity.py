"""How much each layer minds being made smaller by itself: a map of losses, layer by treatment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import Rows, data, look

ROW, COLUMN = 22, 78
"""Pixels of one cell."""


def chart(rows: Rows, layers: Sequence[str], tried: Sequence[str], unit: str) -> Any:
    """One cell for each layer and treatment; the darker, the more is lost.

    Args:
        rows: with ``layer``, ``tried`` and ``loss`` in hundredths.
        layers, tried: in the order that they are shown in.
        unit: what losses are told in.
    """
    import altair as alt

    base = alt.Chart(data(rows)).encode(
        y=alt.Y("layer:N", title=None, sort=list(layers)),
        x=alt.X("tried:N", title=None, sort=list(tried), axis=alt.Axis(orient="top")),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "loss:Q",
            title=f"lost, {unit}",
            scale=alt.Scale(scheme="oranges", type="symlog", domainMin=0, clamp=True),
        ),
        tooltip=[
            alt.Tooltip("layer:N"),
            alt.Tooltip("tried:N"),
            alt.Tooltip("loss:Q", title=f"lost, {unit}", format=".2f"),
        ],
    )
    words = base.mark_text(fontSize=11).encode(
        text=alt.Text("loss:Q", format=".1f"), color=alt.ColorValue("black")
    )
    whole = alt.layer(cells, words).properties(width=COLUMN * len(tried), height=ROW * len(layers))
    return look(whole)
