"""What a variant of one report loses against the same of another, from the answers that both hold.

On the same samples only, and by the same metric. Where samples are simply right or wrong their
answers are paired; for other metrics reports hold none, and the interval is that of two independent
figures (Zou and Donner 2008, see ``stats.intervals``), which is too wide rather than too narrow,
since both answered the same samples.
"""

from __future__ import annotations

import math
from dataclasses import replace

from bench.metrics.intervals import paired, unpack
from bench.metrics.values import Accuracy, Score
from bench.records import Records


def accuracy_losses(old: Records, new: Records, variant: str) -> tuple[tuple[Score, ...], int, str]:
    """Losses of the metrics that decide.

    Returns:
        the new scores with their losses against the old, the number of samples, and why there are
        none; empty where there are.
    """
    before, after = (_of(records, variant) for records in (old, new))
    if before is None and after is None:
        return (), 0, "not evaluated"
    if before is None or after is None:
        return (), 0, f"only {(old if before else new).path} evaluated it"
    if old.session.data.get("sha256") != new.session.data.get("sha256"):
        return (), 0, "evaluated on other samples"
    found = []
    for score in after.deciding:
        theirs = before.find(score.metric, score.output)
        if theirs is None:
            return (), 0, f"{score.label} stands in {new.path} alone"
        found.append(_against(theirs, score, after.samples))
    return tuple(found), after.samples, "" if found else "nothing to compare"


def _of(records: Records, variant: str) -> Accuracy | None:
    return next((item for item in records.accuracies if item.variant == variant), None)


def _against(old: Score, new: Score, samples: int) -> Score:
    """The new score, its loss held against the old one."""
    if old.hits and new.hits:
        return paired(new, unpack(old.hits, samples), unpack(new.hits, samples))
    bare = replace(new, loss=None, loss_low=None, loss_high=None, lost=None, gained=None)
    if old.value is None or new.value is None:
        return bare
    sign = 1.0 if new.lower_is_better else -1.0
    unit = abs(old.value) if new.loss_is_relative else 1.0
    if unit == 0:
        return bare
    loss = sign * (new.value - old.value) / unit
    bare = replace(bare, loss=loss)
    if None in (old.low, old.high, new.low, new.high):
        return bare
    # The old one's upper end is what can be lost most of a figure that is better when higher.
    worse, better = ("high", "low") if new.lower_is_better else ("low", "high")
    up = math.hypot(getattr(new, worse) - new.value, getattr(old, better) - old.value)
    down = math.hypot(getattr(new, better) - new.value, getattr(old, worse) - old.value)
    return replace(bare, loss_low=loss - down / unit, loss_high=loss + up / unit)
