"""What a variant loses against a limit: kept for certain, broken for certain, or who can tell.

Several variants are held against one baseline, and of a model with several outputs each against
its own metric. So that the verdicts on all of them together are right with 95 %, each is reached
by an interval widened after Bonferroni (``bench.stats.proportions.joint_z``); an interval that is
shown is a 95 % one by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.metrics.values import Accuracy, Score
from bench.stats.proportions import (
    Z,
    joint_z,
    paired_loss_interval,
    proportion_interval,
    samples_to_tell,
)
from bench.text import count, loss_text

Answer = Literal["kept", "broken", "can't tell"]

ROUNDING = 1e-9
"""A loss of exactly the limit is not beyond it, whatever 0.90 - 0.89 is in binary."""


@dataclass(frozen=True)
class Verdict:
    """One loss against a limit.

    Attributes:
        answer: for certain, jointly with all others, or ``can't tell``.
        more_samples: about how many would tell; None where none would or none are needed.
        reason: in words, empty where it is kept.
    """

    answer: Answer
    more_samples: int | None
    reason: str


def deciding(accuracy: Accuracy | None, baseline: Accuracy | None) -> tuple[Score, ...]:
    """The scores that limits are held against, each with what was lost.

    Files of older versions hold no paired answers: there the loss is the difference of the
    figures, with no interval.
    """
    if accuracy is None:
        return ()
    if accuracy is baseline:
        return accuracy.deciding
    return tuple(_with_loss(score, baseline) for score in accuracy.deciding)


def _with_loss(score: Score, baseline: Accuracy | None) -> Score:
    theirs = baseline.find(score.metric, score.output) if baseline is not None else None
    if score.loss is not None or score.value is None or theirs is None or theirs.value is None:
        return score
    return replace(score, loss=theirs.value - score.value)


def worst(scores: Iterable[Score]) -> float | None:
    """The greatest loss; None where one of them is not known."""
    losses = [score.loss for score in scores]
    known = [loss for loss in losses if loss is not None]
    return max(known) if known and len(known) == len(losses) else None


def judge_all(scores: Sequence[Score], samples: int, limit: float, comparisons: int) -> Verdict:
    """All losses of a variant against one limit: broken where one is, kept where all are.

    Args:
        scores: those of :func:`deciding`.
        samples: that they were evaluated on.
        limit: 0.01 for one point.
        comparisons: how many losses are judged together.
    """
    if not scores:
        return Verdict("can't tell", None, "its loss is not known")
    verdicts = [judge(score, samples, limit, comparisons) for score in scores]
    for answer in ("broken", "can't tell"):
        found = [verdict for verdict in verdicts if verdict.answer == answer]
        if found:
            more = [verdict.more_samples for verdict in found]
            known = [number for number in more if number is not None]
            reason = "; ".join(verdict.reason for verdict in found)
            return replace(found[0], more_samples=max(known, default=None), reason=reason)
    return verdicts[0]


def judge(score: Score, samples: int, limit: float, comparisons: int = 1) -> Verdict:
    """One loss against a limit; arguments as of :func:`judge_all`."""
    if score.loss is None:
        return Verdict("can't tell", None, f"its loss of {score.label} is not known")
    if score.loss_low is None or score.loss_high is None:
        known = "its interval is not known: evaluate again"
        return Verdict("can't tell", None, f"can't tell: {loss_text(score)}, and {known}")
    z = joint_z(comparisons)
    low, high = _ends(score, samples, 1.0, z)
    if high <= limit + ROUNDING:
        return Verdict("kept", None, "")
    if low > limit + ROUNDING:
        return Verdict("broken", None, f"it loses too much: {loss_text(score)}")
    more = samples_to_tell(
        lambda times, further: _ends(score, samples, times, z + further),
        score.loss,
        samples,
        limit + ROUNDING,
    )
    would = "no number of samples would, so near is it to the limit"
    if more:
        would = f"about {_rounded(more)} more {'sample' if more == 1 else 'samples'} would"
    return Verdict("can't tell", more or None, f"can't tell: {loss_text(score)}; {would}")


def _ends(score: Score, samples: int, times: float, z: float) -> tuple[float, float]:
    """The interval of a loss with so many times the samples, its ends ``z`` deviations off."""
    assert score.loss is not None
    assert score.loss_low is not None
    assert score.loss_high is not None
    if score.lost is not None and score.gained is not None:
        lost, gained, total = (times * x for x in (score.lost, score.gained, samples))
        if score.hits:
            low, high = paired_loss_interval(lost, gained, total, z=z)
        else:
            low, high = proportion_interval(lost, total, z=z)
        return float(low), float(high)
    wider = z / Z / math.sqrt(times)
    return (
        score.loss - (score.loss - score.loss_low) * wider,
        score.loss + (score.loss_high - score.loss) * wider,
    )


def _rounded(number: int) -> str:
    """Two significant digits: it is an estimate."""
    power = 10 ** max(len(str(number)) - 2, 0)
    return f"{math.ceil(number / power) * power:,}"


def comparisons(accuracies: Iterable[Accuracy | None], baseline: str) -> int:
    """How many losses are judged together: of each variant but the baseline, of each output."""
    return sum(
        len(accuracy.deciding)
        for accuracy in accuracies
        if accuracy is not None and accuracy.variant != baseline
    )


def at_most(limit: float, scores: Sequence[Score]) -> str:
    """A limit on losses by the unit of each: ``1 point of accuracy``."""
    each = dict.fromkeys(
        f"{limit * 100:g} % of {score.label}"
        if score.loss_is_relative
        else f"{limit * 100:g} {'point' if limit == 0.01 else 'points'} of {score.label}"
        for score in scores
    )
    return " and ".join(each)


def how_held(limit: float, scores: Sequence[Score], number: int, *, default: bool) -> str:
    """How a limit on losses is held: ``at most 1 point of accuracy lost (the default: …)``."""
    text = f"at most {at_most(limit, scores)} lost"
    if default:
        text += " (the default; --max-loss sets another)"
    together = f"for all {count(number, 'loss', 'losses')} together" if number > 1 else ""
    return f"{text}, held with 95 % {together}".rstrip()
