"""The columns of a table that tell what a device answers, and the lines below that explain them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.metrics.values import DeviceAnswers
from bench.report import Row, Table
from bench.text import figure, score_text


def verdict_headers(table: Table) -> tuple[str, ...]:
    """The first column of figures, where any variant was asked."""
    return ("answers",) if _asked(table) else ()


def verdict_cells(row: Row, table: Table) -> tuple[str, ...]:
    """The verdict on a variant's answers."""
    if not _asked(table):
        return ()
    return (row.answers.verdict if row.answers is not None else "-",)


def answer_headers(table: Table) -> tuple[str, ...]:
    """The metric on the device, where there are labels, and how far its answers agree."""
    asked = _asked(table)
    score = next((answers.deciding for answers in asked if answers.deciding), None)
    headers = () if score is None else (f"{score.label} on phone",)
    return (*headers, _agreement_name(asked)) if asked else ()


def answer_cells(row: Row, table: Table) -> tuple[str, ...]:
    """As many as headers."""
    headers = answer_headers(table)
    answers = row.answers
    if answers is None or not answers.outputs:
        return ("-",) * len(headers)
    agreed = answers.agreement if headers and headers[-1] == "agrees" else answers.correlation
    cells = (figure(agreed, is_fraction=headers[-1:] == ("agrees",), digits=4),)
    if len(headers) == 1:
        return cells
    return ("-" if answers.deciding is None else score_text(answers.deciding), *cells)


def answer_notes(table: Table) -> Sequence[str]:
    """On how many samples, and what was compared."""
    samples = [answers.samples for answers in _asked(table) if answers.outputs]
    if not samples:
        return ()
    least, most = min(samples), max(samples)
    counted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    what = "classes" if answer_headers(table)[-1] == "agrees" else "values"
    return (
        f"answers: {what} on the device beside this machine's by the same file, each row on "
        f"{counted} test samples of its own",
    )


def _asked(table: Table) -> list[DeviceAnswers]:
    return [row.answers for row in table.rows if row.answers is not None]


def _agreement_name(asked: Sequence[DeviceAnswers]) -> str:
    return "agrees" if any(each.agreement is not None for each in asked) else "correlates"
