"""One self-contained page that shows the decision: what to ship, why, and how sure that is."""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tabulate import tabulate

from bench.cells import files_of, settings_of
from bench.charts import require
from bench.formats import _limits, _page_charts, _page_search
from bench.formats._beside import beside, on_paper, pointer, without_those_beside
from bench.formats._columns.choose import choice_notes, named
from bench.formats._columns.values import Column
from bench.formats._grid import Grid
from bench.formats._tables import grids, problems
from bench.page import page
from bench.page.table import table_html
from bench.report import Report, harness_cost
from bench.report.in_app import InApp
from bench.report.recommend import Recommendation, Requirements, merits, recommendations
from bench.report.searched import searched
from bench.report.view import VIEW, View
from bench.text import count

SUFFIX = ".html"

MOST_REASONS = 8
"""Variants whose reason for not being recommended is shown without unfolding."""


def render(report: Report, *, colour: bool = False, view: View = VIEW) -> str:
    """The whole page.

    Args:
        report: what is shown.
        colour: nothing here: a page has its own.
        view: the columns wanted; without any, all.

    Raises:
        UsageError: the extra ``plot`` is not installed.
    """
    require()
    specs: dict[str, Any] = {}
    found = searched(report)
    title = f"{report.session.model.name}: which variant to ship"
    parts = [_head(report, title), *_answers(report), *_tables(report, view)]
    parts += _page_charts.sections(report, specs)
    if found is not None:
        parts += _page_search.sections(found, specs)
    parts.append(_again(report))
    return page(title, [part for part in parts if part], specs)


def fragment(report: Report) -> str:
    """The tables alone, without style and script: what a notebook shows of a report."""
    parts = []
    for grid in grids(report):
        headers = [column.heading for column in grid.columns]
        rows = list(zip(*(column.cells for column in grid.columns), strict=True))
        table = tabulate(rows, headers=headers, tablefmt="html", disable_numparse=True)
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in grid.notes_on(grid.columns))
        parts.append(f"<p><b>{html.escape(grid.title)}</b></p>{table}<small>{notes}</small>")
    told = list(problems(report))
    if (found := searched(report)) is not None:
        told.append(found.line())
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in told)
    return "".join([*parts, f"<p>{lines}</p>" if lines else ""])


def _head(report: Report, title: str) -> str:
    session = report.session
    settings = settings_of(session.plan)
    under = f" under {len(settings)} settings" if len(settings) > 1 else ""
    number = len(files_of(session.variants))
    lines = [f"{count(number, 'variant')}{under} on {_places(report)}"]
    if session.started_at:
        lines.append(f"measured from {session.started_at}")
    if report.end is None:
        lines.append("this run is not finished: some launches are missing")
    return f"<h1>{html.escape(title)}</h1>" + "".join(
        f'<p class="soft">{html.escape(line)}</p>' for line in lines
    )


def _places(report: Report) -> str:
    labels = [table.environment.label for table in report.tables]
    return "; ".join(labels) or ", ".join(report.session.targets) or "no target"


def _answers(report: Report) -> Iterator[str]:
    """What to ship on each target, and why."""
    yield "<h2>What to ship</h2>"
    if not any(row.summary for table in report.tables for row in table.rows):
        yield "<p>Nothing was measured, so nothing can be recommended; see below why.</p>"
    elif (found := searched(report)) is not None:
        yield _page_search.answer(found)
    else:
        for each in recommendations(report, Requirements(), "latency"):
            yield _answer(each, several=len(report.tables) > 1)
    lines = [*problems(without_those_beside(report)), *filter(None, [pointer(report)])]
    if lines:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        yield f'<h3>What to know first</h3><ul class="warnings">{items}</ul>'


def _answer(found: Recommendation, *, several: bool) -> str:
    where = f" on {html.escape(found.environment.label)}" if several else ""
    line = found.line()
    lines = [f"<strong>{html.escape(line[:1].upper() + line[1:])}{where}.</strong>"]
    if found.chosen is not None:
        lines.append(f"<p>{html.escape(merits(found.chosen))}</p>")
        if found.chosen.variant.setting is not None:
            lines.append(_in_app(found.chosen.in_app))
    if found.equals:
        equals = ", ".join(row.variant.name for row in found.equals)
        lines.append(f"<p>No clear difference to: {html.escape(equals)}</p>")
    lines += _rejected(found)
    return f'<div class="answer">{"".join(lines)}</div>'


