"""The columns of a table that tell how well variants answer, and what below it explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.metrics.values import Score
from bench.report import Row, Table
from bench.text import figure, loss_interval_text, loss_unit, score_text

HIDDEN_BESIDE = ("agreement",)
"""Told in .csv and .json, and here only where it decides."""


@dataclass(frozen=True)
class MetricColumn:
    """One metric of one output, with the loss beside it where limits are held against it."""

    example: Score
    has_loss: bool

    @property
    def headers(self) -> tuple[str, ...]:
        """One or two."""
        if not self.has_loss:
            return (self.example.label,)
        name = f"{self.example.output} lost" if self.example.output else "lost"
        return (self.example.label, f"{name}, {loss_unit(self.example)}")

    def cells(self, row: Row) -> tuple[str, ...]:
        """As many as headers."""
        score = self._score(row)
        if score is None:
            versus = "baseline" if row.is_baseline_file and row.accuracy else "-"
            return (versus, "-") if self.has_loss else (versus,)
        if not score.decides:
            return (figure(score.value, is_fraction=score.is_fraction),)
        if not self.has_loss:
            return (score_text(score),)
        return (score_text(score), "" if row.is_baseline_file else loss_interval_text(score))

    def _score(self, row: Row) -> Score | None:
        of_accuracy = row.accuracy.scores if row.accuracy is not None else ()
        for score in (*row.deciding, *of_accuracy):
            if (score.output, score.metric) == (self.example.output, self.example.metric):
                return score
        return None


def metric_columns(table: Table) -> Sequence[MetricColumn]:
    """A column for each metric that any variant has."""
    found: dict[tuple[str, str], MetricColumn] = {}
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
                found.setdefault(key, MetricColumn(score, score.decides and key in own))
    return list(found.values())


def metric_notes(table: Table) -> Sequence[str]:
    """On how many samples, and what the intervals are."""
    samples = sorted({row.accuracy.samples for row in table.rows if row.accuracy is not None})
    columns = metric_columns(table)
    if not samples or not columns:
        return ()
    names = " and ".join(c.example.label for c in columns if c.example.decides)
    counted = " or ".join(f"{number:,}" for number in samples)
    text = f"{names}: on {counted} samples, [ ] 95 % over samples"
    if any(column.has_loss for column in columns):
        text += ", of losses by paired answers, each by itself"
    return (text,)
