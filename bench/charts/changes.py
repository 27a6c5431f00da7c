"""What changed: ratios of two runs against a limit, and figures of a model over all its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import HEIGHT, PALETTE, WIDTH, Rows, by_variant, data, look, span

FURTHEST = 16.0
"""A ratio beyond it, or its inverse, is drawn at the edge: the others would not be told apart."""

NEAREST = 1.1
"""Ratios are shown at least to here, and to its inverse."""

LOGARITHMIC_ABOVE = 10.0
"""Greatest by least figure from which an axis is logarithmic."""


def ratios(rows: Rows, limit: float | None = None) -> Any:
    """New time over old for each variant, with its interval.

    Args:
        rows: ``variant``, ``ratio``, ``low`` and ``high`` (None where there is no interval).
        limit: how much a median may grow, 0.05 for 5 %; None draws none.
    """
    import altair as alt

    base = alt.Chart(data(rows))
    up = alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelLimit=260))
    across = alt.X("ratio:Q", title="new time over old", scale=_ratio_scale(rows, limit))
    tooltip = [
        alt.Tooltip("variant:N"),
        *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("ratio", "low", "high")),
    ]
    layers = [
        _line(1.0, "currentColor", [1, 0]),
        base.mark_rule(strokeWidth=2, color="currentColor", clip=True).encode(
            x="low:Q", x2="high:Q", y=up
        ),
        base.mark_point(filled=True, size=90, opacity=1, color=PALETTE[0], clip=True).encode(
            x=across, y=up, tooltip=tooltip
        ),
    ]
    if limit is not None:
        layers.append(_line(1 + limit, "#d62728", [6, 4]))
    text = "New time over old for each variant with its 96 % interval"
    made = alt.layer(*layers).properties(width=WIDTH - 160, height=alt.Step(28), description=text)
    return look(made)


def _ratio_scale(rows: Rows, limit: float | None) -> Any:
    """Logarithmic, so that twice and half as fast lie as far from 1; without what is far out."""
    import altair as alt

    told = [*rows, {"ratio": NEAREST}, {"ratio": 1 / NEAREST}, {"ratio": 1 + (limit or 0.0)}]
    low, high = span(told, "ratio", "low", "high", padding=0.05) or (1 / NEAREST, NEAREST)
    return alt.Scale(type="log", domain=[max(low, 1 / FURTHEST), min(high, FURTHEST)], nice=False)


def _line(ratio: float, colour: str, dash: list[float]) -> Any:
    import altair as alt

    rule = alt.Chart(data([{"at": ratio}]))
    return rule.mark_rule(color=colour, strokeDash=dash, opacity=0.7).encode(x="at:Q")


def history(rows: Rows, names: Sequence[str], *, figure: str, title: str) -> Any:
    """One figure over all runs; a ring marks where a new level begins.

    Args:
        rows: ``variant``, ``when`` (ISO 8601), ``value``, ``low``, ``high``, ``changed`` (words, or
            empty) and ``report``.
        names: the variants, in the order of their colours.
        figure: what it is, in words.
        title: of the vertical axis, with the unit.
    """
    import altair as alt

    base = alt.Chart(data(rows))
    colours = by_variant(names)
    across = alt.X("when:T", title=None)
    least, most = span(rows, "value") or (0.0, 0.0)
    is_wide = least > 0 and most > LOGARITHMIC_ABOVE * least
    scale = alt.Scale(type="log", padding=12) if is_wide else alt.Scale(zero=False, padding=12)
    up = alt.Y("value:Q", title=title, scale=scale)
    tooltip = [
        alt.Tooltip("variant:N"),
        alt.Tooltip("report:N"),
        alt.Tooltip("value:Q", title=title, format=",.5~g"),
        alt.Tooltip("changed:N"),
    ]
    layers = [
        base.mark_line(opacity=0.6).encode(x=across, y=up, color=colours["color"]),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=across, y=up, tooltip=tooltip, **colours
        ),
    ]
    known = alt.Chart(data([row for row in rows if row["low"] is not None]))
    if any(row["low"] is not None for row in rows):
        low = alt.Y("low:Q", title=title)
        layers.append(
            known.mark_rule(opacity=0.6).encode(
                x=across, y=low, y2="high:Q", color=colours["color"]
            )
        )
    changed = [row for row in rows if row["changed"]]
    if changed:
        ring = alt.Chart(data(changed)).mark_point(
            filled=False, size=260, strokeWidth=2, color="currentColor"
        )
        layers.append(ring.encode(x=across, y=up, tooltip=tooltip))
    made = alt.layer(*layers).properties(
        width=WIDTH, height=HEIGHT - 80, description=f"{figure} of each variant over all runs"
    )
    return look(made)
