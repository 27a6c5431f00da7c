"""Which trials deserve a longer training: asynchronous successive halving.

Li et al., "A System for Massively Parallel Hyperparameter Tuning" (ASHA), 2020: as soon as a rung
holds enough trials, its best one in RATE is trained longer, without waiting for the others. A short
training loses more than a long one will, so what longer ones have won back so far is counted in.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.report.recommend import Aim
from bench.searching.values import Limits, Trial, violations

RATE = 3
"""One in so many is promoted from each rung."""

WON_BACK = 0.4
"""Of a loss, by a longer training, until some were seen."""


def same_point(one: Trial, other: Trial) -> bool:
    """Whether they differ in the length of training alone."""
    return dict(one.params) == dict(other.params)


def highest(trials: Sequence[Trial]) -> list[Trial]:
    """Of each point its longest training that worked."""
    found: dict[tuple[tuple[str, float | int | str], ...], Trial] = {}
    for trial in trials:
        key = tuple(sorted(trial.params.items()))
        if trial.works and (key not in found or found[key].rung < trial.rung):
            found[key] = trial
    return list(found.values())


def won_back(trials: Sequence[Trial], rung: int) -> float:
    """The fraction of its loss that a trial wins back from one rung to the next, so far."""
    fractions = []
    for longer in trials:
        if longer.rung != rung + 1 or not longer.works:
            continue
        for shorter in trials:
            before = shorter.outcome.loss
            if shorter.rung == rung and same_point(shorter, longer) and before and before > 0:
                after = longer.outcome.loss or 0.0
                fractions.append(min(1.0, max(0.0, 1 - after / before)))
    return median(fractions) if fractions else WON_BACK


def hoped(trial: Trial, trials: Sequence[Trial], top: int) -> float:
    """The loss that a trial may have when it is trained as long as can be."""
    if not trial.trained:
        top = trial.rung
    loss = trial.outcome.loss
    assert loss is not None  # of trials that work
    for rung in range(trial.rung, top):
        loss -= max(0.0, loss) * won_back(trials, rung)
    return loss


def merit(
    trial: Trial, trials: Sequence[Trial], limits: Limits, aim: Aim, top: int
) -> tuple[int, float]:
    """What trials are ranked by, smaller is better.

    First those that may keep to all limits when trained longer, by what is to be best; then the
    others, by how far they may be from it.
    """
    broken = max(violations(trial, limits)[1:], default=0.0)
    over = hoped(trial, trials, top) - limits.loss
    if over <= 0 and broken <= 0:
        return 0, trial.figure(aim)
    return 1, max(over / max(limits.loss, 0.001), broken)


def promotion(trials: Sequence[Trial], limits: Limits, aim: Aim, top: int) -> Trial | None:
    """The trial to train longer now, None where none deserves it yet; the highest rung first.

    Args:
        trials: all so far, those that failed among them.
        top: the highest rung.
    """
    for rung in reversed(range(top)):
        here = [trial for trial in trials if trial.rung == rung and trial.works]
        above = [trial for trial in trials if trial.rung > rung]
        here = [trial for trial in here if trial.trained]
        ranked = sorted(here, key=lambda trial: merit(trial, trials, limits, aim, top))
        for trial in ranked[: len(here) // RATE]:
            if not any(same_point(trial, other) for other in above):
                return trial
    return None


def last_promotion(trials: Sequence[Trial], limits: Limits, aim: Aim, top: int) -> Trial | None:
    """At the end, the most deserving that has not been trained as long as can be."""
    waiting = [trial for trial in highest(trials) if trial.rung < top and trial.trained]
    tried = {(tuple(sorted(t.params.items())), t.rung) for t in trials}
    waiting = [t for t in waiting if (tuple(sorted(t.params.items())), t.rung + 1) not in tried]
    return min(waiting, key=lambda t: merit(t, trials, limits, aim, top), default=None)
