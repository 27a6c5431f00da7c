"""Columns on how well variants answer, and the line below the table that explains them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.formats._columns.values import Column
from bench.metrics.values import Score
from bench.report import Row, Table
from bench.text import figure, loss_interval_text, loss_unit, score_margin, score_text

HIDDEN_BESIDE = ("agreement",)
"""Told in .csv and .json, and here only where it decides."""


GROUP = "test samples"


def metric_columns(table: Table) -> Iterator[Column]:
    """A column for each metric, with the loss beside it where limits are held against it."""
    for shown in _shown(table):
        yield shown.of_scores(table)
        if shown.has_loss:
            yield shown.of_losses(table)


@dataclass(frozen=True)
class _Shown:
    """One metric of one output."""

    example: Score
    has_loss: bool

    def of_scores(self, table: Table) -> Column:
        """The metric itself."""
        scores = [(row, self._score(row)) for row in table.rows]
        return Column(
            "accuracy",
            self.example.label,
            tuple(_text(row, score) for row, score in scores),
            tuple(_brief(row, score) for row, score in scores),
            group=GROUP,
        )

    def of_losses(self, table: Table) -> Column:
        """What of it is lost."""
        name = f"{self.example.output} lost" if self.example.output else "lost"
        header = f"{name}, {loss_unit(self.example)}"
        cells = tuple(self._loss(row) for row in table.rows)
        brief = tuple(cell.partition(" [")[0] for cell in cells)
        return Column("lost", header, cells, brief, group=GROUP)

    def _loss(self, row: Row) -> str:
        score = self._score(row)
        if score is None:
            return "-"
        return "" if row.is_baseline_file else loss_interval_text(score)

    def _score(self, row: Row) -> Score | None:
        of_accuracy = row.accuracy.scores if row.accuracy is not None else ()
        for score in (*row.deciding, *of_accuracy):
            if (score.output, score.metric) == (self.example.output, self.example.metric):
                return score
        return None


def _text(row: Row, score: Score | None) -> str:
    if score is None:
        return "baseline" if row.is_baseline_file and row.accuracy else "-"
    if not score.decides:
        return figure(score.value, is_fraction=score.is_fraction)
    return score_text(score)


def _brief(row: Row, score: Score | None) -> str:
    return score_margin(score) if score is not None and score.decides else _text(row, score)


def _shown(table: Table) -> Sequence[_Shown]:
    """Each metric that any variant has."""
    found: dict[tuple[str, str], _Shown] = {}
    own = {
        (score.output, score.metric)
        for row in table.rows
        if row.accuracy is not None and row.variant is row.baseline
        for score in row.accuracy.scores
    }
    for row in table.rows:
        for score in row.accuracy.scores if row.accuracy is not None else ():
            key = (score.output, score.metric)
            if score.decides or score.metric not in HIDDEN_BESIDE:
                # What the baseline itself has none of is a loss already.
                found.setdefault(key, _Shown(score, score.decides and key in own))
    return list(found.values())


def metric_notes(table: Table) -> Sequence[str]:
    """On how many samples, and what the intervals are."""
    samples = sorted({row.accuracy.samples for row in table.rows if row.accuracy is not None})
    columns = _shown(table)
    if not samples or not columns:
        return ()
    names = " and ".join(c.example.label for c in columns if c.example.decides)
    counted = " or ".join(f"{number:,}" for number in samples)
    text = f"{names}: on {counted} samples, [ ] 95 % over samples"
    if any(column.has_loss for column in columns):
        text += ", of losses by paired answers, each by itself"
    return (text,)
