"""A history as a picture: a panel of latencies per target, below them sizes and accuracies.

Needs matplotlib, which comes with the extra ``plot``; drawn on a figure of its own, with no window
and no global state.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import UsageError
from bench.report.history import ChangePoint, History, Point, Series, Track, slower
from bench.report.history._panels import (
    GREY,
    INK,
    MOST_TICKS,
    PALE,
    Look,
    Mark,
    draw_marks,
    looks,
    names_beside,
    tidy,
)
from bench.text import count, size, time_unit
from bench.values import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")

STYLE: Mapping[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "tflite-bench",
}
WIDTH, PANEL, BELOW, TOP = 10.0, 2.9, 2.1, 0.75
"""Inches."""

KEY = (
    "marks: median with its 95 % interval  ·  dashes: p99  ·  ring: a new level begins  ·  "
    "dotted: figures before and after may not be compared"
)


def require() -> None:
    """Raise UsageError where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401  # only whether it is there
    except ImportError as fault:
        raise UsageError(
            "a picture needs matplotlib, which is not installed",
            hint="pip install 'tflite-bench[plot]', or write a .md or .csv",
        ) from fault


def draw(history: History, kind: str) -> bytes:
    """The picture's bytes.

    Args:
        history: with at least one track.
        kind: ``png`` or ``svg``.

    Raises:
        UsageError: matplotlib is missing.
    """
    require()
    import matplotlib as mpl

    with mpl.rc_context(dict(STYLE)):
        figure = _figure(history)
        file = io.BytesIO()
        # No date: the same history gives the same bytes.
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(file, format=kind, dpi=160, metadata=metadata)
    return file.getvalue()


def _figure(history: History) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = list(_panels(history))
    names = dict.fromkeys(series.variant for track in history.tracks for series in track.series)
    known = looks(list(names))
    height = TOP + PANEL * len(panels) + BELOW
    layout = ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.1, hspace=0.06)
    figure = Figure(figsize=(WIDTH, height), layout=layout)
    grid = figure.add_gridspec(
        len(panels) + 1, 2, height_ratios=[*[PANEL] * len(panels), BELOW], width_ratios=[1, 1]
    )
    for row, tracks in enumerate(panels):
        _latencies(figure.add_subplot(grid[row, :]), history, tracks, known)
    evaluated = any(point.accuracy is not None for _, point in _points(history.tracks))
    below = grid[len(panels), 0] if evaluated else grid[len(panels), :]
    _sizes(figure.add_subplot(below), history, known)
    if evaluated:
        _accuracies(figure.add_subplot(grid[len(panels), 1]), history, known)
    reports = count(len(history.reports), "report")
    figure.suptitle(f"{history.model} · {reports}", fontsize=13, weight="bold", x=0.01, ha="left")
    figure.supxlabel(KEY, fontsize=7.5, color=GREY, x=0.01, ha="left")
    return figure


def _panels(history: History) -> Iterator[list[Track]]:
    """Tracks of one target and settings side by side in time, those that overlap apart."""
    panels: list[list[Track]] = []
    for track in history.tracks:
        begin = min(_x(history, point) for _, point in _points([track]))
        for panel in panels:
            last = panel[-1]
            alike = (last.target, last.settings) == (track.target, track.settings)
            if alike and begin > max(_x(history, point) for _, point in _points([last])):
                panel.append(track)
                break
        else:
            panels.append([track])
    yield from panels


def _points(tracks: Sequence[Track]) -> Iterator[tuple[str, Point]]:
    """Each point with its variant."""
    for track in tracks:
        for series in track.series:
            for point in series.points:
                yield series.variant, point


def _latencies(
    axes: Axes, history: History, tracks: Sequence[Track], known: Mapping[str, Look]
) -> None:
    """Medians with their intervals joined by a line per track, P99s as dashes above them."""
    unit, scale = time_unit(point.median_us.value for _, point in _points(tracks))
    for track in tracks:
        for series in track.series:
            _series(axes, history, series, known[series.variant], scale)
    for track in tracks[1:]:
        _new_environment(axes, history, track)
    # The names of what is new in an environment stand between the title and the panel.
    pad = 16 if len(tracks) > 1 else 6
    title = f"{tracks[-1].label} · {tracks[-1].settings}"
    if tracks[0].differs:
        title += f" · {_other(tracks[0])}"
    axes.set_title(title, loc="left", fontsize=9.5, pad=pad)
    tidy(axes, history, f"latency, {unit}", log=True, most_ticks=MOST_TICKS)
    draw_marks(axes, _median_marks(history, tracks, known, scale))
    _labels(axes, history, tracks, known, scale)


def _series(axes: Axes, history: History, series: Series, look: Look, scale: float) -> None:
    xs = [_x(history, point) for point in series.points]
    ys = [point.median_us.value * scale for point in series.points]
    axes.plot(xs, ys, color=look.colour, linestyle=look.line, linewidth=1.4, alpha=0.75, zorder=2)
    axes.errorbar(
        xs,
        ys,
        yerr=_bars(series.points, scale),
        fmt=look.marker,
        color=look.colour,
        markersize=4.5,
        elinewidth=1.6,
        capsize=0,
        zorder=3,
    )
    p99s = [(x, p.p99_us.value * scale) for x, p in zip(xs, series.points, strict=True)
            if isinstance(p.p99_us, Estimate)]  # fmt: skip
    if p99s:
        axes.plot(
            *zip(*p99s, strict=True), "_", color=look.colour, markersize=9, alpha=0.55, zorder=2
        )


