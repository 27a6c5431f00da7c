"""The trials of a search: the front as it grew, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.charts import HEIGHT, PALETTE, WIDTH, Rows, data

SO_FAR = "trials_so_far"
"""Parameter: only trials up to this number are shown."""

LIMIT = "#d62728"

COLOURS = (PALETTE[0], PALETTE[1], "#7f7f7f")
SHAPES = ("circle", "diamond", "cross")
"""Of what a trial can be: it keeps to the limits, breaks one, failed."""

LOGARITHMIC_ABOVE = 3.0
"""Greatest by least figure from which its axis is logarithmic."""

FAR = 10.0
"""A loss of so many times the limit is far beyond it."""


def front(
    rows: Rows,
    states: Sequence[str],
    *,
    x: str,
    y: str,
    limits: tuple[float | None, float],
    grows: bool = False,
) -> Any:
    """What each trial loses against what is to be small, and the front between them.

    Args:
        rows: of :func:`bench.report.search_figures.trial_rows`.
        states: what a trial can be, in the order of :data:`COLOURS`.
        x, y: titles of the axes, with their units.
        limits: on the axes; of the first there may be none.
        grows: with a slider for how many trials are shown.

    Returns:
        An Altair chart that is not styled yet (see :func:`bench.charts.look`).
    """
    import altair as alt

    shown = [row for row in rows if row["x"] is not None]
    most = max(row["number"] for row in rows)
    so_far = alt.param(name=SO_FAR, value=most)
    if grows:
        slider = alt.binding_range(min=0, max=most, step=1, name="trials shown ")
        so_far = alt.param(name=SO_FAR, value=most, bind=slider)
    base = alt.Chart(data(shown)).transform_filter(f"datum.number <= {SO_FAR}")
    base = base.encode(
        x=alt.X("x:Q", title=x, scale=_scale([row["x"] for row in shown])),
        y=alt.Y("y:Q", title=y, scale=_losses(shown, limits[1])),
    )
    on_it = f"isValid(datum.joined) && (!isValid(datum.left) || datum.left > {SO_FAR})"
    line = (
        base.transform_filter(on_it)
        .mark_line(interpolate="step-after", strokeWidth=2, opacity=0.6, color="currentColor")
        .encode(order="x:Q")
    )
    spared = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(
        y2="loss:Q", color=_by_state(states)
    )
    marks = base.mark_point(filled=True, size=80, opacity=0.9).encode(
        color=_by_state(states), shape=_by_state(states, shape=True), tooltip=_tooltip(x)
    )
    names = base.transform_filter("datum.name !== ''").mark_text(
        dx=7, dy=-8, align="left", fontSize=11
    )
    layers = [*_limits(*limits), line, spared, marks, names.encode(text="name:N")]
    text = f"Each trial's loss against its {x}; the line is the front, which nothing beats"
    made = alt.layer(*layers).add_params(so_far)
    return made.properties(width=WIDTH, height=HEIGHT, description=text)


def progress(rows: Rows, states: Sequence[str], *, y: str) -> Any:
    """What is to be small of each trial in their order, and the best so far as a line.

    Args:
        rows, states: as of :func:`front`.
        y: title of the axis, with the unit.
    """
    import altair as alt

    known = [row for row in rows if row["x"] is not None]
    across = alt.X("number:Q", title="trial", axis=alt.Axis(tickMinStep=1, format="d"))
    scale = _scale([row["x"] for row in known])
    up = alt.Y("x:Q", title=y, scale=scale)
    best = (
        alt.Chart(data([row for row in rows if row["best"] is not None]))
        .mark_line(interpolate="step-after", strokeWidth=2, opacity=0.6, color="currentColor")
        .encode(x=across, y=alt.Y("best:Q", title=y, scale=scale))
    )
    marks = (
        alt.Chart(data(known))
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(
            x=across,
            y=up,
            color=_by_state(states),
            shape=_by_state(states, shape=True),
            tooltip=_tooltip(y),
        )
    )
    layers = [best, marks]
    if failed := [row for row in rows if row["x"] is None]:
        crosses = alt.Chart(data(failed)).mark_point(filled=True, size=70)
        layers.append(
            crosses.encode(
                x=across,
                y=alt.value(HEIGHT - 6),
                color=_by_state(states),
                shape=_by_state(states, shape=True),
                tooltip=[*_tooltip(y)[:3], alt.Tooltip("failure:N")],
            )
        )
    text = f"{y} of each trial in their order; the line is the best that keeps to the limits so far"
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, description=text)


def _tooltip(figure: str) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("number:Q", title="trial"),
        alt.Tooltip("recipe:N"),
        alt.Tooltip("state:N", title="on validation"),
        alt.Tooltip("x:Q", title=figure, format=",.4~g"),
        alt.Tooltip("loss:Q", title="lost", format=".2f"),
        alt.Tooltip("y:Q", title="with a standard error", format=".2f"),
        alt.Tooltip("origin:N"),
        alt.Tooltip("seconds:Q", title="seconds", format=",.3~g"),
    ]


def _by_state(states: Sequence[str], *, shape: bool = False) -> Any:
    import altair as alt

    legend = alt.Legend(title=None, orient="bottom", columns=3)
    scale = alt.Scale(domain=list(states), range=list(SHAPES if shape else COLOURS))
    kind = alt.Shape if shape else alt.Color
    return kind("state:N", scale=scale, legend=legend, title=None)


def _scale(values: Sequence[float]) -> Any:
    """Room for all; logarithmic where they differ by more than tenfold."""
    import altair as alt

    low, high = min(values), max(values)
    if high > LOGARITHMIC_ABOVE * low:
        return alt.Scale(type="log", domain=[low / 1.2, high * 1.2], nice=False)
    margin = 0.08 * (high - low or high)
    return alt.Scale(domain=[low - margin, high + margin], nice=False)


def _losses(shown: Rows, limit: float) -> Any:
    """Linear about the limit, which decides, and logarithmic far beyond it."""
    import altair as alt

    values = [row[end] for row in shown for end in ("y", "loss")] + [0.0, limit]
    low, high = min(values), max(values)
    margin = 0.08 * (high - low)
    if high > FAR * limit:
        domain = [low - 0.3 * limit, high * 1.4]
        return alt.Scale(type="symlog", constant=limit, domain=domain, nice=False)
    return alt.Scale(domain=[low - margin, high + margin], nice=False)


def _limits(x: float | None, y: float) -> list[Any]:
    """A dashed line for each limit."""
    import altair as alt

    dashed: dict[str, Any] = {"strokeDash": [6, 4], "strokeWidth": 2, "color": LIMIT}
    lines = [alt.Chart(data([{"limit": y}])).mark_rule(**dashed).encode(y="limit:Q")]
    if x is not None:
        lines.append(alt.Chart(data([{"limit": x}])).mark_rule(**dashed).encode(x="limit:Q"))
    return lines
