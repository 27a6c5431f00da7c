"""What all panels of a picture share: colours, ticks, words at marks, names beside lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.report.history import History, tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, told apart with any colour vision (https://jfly.uni-koeln.de/color/);
# its yellow is left out, being too light for lines on white.
PALETTE = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = "os^Dv<>P"
INK, GREY, PALE = "#333333", "#707070", "#B5B5B5"
MOST_TICKS = 12
LINE_INCHES = 0.16
WORDS_WIDE = 0.11
"""Of the axes' width."""


@dataclass(frozen=True)
class Look:
    """How a variant is drawn, the same in every panel."""

    colour: str
    marker: str
    line: Any


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each variant; after the last colour they begin again, with broken lines."""
    return {
        name: Look(
            PALETTE[i % len(PALETTE)],
            MARKERS[i % len(MARKERS)],
            "-" if i < len(PALETTE) else (0, (4, 2)),
        )
        for i, name in enumerate(names)
    }


@dataclass(frozen=True)
class Mark:
    """A point where a new level begins, with words on how it differs."""

    x: float
    y: float
    words: str
    look: Look
    up: bool


def draw_marks(axes: Axes, marks: Sequence[Mark]) -> None:
    """A ring around each, and its words above (where it rises) or below, clear of each other.

    To be called when the limits of the axes are final.
    """
    for each in marks:
        ring: dict[str, Any] = {"markersize": 12, "markerfacecolor": "none"}
        axes.plot([each.x], [each.y], "o", markeredgecolor=each.look.colour, zorder=4, **ring)
    for up in (True, False):
        for crowd in _crowds(axes, [each for each in marks if each.up is up]):
            _write(axes, crowd, up=up)


def _crowds(axes: Axes, marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    """Marks whose words would stand side by side, if at one height."""
    left, right = axes.get_xlim()
    crowd: list[Mark] = []
    for each in sorted(marks, key=lambda each: each.x):
        if crowd and each.x - crowd[-1].x > WORDS_WIDE * (right - left):
            yield crowd
            crowd = []
        crowd.append(each)
    if crowd:
        yield crowd


def _write(axes: Axes, crowd: Sequence[Mark], *, up: bool) -> None:
    """Words of one crowd, a line of text apart at least, inside the axes."""
    line = LINE_INCHES / _height(axes)
    wanted = {
        str(index): at_height(axes, each.y) + 1.2 * line * (1 if up else -1)
        for index, each in enumerate(crowd)
    }
    placed = apart(wanted, gap=line)
    shift = max(0.0, line / 2 - min(placed.values())) - max(0.0, max(placed.values()) - 1.0)
    for index, each in enumerate(crowd):
        axes.annotate(
            each.words,
            (each.x, placed[str(index)] + shift),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="center",
            fontsize=8,
            weight="bold",
            color=each.look.colour,
            zorder=5,
            path_effects=halo(),
        )


def at_height(axes: Axes, y: float) -> float:
    """A figure as a fraction of the axes' height."""
    low, high = axes.get_ylim()
    place = math.log if axes.get_yscale() == "log" else float
    return (place(y) - place(low)) / (place(high) - place(low))


def _height(axes: Axes) -> float:
    """In inches."""
    height = axes.figure.get_figheight() * axes.get_position().height  # type: ignore[union-attr]
    return max(float(height), 0.1)


def halo() -> list[Any]:
    """Keeps words readable where they cross a line."""
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=2.5, foreground="white")]


def names_beside(
    axes: Axes, history: History, ends: Mapping[str, float], known: Mapping[str, Look]
) -> None:
    """Each name at the height of its line's end, apart where they would overlap."""
    wanted = {name: at_height(axes, y) for name, y in ends.items()}
    placed = apart(wanted, gap=LINE_INCHES / _height(axes))
    for name, at in placed.items():
        axes.annotate(
            name,
            (1.0, at),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=known[name].colour,
        )


def apart(wanted: Mapping[str, float], gap: float) -> dict[str, float]:
    """Heights at least a gap apart, in the same order and as near to those wanted as may be."""
    groups: list[tuple[list[str], float]] = []
    for name in sorted(wanted, key=lambda each: wanted[each]):
        group, center = [name], wanted[name]
        # Neighbours that would overlap become one group around the mean of what they want.
        while groups and groups[-1][1] + gap * (len(groups[-1][0]) + len(group)) / 2 > center:
            others, theirs = groups.pop()
            total = len(others) + len(group)
            center = (theirs * len(others) + center * len(group)) / total
            group = [*others, *group]
        groups.append((group, center))
    return {
        name: center + gap * (index - (len(group) - 1) / 2)
        for group, center in groups
        for index, name in enumerate(group)
    }


def tidy(axes: Axes, history: History, label: str, *, log: bool, most_ticks: int) -> None:
    """Few ticks, plain numbers, a light grid, no box, and room for the words at marks."""
    from matplotlib import ticker

    axes.margins(y=0.16)
    if log:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        subs = (1.0, 3.0) if high / low > 20 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=subs, numticks=20))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.4g}")
    axes.set_ylabel(label)
    axes.grid(axis="y", color="#ECECEC", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    step = max(1, math.ceil(len(history.reports) / most_ticks))
    positions = range(0, len(history.reports), step)
    axes.set_xticks(positions, dates([history.started_at[i] for i in positions]))
    axes.set_xlim(-0.5, len(history.reports) - 0.5)


def dates(started_at: Sequence[str]) -> list[str]:
    """``1 Sep``, with the year below where it is new, or the time where days are not enough."""
    times = [tables.local_time(text) for text in started_at]
    days = [time.date() if time else None for time in times]
    labels = []
    for index, time in enumerate(times):
        if time is None:
            labels.append("?")
            continue
        label = f"{time.day} {time:%b}"
        if days.count(time.date()) > 1:
            label += f"\n{time:%H:%M}"
        elif index == 0 or (times[index - 1] or time).year != time.year:
            label += f"\n{time.year}"
        labels.append(label)
    return labels