def _median_marks(
    history: History, tracks: Sequence[Track], known: Mapping[str, Look], scale: float
) -> list[Mark]:
    return [
        Mark(
            x=_x(history, series.points[change.index]),
            y=series.points[change.index].median_us.value * scale,
            words=slower(change),
            look=known[series.variant],
            up=change.by > 1,
        )
        for track in tracks
        for series in track.series
        for change in series.changes
        if change.figure == "median"
    ]


def _bars(points: Sequence[Point], scale: float) -> list[list[float]]:
    """Lengths below and above; none where there is no interval."""
    below, above = [], []
    for point in points:
        median = point.median_us
        low = median.value if median.low is None else median.low
        high = median.value if median.high is None else median.high
        below.append((median.value - low) * scale)
        above.append((high - median.value) * scale)
    return [below, above]


def _new_environment(axes: Axes, history: History, track: Track) -> None:
    """A dotted line where the figures before and after may not be compared."""
    first = min(_x(history, point) for _, point in _points([track]))
    axes.axvline(first - 0.5, color=PALE, linestyle=(0, (2, 3)), linewidth=1, zorder=1)
    right = first > 0.6 * len(history.reports)
    axes.annotate(
        _other(track),
        (first - 0.5, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4 if right else -4, 2),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom",
        fontsize=7.5,
        color=GREY,
    )


def _other(track: Track) -> str:
    """``other android, fingerprint``: the names of what is new in an environment."""
    names = [part.partition(" (")[0] for part in track.differs.split("), ")]
    return f"other {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"


def _labels(
    axes: Axes,
    history: History,
    tracks: Sequence[Track],
    known: Mapping[str, Look],
    scale: float,
) -> None:
    """Each variant's name at the end of its last line, moved apart where they would overlap."""
    ends: dict[str, float] = {}
    for track in tracks:
        for series in track.series:
            ends[series.variant] = series.points[-1].median_us.value * scale
    names_beside(axes, history, ends, known)


def _sizes(axes: Axes, history: History, known: Mapping[str, Look]) -> None:
    found = {
        name: [(x, float(point.size_bytes)) for x, point in each]
        for name, each in _by_variant(history).items()
    }
    _lines(axes, found, known)
    axes.set_title("size", loc="left", fontsize=9.5)
    tidy(axes, history, "", log=True, most_ticks=MOST_TICKS // 2)
    axes.yaxis.set_major_formatter(lambda value, _: size(round(value)))
    draw_marks(
        axes,
        [
            Mark(x, y, f"{(change.by - 1) * 100:+.1f} %", known[name], up=change.by > 1)
            for name, x, y, change in _exact_changes(history, "size")
        ],
    )


def _accuracies(axes: Axes, history: History, known: Mapping[str, Look]) -> None:
    unit = _score_unit(history)
    axes.set_title("accuracy, %" if unit > 1 else "accuracy", loc="left", fontsize=9.5)
    for name, each in _by_variant(history).items():
        for part in _evaluated_alike(each):
            _lines(axes, {name: [(x, value * unit) for x, value in part]}, known)
    tidy(axes, history, "", log=False, most_ticks=MOST_TICKS // 2)
    draw_marks(
        axes,
        [
            Mark(x, y, f"{change.by * unit:+.2f}", known[name], up=change.by > 0)
            for name, x, y, change in _exact_changes(history, "accuracy")
        ],
    )


def _score_unit(history: History) -> int:
    """100 where accuracies are shown in per cent, else 1."""
    scores = [point.score for _, point in _points(history.tracks) if point.score is not None]
    return 100 if all(score.is_fraction for score in scores) else 1


def _evaluated_alike(
    points: Sequence[tuple[float, Point]],
) -> Iterator[list[tuple[float, float]]]:
    """Accuracies in a row that may be compared: on other samples a new line begins."""
    part: list[tuple[float, float]] = []
    before: Point | None = None
    for x, point in points:
        if point.accuracy is None:
            continue
        if before is not None and not point.evaluated_as(before):
            yield part
            part = []
        part.append((x, point.accuracy))
        before = point
    if part:
        yield part


def _by_variant(history: History) -> dict[str, list[tuple[float, Point]]]:
    """Each variant's points in order, one per report: targets share the file."""
    found: dict[str, dict[float, Point]] = {}
    for variant, point in _points(history.tracks):
        found.setdefault(variant, {})[_x(history, point)] = point
    return {name: sorted(points.items(), key=lambda e: e[0]) for name, points in found.items()}


def _exact_changes(
    history: History, figure: Literal["size", "accuracy"]
) -> Iterator[tuple[str, float, float, ChangePoint]]:
    """Variant, place and change, once per report: targets share the file."""
    seen: set[tuple[str, str]] = set()
    for track in history.tracks:
        for series in track.series:
            for change in series.changes:
                point = series.points[change.index]
                if change.figure == figure and (series.variant, point.report) not in seen:
                    seen.add((series.variant, point.report))
                    y = float(point.size_bytes) if figure == "size" else point.accuracy
                    assert y is not None
                    place = y if figure == "size" else y * _score_unit(history)
                    yield series.variant, _x(history, point), place, change


def _lines(
    axes: Axes, found: Mapping[str, Sequence[tuple[float, float]]], known: Mapping[str, Look]
) -> None:
    for name, line in found.items():
        if line:
            xs, ys = zip(*line, strict=True)
            style: dict[str, Any] = {
                "color": known[name].colour,
                "linestyle": known[name].line,
                "markersize": 3.5,
                "linewidth": 1.2,
            }
            axes.plot(xs, ys, marker=known[name].marker, alpha=0.85, **style)


def _x(history: History, point: Point) -> float:
    return float(history.reports.index(point.report))
