"""Columns on what a phone answers, and the line below the table that explains them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.formats._columns.values import Column
from bench.metrics.values import DeviceAnswers
from bench.report import Row, Table
from bench.text import figure, score_margin, score_text

GROUP = "on phone"
BRIEF = {"rounds differently": "rounds"}
"""Verdicts that can be said in fewer letters."""


def answer_columns(table: Table) -> Iterator[Column]:
    """The verdict, the metric on the phone, and how far answers agree; none where none was asked.

    The metric only where there are labels.
    """
    asked = _asked(table)
    if not asked:
        return
    found = [row.answers for row in table.rows]
    verdicts = tuple("-" if each is None else each.verdict for each in found)
    brief = tuple(BRIEF.get(each, each) for each in verdicts)
    yield Column("answers", "answers", verdicts, brief, group=GROUP)
    score = next((each.deciding for each in asked if each.deciding), None)
    if score is not None:
        scores = [each.deciding if each is not None and each.outputs else None for each in found]
        yield Column(
            "phone-accuracy",
            score.label,
            tuple("-" if each is None else score_text(each) for each in scores),
            tuple("-" if each is None else score_margin(each) for each in scores),
            group=GROUP,
            title=f"{score.label} on phone",
        )
    name = _agreement_name(asked)
    yield Column("agrees", name, tuple(_agreement(row, name) for row in table.rows), group=GROUP)


def answer_notes(table: Table) -> Sequence[str]:
    """On how many samples, and what was compared."""
    samples = [answers.samples for answers in _asked(table) if answers.outputs]
    if not samples:
        return ()
    least, most = min(samples), max(samples)
    counted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    what = "classes" if _agreement_name(_asked(table)) == "agrees" else "values"
    return (
        f"answers: {what} there and here by the same file, each row on {counted} test samples of "
        "its own",
    )


def _asked(table: Table) -> list[DeviceAnswers]:
    return [row.answers for row in table.rows if row.answers is not None]


def _agreement_name(asked: Sequence[DeviceAnswers]) -> str:
    return "agrees" if any(each.agreement is not None for each in asked) else "correlates"


def _agreement(row: Row, name: str) -> str:
    answers = row.answers
    if answers is None or not answers.outputs:
        return "-"
    agreed = answers.agreement if name == "agrees" else answers.correlation
    return figure(agreed, is_fraction=name == "agrees", digits=4)
