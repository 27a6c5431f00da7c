"""Warnings on a page: those about one row stand beside it, the others before the tables."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace

from bench.cells import base_of
from bench.report import Report, Row, Table
from bench.text import count
from bench.values import ReportWarning


def without_those_beside(report: Report) -> Report:
    """The report with those warnings alone that no row of a table bears."""
    borne = {
        id(warning)
        for table in report.tables
        for row in table.rows
        for warning in _of_row(report, table, row)
    }
    others = tuple(warning for warning in report.warnings if id(warning) not in borne)
    return replace(report, warnings=others)


def beside(report: Report, table: Table) -> Sequence[str]:
    """What stands below the name of each row, as HTML; empty where there is no warning."""
    return [_folded(_of_row(report, table, row)) for row in table.rows]


def on_paper(report: Report, table: Table) -> str:
    """The same warnings below the table, where there is room for them: paper cannot be unfolded."""
    told: dict[str, list[str]] = {}
    for row in table.rows:
        for each in _of_row(report, table, row):
            told.setdefault(f"{each.message}: {each.hint}", []).append(row.variant.name)
    items = "".join(
        f"<li>{html.escape(', '.join(names))}: {html.escape(words)}</li>"
        for words, names in told.items()
    )
    return f'<ul class="paper warnings">{items}</ul>' if items else ""


def pointer(report: Report) -> str:
    """A line that says where the warnings about single rows are; empty where there are none."""
    several = len(report.warnings) - len(without_those_beside(report).warnings)
    if not several:
        return ""
    return f"{count(several, 'warning')} on single variants: below their names in the table"


def _of_row(report: Report, table: Table, row: Row) -> Sequence[ReportWarning]:
    names = (row.variant.name, base_of(row.variant))
    here = (None, table.environment.target)
    return [each for each in report.warnings if each.variant in names and each.target in here]


def _folded(warnings: Sequence[ReportWarning]) -> str:
    if not warnings:
        return ""
    items = "".join(
        f"<li>{html.escape(each.message)}: {html.escape(each.hint)}</li>" for each in warnings
    )
    summary = count(len(warnings), "warning")
    return f'<details class="beside"><summary>{summary}</summary><ul>{items}</ul></details>'
