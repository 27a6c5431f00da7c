"""How well a variant answers, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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


Verdict = Literal["same", "rounds differently", "differs", "wrong", "not known"]
"""What a device's answers are beside this machine's, see :mod:`bench.metrics.agreement`."""

BAD: tuple[Verdict, ...] = ("differs", "wrong")
"""Verdicts with which nothing is ever recommended."""


@dataclass(frozen=True)
class OutputAgreement:
    """One output of a device beside this machine's, on the same file and samples.

    Attributes:
        output: its name; empty for a model's only one.
        reason: why it differs or is wrong; else empty.
        agreement: share of samples (or positions) that are given the same class; None where the
            output names no class.
        correlation: of all values; None where they do not vary.
        relative_error: root mean square of the differences over that of the values here; None
            where these are all zero, or a difference is not finite.
    """

    output: str
    verdict: Verdict
    reason: str = ""
    agreement: float | None = None
    correlation: float | None = None
    relative_error: float | None = None


@dataclass(frozen=True)
class DeviceAnswers:
    """What a device answers, run as it is measured there, and how that agrees with this machine.

    Attributes:
        variant, target: of whom, and where.
        samples: that both answered.
        verdict: the worst of all outputs; ``not known`` where the device gave no answers.
        reason: why it is none of the good ones.
        hint: what to do about it.
        outputs: each by itself.
        scores: on the device, with the loss against this machine's answers by the same file to the
            same samples.
        processes: that it took.
        wall_s: of all of it, as the host saw it.
        started_at: UTC, ISO 8601.
    """

    variant: str
    target: str
    samples: int
    verdict: Verdict
    reason: str = ""
    hint: str = ""
    outputs: tuple[OutputAgreement, ...] = ()
    scores: tuple[Score, ...] = ()
    processes: int = 0
    wall_s: float = 0.0
    started_at: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether it must not be shipped."""
        return self.verdict in BAD

    @property
    def deciding(self) -> Score | None:
        """The first score that limits are held against; None without labels."""
        return next((score for score in self.scores if score.decides), None)

    @property
    def agreement(self) -> float | None:
        """The least share of samples given the same class, of all outputs that name classes."""
        return min((o.agreement for o in self.outputs if o.agreement is not None), default=None)

    @property
    def correlation(self) -> float | None:
        """The least of all outputs."""
        known = (o.correlation for o in self.outputs if o.correlation is not None)
        return min(known, default=None)

    @property
    def relative_error(self) -> float | None:
        """The greatest of all outputs."""
        known = (o.relative_error for o in self.outputs if o.relative_error is not None)
        return max(known, default=None)
