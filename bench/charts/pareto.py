"""Size and latency against accuracy: which variants nothing else beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.charts import HEIGHT, WIDTH, Rows, by_variant, look, panels

LIMITS = {"zipped_bytes": "limit_zipped", "size_bytes": "limit_size", "median_us": "limit_median"}
"""Parameter that holds the greatest value allowed, by what stands on the horizontal axis."""

LIMIT_ACCURACY = "limit_accuracy"
"""Parameter that holds the least accuracy allowed, in per cent."""


@dataclass(frozen=True)
class Axis:
    """What a chart can show: a field of the rows, in a unit that people read."""

    field: str
    title: str
    scale: float = 1.0


AXES = (
    Axis("median_us", "median latency, ms", 1e-3),
    Axis("zipped_bytes", "zipped size, kB", 1e-3),
    Axis("size_bytes", "size, kB", 1e-3),
)


def axis(field: str) -> Axis:
    """The axis of a field of the rows, such as ``median_us``."""
    return next(each for each in AXES if each.field == field)


def chart(rows: Rows, names: Sequence[str], *, x: str = "median_us", y: str = "accuracy") -> Any:
    """One dot per variant with its intervals, the front drawn as steps, limits as dashed lines.

    Args:
        rows: of :func:`bench.charts.figures.pareto_rows`.
        names: the variants, in the order of their colours.
        x: what is to be small: a field of :data:`AXES`.
        y: ``accuracy``, or where there is none another field of :data:`AXES`.

    Returns:
        An Altair chart; its parameters (:data:`LIMITS`) hold the limits, in the units shown.
    """
    import altair as alt

    across = axis(x)
    up = Axis("accuracy", "accuracy, %") if y == "accuracy" else axis(y)
    shown = [_shown(row, across, up) for row in rows if row.get(up.field) is not None]
    horizontal = alt.X("x:Q", title=across.title, scale=alt.Scale(zero=False, padding=24))
    vertical = alt.Y("y:Q", title=up.title, scale=alt.Scale(zero=False, padding=18))
    base = alt.Chart(alt.Data(values=shown)).encode(x=horizontal, y=vertical)
    tooltip = [
        alt.Tooltip("variant:N"),
        alt.Tooltip("x:Q", title=across.title, format=",.5~g"),
        alt.Tooltip("x_interval:N", title="95 % interval"),
        alt.Tooltip("y:Q", title=up.title, format=",.5~g"),
        alt.Tooltip("y_interval:N", title="95 % interval of it"),
    ]
    colours = by_variant(names)
    thin = {"opacity": 0.7, "strokeWidth": 1.5}
    layers = [
        _front(base, up),
        base.mark_rule(**thin).encode(x="x_low:Q", x2="x_high:Q", color=colours["color"]),
        base.mark_rule(**thin).encode(y="y_low:Q", y2="y_high:Q", color=colours["color"]),
        base.mark_point(filled=True, size=110, opacity=1).encode(tooltip=tooltip, **colours),
        *_limits(across, up),
    ]
    text = f"{up.title} against {across.title}, one mark per variant; the table has the figures"
    joined = (
        panels(alt.layer(*layers), shown)
        if len({r["target"] for r in shown}) > 1
        else (alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))
    )
    return look(joined.properties(description=text))


def _shown(row: Any, across: Axis, up: Axis) -> dict[str, Any]:
    made = {"target": row["target"], "variant": row["variant"], "front": row["front"]}
    for name, of in (("x", across), ("y", up)):
        value, low, high = (row.get(of.field + end) for end in ("", "_low", "_high"))
        scaled = [None if each is None else each * of.scale for each in (value, low, high)]
        made |= {name: scaled[0], f"{name}_low": scaled[1], f"{name}_high": scaled[2]}
        bounds = [each for each in scaled[1:] if each is not None]
        made[f"{name}_interval"] = (
            f"[{bounds[0]:.5g}, {bounds[1]:.5g}]" if len(bounds) == 2 else "exact or not known"
        )
    return made


def _front(base: Any, up: Axis) -> Any:
    """The steps between variants that none beats: what one gives up for the other."""
    step = "step-after" if up.field == "accuracy" else "step-before"
    return (
        base.transform_filter("datum.front")
        .mark_line(interpolate=step, opacity=0.45, strokeWidth=1.5, color="currentColor")
        .encode(order="x:Q")
    )


def _limits(across: Axis, up: Axis) -> list[Any]:
    """A dashed line for each limit, which is not shown until its parameter has a value."""
    import altair as alt

    upward = LIMIT_ACCURACY if up.field == "accuracy" else LIMITS[up.field]
    made = []
    for direction, parameter in (("x", LIMITS[across.field]), ("y", upward)):
        line = (
            alt.Chart(alt.Data(values=[{}]), name=f"{parameter}_line")
            .mark_rule(strokeDash=[6, 4], strokeWidth=3, color="#d62728", cursor="move")
            .transform_calculate(limit=parameter)
            .transform_filter("isValid(datum.limit)")
            .encode(**{direction: "limit:Q"})
            .add_params(alt.param(name=parameter, value=None))
        )
        made.append(line)
    return made
