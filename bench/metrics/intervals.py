"""A metric's numbers per sample as a score: the figure, what was lost, each with its interval."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace

import numpy as np

from bench.metrics.figures import Metric
from bench.metrics.reading import Array
from bench.metrics.values import Score
from bench.stats.proportions import paired_loss_interval, proportion_interval
from bench.stats.resampling import Bounds, bootstrap


def scored(
    output: str, metric: Metric, mine: Array, before: Array | None, *, decides: bool
) -> Score:
    """The score of one metric.

    Args:
        output: its name.
        metric: that the numbers are of.
        mine: of the variant, (samples, numbers).
        before: of the baseline, alike; None for the baseline itself, and for metrics that hold the
            baseline's outputs already.
        decides: limits on losses are held against it.
    """
    if mine.shape[1] == 1:
        return proportion(
            output, metric.name, mine, before, decides=decides, against=metric.against_baseline
        )
    found = bootstrap(mine, metric.figure)
    loss = None
    if metric.against_baseline:
        loss = found if metric.lower_is_better else _turned(found, 1.0)
    elif before is not None:
        loss = _lost(metric, mine, before)
    return Score(
        output=output,
        metric=metric.name,
        value=_finite(found.value),
        low=found.low,
        high=found.high,
        loss=_finite(loss.value) if loss else None,
        loss_low=loss.low if loss else None,
        loss_high=loss.high if loss else None,
        decides=decides,
        is_fraction=metric.is_fraction,
        lower_is_better=metric.lower_is_better,
        loss_is_relative=metric.relative_loss,
    )


def proportion(
    output: str,
    name: str,
    mine: Array,
    before: Array | None,
    *,
    decides: bool,
    against: bool = False,
    is_fraction: bool = True,
) -> Score:
    """The score of a share of the samples: intervals of proportions, not a bootstrap."""
    hits = mine[:, 0] > 0
    total, count = len(hits), int(hits.sum())
    low, high = (float(end) for end in proportion_interval(count, total))
    score = Score(
        output=output,
        metric=name,
        value=count / total,
        low=low,
        high=high,
        decides=decides,
        is_fraction=is_fraction,
        hits="" if against else pack(hits),
    )
    if against:
        # What differs from the baseline is one proportion: nothing can be gained.
        lost = total - count
        loss = lost / total
        return replace(
            score, loss=loss, loss_low=1.0 - high, loss_high=1.0 - low, lost=lost, gained=0
        )
    return score if before is None else paired(score, before[:, 0] > 0, hits)


def paired(score: Score, before: Array, after: Array) -> Score:
    """A score with what was lost, from which samples were answered right before and after."""
    lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
    low, high = (float(end) for end in paired_loss_interval(lost, gained, len(after)))
    return replace(
        score,
        loss=(lost - gained) / len(after),
        loss_low=low,
        loss_high=high,
        lost=lost,
        gained=gained,
    )


def _lost(metric: Metric, mine: Array, before: Array) -> Bounds:
    """The difference to the baseline's figure, both resampled together."""
    width = mine.shape[1]

    def difference(totals: Array) -> Array:
        new, old = metric.figure(totals[..., :width]), metric.figure(totals[..., width:])
        worse = new - old if metric.lower_is_better else old - new
        if not metric.relative_loss:
            return np.asarray(worse)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(worse / np.abs(old))

    return bootstrap(np.concatenate([mine, before], axis=1), difference)


def _turned(bounds: Bounds, whole: float) -> Bounds:
    """``whole`` less a figure."""
    low = None if bounds.high is None else whole - bounds.high
    high = None if bounds.low is None else whole - bounds.low
    return Bounds(whole - bounds.value, low, high)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def pack(hits: Array) -> str:
    """Which samples were answered right, a bit each, as text: 2,000 samples take some 300 letters.

    Kept in report files, so that two of them can be compared by paired answers.
    """
    return base64.b85encode(zlib.compress(np.packbits(hits).tobytes(), 9)).decode()


def unpack(text: str, samples: int) -> Array:
    """The reverse of :func:`pack`.

    Raises:
        ValueError: it is no such text, or of other samples.
    """
    try:
        bits = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8)
    except zlib.error as fault:
        raise ValueError(f"answers that cannot be read ({fault})") from fault
    if len(bits) != -(-samples // 8):
        raise ValueError(f"answers of other samples than {samples}")
    return np.unpackbits(bits, count=samples).astype(bool)
