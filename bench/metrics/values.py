"""How well a variant answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """One metric of one output over all test samples, with 95 % intervals over samples.

    Attributes:
        output: the output's name; empty for a model's only one.
        metric: its name, such as ``accuracy``, ``mean IoU``, ``RMSE``, ``relative error``.
        value: None where it is not defined for these samples.
        low, high: of the value; None where no interval is known.
        loss: how much worse than the baseline, from paired answers: a difference of the metric
            (0.01 is one point), or where ``loss_is_relative`` a fraction of the baseline's value.
            Negative where it is better; None for the baseline itself.
        loss_low, loss_high: of the loss.
        decides: limits on the loss are held against this one; one per output.
        is_fraction: the value is shown in per cent.
        lost, gained: samples that the baseline alone answers right, and that the variant alone
            does; None where no sample is simply right or wrong.
        hits: which samples were answered right (``bench.metrics.intervals.pack``); empty as above.
    """

    output: str
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    decides: bool = True
    is_fraction: bool = True
    lower_is_better: bool = False
    loss_is_relative: bool = False
    lost: int | None = None
    gained: int | None = None
    hits: str = ""

    @property
    def label(self) -> str:
        """The metric, after the output's name where it has one."""
        return f"{self.output} {self.metric}" if self.output else self.metric


@dataclass(frozen=True)
class Accuracy:
    """How well a variant answers the test samples.

    Attributes:
        scores: all metrics of all outputs.
        max_difference, mean_difference: of outputs, against the baseline's on the same samples;
            None for the baseline itself.
    """

    variant: str
    samples: int
    scores: tuple[Score, ...] = ()
    max_difference: float | None = None
    mean_difference: float | None = None

    @property
    def deciding(self) -> tuple[Score, ...]:
        """The scores that limits on losses are held against, one per output."""
        return tuple(score for score in self.scores if score.decides)

    def find(self, metric: str, output: str | None = None) -> Score | None:
        """The first score of that metric (of that output), None where there is none."""
        for score in self.scores:
            if score.metric == metric and output in (None, score.output):
                return score
        return None

    @property
    def top1(self) -> float | None:
        """The share of samples answered right; None without labels, or with others than classes."""
        found = self.find("accuracy")
        return None if found is None else found.value

    @property
    def agreement(self) -> float | None:
        """The share of samples answered as the baseline does, where that was evaluated."""
        found = self.find("agreement")
        return None if found is None else found.value