def _rejected(found: Recommendation) -> Iterator[str]:
    """Why not the others; folded where they are many, so that the table is near."""
    items = "".join(
        f"<li>{html.escape(row.variant.name)}: {html.escape(why)}</li>"
        for row, why in found.rejected
    )
    if len(found.rejected) > MOST_REASONS:
        number = count(len(found.rejected), "variant")
        yield f"<details><summary>Not {number}</summary><ul>{items}</ul></details>"
    elif items:
        yield f"<p>Not:</p><ul>{items}</ul>"


def _in_app(told: InApp) -> str:
    """How an app gets the setting."""
    flags = f"benchmark_model {told.flags}"
    blocks = (("benchmark_model", flags), ("Kotlin", told.kotlin), ("C++", told.cpp))
    texts = "".join(
        f"<h4>{name}</h4><pre>{html.escape(text)}</pre>" for name, text in blocks if text
    )
    return f"<details><summary>How an app gets this setting</summary>{texts}</details>"


def _tables(report: Report, view: View) -> Iterator[str]:
    yield "<h2>All variants</h2>"
    if not report.tables:
        yield "<p>There is no table: no target answered.</p>"
        return
    yield _limits.fields(report)
    for shown, grid in zip(report.tables, _main_grids(report), strict=True):
        told = [_limits.attributes(row) for row in shown.rows]
        chosen = named(grid.columns, view)
        columns = _stacked(chosen.columns)
        yield table_html(
            grid.title,
            [column.header for column in columns],
            list(zip(*(column.cells for column in columns), strict=True)),
            groups=[column.group for column in columns],
            names=[column.name for column in columns],
            notes=(*grid.notes_on(chosen.columns), *choice_notes(chosen)),
            attributes=told,
            beside=beside(report, shown),
        )
        yield on_paper(report, shown)


def _stacked(columns: Sequence[Column]) -> Sequence[Column]:
    """With a column whose header belongs to the one before it in that one's cells, as a line."""
    stacked: list[Column] = []
    for column in columns:
        if column.follows and stacked and stacked[-1].key == column.follows:
            cells = map("\n".join, zip(stacked[-1].cells, column.cells, strict=True))
            stacked[-1] = replace(stacked[-1], cells=tuple(cell.rstrip("\n") for cell in cells))
        else:
            stacked.append(column)
    return stacked


def _main_grids(report: Report) -> Sequence[Grid]:
    """The grid of each table, without those of profiles."""
    return [grid for grid in grids(report) if grid.order]


def _again(report: Report) -> str:
    """The environment, and the command that does it again."""
    session = report.session
    again = "<p>It was made from Python, by <code>bench.run</code>.</p>"
    if session.command:
        command = " ".join(["bench", *map(shlex.quote, session.command)])
        again = f"<pre>{html.escape(command)}</pre>"
    blocks = []
    for table in report.tables:
        facts = {"target": table.environment.target, **table.environment.facts}
        rows = "".join(
            f"<dt>{html.escape(str(key))}</dt><dd>{html.escape(str(value))}</dd>"
            for key, value in facts.items()
            if value not in (None, "", (), [], {})
        )
        blocks.append(f"<h3>{html.escape(table.environment.label)}</h3><dl>{rows}</dl>")
    cost = ""
    if report.end is not None:
        cost = (
            f'<p class="soft">measured in {report.end.wall_s:.1f} s, '
            f"{harness_cost(report.end) * 100:.1f} % of it outside launches</p>"
        )
    version = f"tflite-bench {session.version}" if session.version else "tflite-bench"
    return (
        f"<h2>Do it again</h2>{again}{cost}"
        f'<p class="soft">{html.escape(version)}, model {session.model.sha256[:16]}</p>'
        f"<details><summary>Where it was measured</summary>{''.join(blocks)}</details>"
    )
