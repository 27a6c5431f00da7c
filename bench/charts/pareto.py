"""Size and latency against accuracy: which variants nothing else beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.charts import HEIGHT, WIDTH, Rows, by_variant, data

LIMITS = {"zipped_bytes": "limit_zipped", "size_bytes": "limit_size", "median_us": "limit_median"}
"""Parameter that holds the greatest value allowed, by what stands on the horizontal axis."""

LIMIT_SCORE = "limit_score"
"""Parameter that holds the least score allowed, or the greatest where less of it is better."""


MARGIN = 0.08
"""Of what is shown, on each side of it."""

LOGARITHMIC_ABOVE = 10.0
"""Greatest by least value from which an axis is logarithmic."""


@dataclass(frozen=True)
class Axis:
    """What a chart can show: a field of the rows in a unit that people read; more may be better."""

    field: str
    title: str
    scale: float = 1.0
    upward: bool = False


AXES = (
    Axis("median_us", "median latency, ms", 1e-3),
    Axis("zipped_bytes", "zipped size, kB", 1e-3),
    Axis("size_bytes", "size, kB", 1e-3),
)


def axis(field: str) -> Axis:
    """The axis of a field of the rows, such as ``median_us``."""
    return next(each for each in AXES if each.field == field)


def chart(
    rows: Rows,
    names: Sequence[str],
    *,
    x: str = "median_us",
    y: Axis,
    among: Rows | None = None,
    limits: bool = True,
) -> Any:
    """One dot per variant with its intervals, the front drawn as steps, limits as dashed lines.

    Args:
        rows: of :func:`bench.report.figures.pareto_rows`, of one panel.
        names: the variants, in the order of their colours.
        x: what is to be small: a field of :data:`AXES`.
        y: the score, or where none is known one of :data:`AXES`.
        among: the rows of all panels, so that their axes are equal; None for one panel.
        limits: with lines for limits, which begin at the edges.

    Returns:
        An Altair chart that is not styled yet (see :func:`bench.charts.look`); its parameters
        (:data:`LIMITS`) hold the limits, in the units shown.
    """
    import altair as alt

    across = axis(x)
    up = y
    shown = _with_front(_shown(rows, across, up), upward=up.upward)
    domain = {name: _domain(_shown(among or rows, across, up), name) for name in ("x", "y")}
    horizontal = alt.X("x:Q", title=across.title, scale=_scale(domain["x"]))
    vertical = alt.Y("y:Q", title=up.title, scale=_scale(domain["y"]))
    base = alt.Chart(data(shown)).encode(x=horizontal, y=vertical)
    tooltip = [
        alt.Tooltip("variant:N"),
        *([alt.Tooltip("recipe:N")] if any(row["recipe"] for row in shown) else []),
        alt.Tooltip("x:Q", title=across.title, format=",.5~g"),
        alt.Tooltip("x_interval:N", title="95 % interval"),
        alt.Tooltip("y:Q", title=up.title, format=",.5~g"),
        alt.Tooltip("y_interval:N", title="95 % interval of it"),
    ]
    colours = by_variant(names)
    thin = {"opacity": 0.7, "strokeWidth": 1.5}
    layers = [
        _front(base),
        base.mark_rule(**thin).encode(x="x_low:Q", x2="x_high:Q", color=colours["color"]),
        base.mark_rule(**thin).encode(y="y_low:Q", y2="y_high:Q", color=colours["color"]),
        base.mark_point(filled=True, size=110, opacity=1).encode(tooltip=tooltip, **colours),
        *(_limits(across, up, domain) if limits else ()),
    ]
    text = f"{up.title} against {across.title}, one mark per variant; the table has the figures"
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, description=text)


def _shown(rows: Rows, across: Axis, up: Axis) -> list[dict[str, Any]]:
    """What is known of both axes, in the units shown."""
    return [_marks(row, across, up) for row in rows if row.get(up.field) is not None]


def _marks(row: Mapping[str, Any], across: Axis, up: Axis) -> dict[str, Any]:
    made: dict[str, Any] = {"variant": row["variant"], "recipe": row["recipe"]}
    for name, of in (("x", across), ("y", up)):
        value, low, high = (row.get(of.field + end) for end in ("", "_low", "_high"))
        scaled = [None if each is None else each * of.scale for each in (value, low, high)]
        made |= {name: scaled[0], f"{name}_low": scaled[1], f"{name}_high": scaled[2]}
        bounds = [each for each in scaled[1:] if each is not None]
        made[f"{name}_interval"] = (
            f"[{bounds[0]:.5g}, {bounds[1]:.5g}]" if len(bounds) == 2 else "exact or not known"
        )
    return made


def _with_front(shown: list[dict[str, Any]], *, upward: bool) -> list[dict[str, Any]]:
    """The rows with ``front``: no other in that panel is as good in both and better in one."""
    sign = -1 if upward else 1

    def beaten(row: dict[str, Any]) -> bool:
        mine = (row["x"], sign * row["y"])
        theirs = [(other["x"], sign * other["y"]) for other in shown]
        return any(x <= mine[0] and y <= mine[1] and (x, y) != mine for x, y in theirs)

    return [{**row, "front": not beaten(row)} for row in shown]


def _scale(domain: tuple[float, float]) -> Any:
    """Logarithmic where values differ by more than tenfold."""
    import altair as alt

    low, high = domain
    kind: Any = "log" if low > 0 and high / low > LOGARITHMIC_ABOVE else "linear"
    return alt.Scale(type=kind, domain=[low, high], nice=False)


def _domain(shown: Rows, name: str) -> tuple[float, float]:
    """Room for all marks and intervals, with a margin."""
    values = [row[name + end] for row in shown for end in ("", "_low", "_high")]
    known = [value for value in values if value is not None] or [1.0]
    low, high = min(known), max(known)
    if low > 0 and high / low > LOGARITHMIC_ABOVE:
        factor = (high / low) ** MARGIN
        return low / factor, high * factor
    margin = (high - low or abs(high) or 1.0) * MARGIN
    return low - margin, high + margin


def _front(base: Any) -> Any:
    """The steps between variants that none beats: what one gives up for the other.

    Up to the next variant's figure nothing better can be had than the last one's, whichever way
    better is.
    """
    return (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", opacity=0.45, strokeWidth=1.5, color="currentColor")
        .encode(order="x:Q")
    )


def _limits(across: Axis, up: Axis, domain: Mapping[str, tuple[float, float]]) -> list[Any]:
    """A dashed line for each limit; it begins at the edge, where it excludes nothing."""
    import altair as alt

    vertical = LIMIT_SCORE if up.field == "score" else LIMITS[up.field]
    made = []
    for direction, parameter in (("x", LIMITS[across.field]), ("y", vertical)):
        low, high = domain[direction]
        edge = low if direction == "y" and up.upward else high
        line = (
            alt.Chart(data([{}]), name=f"{parameter}_line")
            .mark_rule(strokeDash=[6, 4], strokeWidth=3, color="#d62728", cursor="move")
            .transform_calculate(limit=parameter)
            .transform_filter("isValid(datum.limit)")
            .encode(**{direction: "limit:Q"})
            .add_params(alt.param(name=parameter, value=edge))
        )
        made.append(line)
    return made
