"""Charts of a report, as Altair charts: a notebook shows them, and a page holds their Vega.

``figures`` makes rows of plain values out of a report, with no plotting library; each other module
makes one chart of such rows. Altair comes with the extra ``plot``.

Colours are those of Okabe and Ito (2008), which people with any colour vision tell apart; text and
lines take the colour of the text around them, so that a chart suits light and dark pages and paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    import altair as alt

PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7f7f7f", "#8c564b"),
    *("#6a3d9a", "#b15928"),
)
"""Of variants, in their order; used again from the start where there are more."""

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
"""Of variants, so that colour is never all that tells them apart."""

MOST_TOLD_APART = 20
"""Variants that a legend and strips of their own can tell apart; beyond them hovering does."""

WIDTH, HEIGHT = 520, 300
"""Pixels of one panel; a page lets it shrink with the window."""

Rows = Sequence[Mapping[str, Any]]
"""What a chart is made of: one mapping per mark, with units in the names."""


def require() -> None:
    """Raise UsageError where Altair is missing."""
    try:
        import altair  # noqa: F401  # only whether it is there
        import vl_convert  # noqa: F401
    except ImportError as fault:
        raise UsageError(
            "a page or chart needs altair and vl-convert, which are not installed",
            hint="pip install 'tflite-bench[plot]', or write a .md, .csv or .json",
        ) from fault


def data(rows: Rows) -> Any:
    """Rows as a chart's own data: nothing is loaded from elsewhere."""
    import altair as alt

    return alt.InlineData(values=[dict(row) for row in rows])


def span(rows: Rows, *fields: str, padding: float = 0.0) -> list[float] | None:
    """The least and the greatest of these fields, for panels on equal axes; None where none is.

    Args:
        rows: of all panels.
        fields: whose values count.
        padding: factor of room at both ends, on a logarithmic axis; 0 for none.
    """
    known = [row[field] for row in rows for field in fields if row.get(field) is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    return [low / (1 + padding), high * (1 + padding)]


def scale(domain: list[float] | None, **options: Any) -> Any:
    """A scale over just this domain; where it spans nothing, one of the library's choice."""
    import altair as alt

    low, high = domain or (0.0, 0.0)
    if low < high and (low > 0 or options.get("type") != "log"):
        options["domain"] = domain
    return alt.Scale(nice=False, **options)


def look(chart: Any) -> Any:
    """The chart in the style of all."""
    ink = "currentColor"
    axis = {
        "labelColor": ink,
        "titleColor": ink,
        "domainColor": ink,
        "tickColor": ink,
        "gridColor": ink,
        "gridOpacity": 0.12,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "tickCount": 7,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
    }
    words = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    return (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_legend(**words, labelLimit=320, symbolLimit=0)
        .configure_header(**words, labelLimit=600)
        .configure_title(color=ink, anchor="start", fontSize=13)
        .configure_text(color=ink)
    )


def by_variant(names: Sequence[str], *, legend: bool = True) -> dict[str, Any]:
    """The encodings that tell variants apart, by colour and by shape; a legend of not too many."""
    import altair as alt

    colours = [PALETTE[index % len(PALETTE)] for index in range(len(names))]
    shapes = [SHAPES[index % len(SHAPES)] for index in range(len(names))]
    legend = legend and len(names) <= MOST_TOLD_APART
    shown = alt.Legend(orient="bottom", columns=2) if legend else None

    def told(marks: list[str]) -> alt.Scale:
        return alt.Scale(domain=list(names), range=marks)

    return {
        "color": alt.Color("variant:N", scale=told(colours), legend=shown, title=None),
        "shape": alt.Shape("variant:N", scale=told(shapes), legend=shown, title=None),
    }
