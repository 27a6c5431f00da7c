"""Warnings stand beside the row that they are about, and nowhere else twice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.formats import html, text
from bench.formats._beside import beside, on_paper, pointer, without_those_beside
from bench.records import read
from bench.report import assemble
from bench.values import ReportWarning
from tests import examples

NAMES = ["float32", "quantize:int8"]


@pytest.fixture
def report(tmp_path):
    """Warnings about one row, about one row elsewhere, about a file everywhere, about all."""
    path = examples.write(
        tmp_path / "x.jsonl",
        examples.session(launches=6),
        [examples.ENVIRONMENT, *examples.launches(NAMES, 6)],
    )
    warnings = (
        ReportWarning("a", "row <b>", "do", variant="quantize:int8", target="local"),
        ReportWarning("b", "row of a phone", "do", variant="quantize:int8", target="adb:1"),
        ReportWarning("c", "file", "do", variant="float32"),
        ReportWarning("d", "all", "do"),
    )
    return replace(assemble(read(path)), warnings=warnings)


def test_each_warning_is_told_once(report):
    left = [warning.message for warning in without_those_beside(report).warnings]
    assert left == ["row of a phone", "all"]
    first, second = beside(report, report.tables[0])
    assert "<li>file: do</li>" in first
    assert "<li>row &lt;b&gt;: do</li>" in second
    assert "1 warning<" in second
    assert pointer(report) == "2 warnings on single variants: below their names in the table"


def test_a_page_has_them_in_the_cell_of_the_name(report):
    page = html.render(report)
    (cell,) = re.findall(r'<th scope="row">quantize:int8(.*?)</th>', page)
    assert "row &lt;b&gt;: do" in cell
    assert page.count("row &lt;b&gt;: do") == 2, "on the screen here, on paper below the table"
    assert "row <b>" not in page


def test_without_warnings_nothing_is_said(report):
    silent = replace(report, warnings=())
    assert beside(silent, silent.tables[0]) == ["", ""]
    assert pointer(silent) == ""


def test_a_terminal_has_them_below_the_table(report):
    assert "warning: quantize:int8 local: row <b>: do" in text.render(report)


def test_on_paper_they_stand_below_the_table_with_their_names(report):
    told = on_paper(report, report.tables[0])
    assert told.count("<li>") == 2
    assert "quantize:int8" in told
    assert on_paper(replace(report, warnings=()), report.tables[0]) == ""
