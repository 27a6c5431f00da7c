"""The charts of a page: one for each target and setting, on equal axes, under the name of each."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bench.charts import MOST_TOLD_APART, distribution, launches, look, pareto, stacks
from bench.page import Picture, figure, multiples
from bench.report import Report, figures
from bench.report.figures import Panel


@dataclass(frozen=True)
class _Kind:
    """Charts of one kind, one for each panel.

    Attributes:
        key: unique on the page.
        title: what they show, plain text.
        note: how to read them, plain text.
        text: for those who do not see them.
        panels: where there is something to show.
        chart: makes the chart of one panel.
    """

    key: str
    title: str
    note: str
    text: str
    panels: tuple[Panel, ...]
    chart: Callable[[Panel], Any]

    def pictures(self, report: Report) -> Iterator[Picture]:
        """One for each panel, named by what tells it from the others."""
        for index, panel in enumerate(self.panels):
            about = title_of(panel, report)
            several = len(self.panels) > 1
            yield Picture(
                f"{self.key}-{index}" if several else self.key,
                about if several else self.title,
                look(self.chart(panel)),
                f"{about}: {self.text}" if several else self.text,
                "" if several else self.note,
            )


def title_of(panel: Panel, report: Report) -> str:
    """The target where there are several, and the setting where there are several."""
    label = panel.label if len(report.tables) > 1 or not panel.setting else ""
    return " · ".join(filter(None, [label, panel.setting]))


def sections(report: Report, specs: dict[str, Any]) -> Iterator[str]:
    """All charts of a page as HTML; their Vega is added to ``specs``."""
    yield from _trade_offs(report, specs)
    measured = list(_of_launches(report))
    if measured:
        labels = dict.fromkeys(panel.label for kind in measured for panel in kind.panels)
        where = f" on {next(iter(labels))}" if len(labels) == 1 else ""
        yield f"<h2>Launches{html.escape(where)}</h2>"
        yield from _drawn(measured, report, specs)
    yield from _sizes(report, specs)


def _drawn(kinds: Iterable[_Kind], report: Report, specs: dict[str, Any]) -> Iterator[str]:
    """Kinds of one panel side by side; those of several each with its panels side by side."""
    for alone, those in groupby(kinds, key=lambda kind: len(kind.panels) == 1):
        if alone:
            pictures = [each for kind in those for each in kind.pictures(report)]
            yield f'<div class="pair">{"".join(figure(each, specs) for each in pictures)}</div>'
        else:
            for kind in those:
                yield multiples(kind.title, list(kind.pictures(report)), specs, kind.note)


def _trade_offs(report: Report, specs: dict[str, Any]) -> Iterator[str]:
    """Latency and zipped size against the score."""
    rows = figures.pareto_rows(report)
    if not rows:
        return
    yield "<h2>What one gives up for the other</h2>"
    score, upward = figures.score_title(report)
    if not score:
        yield "<p>Accuracy is not known: there were no test samples. Size stands in its place.</p>"
    up = pareto.Axis("score", score, upward=upward) if score else pareto.axis("zipped_bytes")
    panels = [panel for panel in figures.panels(report) if panel.of(rows)]
    kinds = [_trade_off(report, rows, "median_us", up, tuple(panels))]
    if score:
        kinds.append(_trade_off(report, rows, "zipped_bytes", up, _apart(panels, rows)))
    yield from _drawn(kinds, report, specs)


def _apart(panels: list[Panel], rows: figures.Rows) -> tuple[Panel, ...]:
    """The first of the panels that show the same variants: a file is as large everywhere."""
    shown = {frozenset(row["variant"] for row in panel.of(rows)): panel for panel in panels[::-1]}
    return tuple(panel for panel in panels if panel in shown.values())


def _trade_off(
    report: Report, rows: figures.Rows, x: str, up: pareto.Axis, panels: tuple[Panel, ...]
) -> _Kind:
    across = pareto.axis(x).title
    name = up.title.partition(",")[0]
    names = figures.names(report)

    def chart(panel: Panel) -> Any:
        return pareto.chart(panel.of(rows), names, x=x, y=up, among=rows)

    return _Kind(
        f"pareto-{x.partition('_')[0]}",
        f"{name.capitalize()} against {across}",
        "Marks on the grey line are beaten by no other in both; bars are 95 % intervals. "
        f"Drag the dashed limits inwards, or type them above the table.{_unnamed(names)}",
        f"Scatter of {name} against {across}; the table above has the figures.",
        panels,
        chart,
    )


def _unnamed(names: list[str]) -> str:
    """What stands for a legend where it would be too long."""
    return " Hover over a mark for its variant." if len(names) > MOST_TOLD_APART else ""


def _of_launches(report: Report) -> Iterator[_Kind]:
    """Launches, distribution and ops, where there are any."""
    names, panels = figures.names(report), figures.panels(report)

    def where(rows: figures.Rows) -> tuple[Panel, ...]:
        return tuple(panel for panel in panels if panel.of(rows))

    if made := figures.launch_rows(report):
        yield _Kind(
            "launches",
            "Each launch over time",
            f"A mark is one process. Marks that climb together tell of heat.{_unnamed(names)}",
            "The time of each launch over the session: level where nothing drifted or heated up.",
            where(made),
            lambda panel: launches.chart(panel.of(made), names, made),
        )
    bins, marks = figures.distribution_rows(report)
    if bins:
        of = " and ".join(dict.fromkeys(row["of"] for row in bins))
        yield _Kind(
            "spread",
            f"How {of} are spread",
            "The height is the square root of the fraction, so that rare ones are seen.",
            f"The distribution of {of} for each variant with median and P99.",
            where(bins),
            lambda panel: distribution.chart(panel.of(bins), panel.of(marks), names, (bins, marks)),
        )
    if ops := figures.op_rows(report):
        among = [panel.of(ops) for panel in where(ops)]
        yield _Kind(
            "ops",
            "Ops that take the time",
            "Profiling itself takes time: compare ops, not sums.",
            "Microseconds by type of op, stacked, for each variant.",
            where(ops),
            lambda panel: stacks.chart(
                panel.of(ops), names, part="op", value="us", title="µs per inference", among=among
            ),
        )


def _sizes(report: Report, specs: dict[str, Any]) -> Iterator[str]:
    rows = figures.part_rows(report)
    if not rows:
        return
    chart = stacks.chart(rows, figures.names(report), part="part", value="kb", title="kB")
    text = "Kilobytes of each file by what they are: weights, scales and zero points, names, rest."
    yield "<h2>What the files are made of</h2>"
    yield figure(Picture("sizes", "Sizes by part", look(chart), text), specs)
