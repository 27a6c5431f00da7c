"""The metrics: what each counts of a sample, and the figure that the sums over samples give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.metrics.reading import IGNORED, Array, Kind, Reading

AT_ONCE = 256
"""Samples that are looked at together: outputs may be larger than memory."""

PerSample = Callable[[Array, Array | None, Array | None, Reading], Array]
"""Output, labels, the baseline's output, reading -> (samples, numbers)."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: for tables.
        per_sample: numbers of each sample; a lone one of 0 or 1 makes the figure a proportion.
        figure: of the sums of these over samples, (…, numbers) to (…).
        kinds: outputs that it is for.
        needs_labels: it cannot be told without.
        against_baseline: it compares with the baseline's outputs; its loss is its distance from
            what the baseline would have.
        lower_is_better: an error.
        relative_loss: what is lost is told relative to the baseline's figure.
        is_fraction: shown in per cent.
    """

    name: str
    per_sample: PerSample
    figure: Callable[[Array], Array]
    kinds: tuple[Kind, ...]
    needs_labels: bool = True
    against_baseline: bool = False
    lower_is_better: bool = False
    relative_loss: bool = False
    is_fraction: bool = True


def usual(reading: Reading) -> Sequence[str]:
    """The metrics of an output, where the user asks for none."""
    if reading.truth == "none":
        differences = ("relative-error", "correlation")
        return differences if reading.kind == "numbers" else ("agreement", *differences)
    if reading.kind == "numbers":
        return ("r2", "rmse", "mae")
    if reading.kind == "labels":
        return ("label-accuracy",)
    if reading.axes >= 2:
        return ("mean-iou", "pixel-accuracy")
    return ("step-accuracy",) if reading.positions else ("accuracy", "agreement")


def check(name: str, output: str, reading: Reading) -> None:
    """See that a metric can be told of an output.

    Raises:
        DataError: there is no such metric, or it is for others.
    """
    check_name(name)
    if ":" in name:
        return
    metric = METRICS[name]
    what = f"output {output}" if output else "the output"
    if metric.needs_labels and reading.truth == "none":
        raise DataError(f"{name} needs labels for {what}", hint="add y_test")
    if reading.kind not in metric.kinds or (
        (name in ("accuracy", "top5") and reading.positions)
        or (name in ("mean-iou", "pixel-accuracy", "step-accuracy") and not reading.positions)
    ):
        raise DataError(
            f"{name} is not for {what}, which holds {_WORDS[reading.kind]}",
            hint=f"use {' or '.join(usual(reading))}, or module:function",
        )


def check_name(name: str) -> None:
    """See that there is a metric of that name.

    Raises:
        DataError: there is none.
    """
    if ":" not in name and name not in METRICS:
        known = ", ".join(METRICS)
        raise DataError(f"no metric {name!r}", hint=f"there is: {known}, or module:function")


_WORDS: Mapping[Kind, str] = {
    "classes": "scores of classes",
    "unit": "one unit for two classes",
    "labels": "a yes or no for each label",
    "numbers": "numbers",
}


def _parts(*arrays: Array | None) -> Iterator[list[Any]]:
    """Some samples of each array at a time."""
    first = arrays[0]
    assert first is not None
    for start in range(0, len(first), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        yield [None if array is None else np.asarray(array[part]) for array in arrays]


def _by_parts(count: Callable[..., Array]) -> PerSample:
    """A counter of a few samples as one of all."""

    def per_sample(
        output: Array, labels: Array | None, baseline: Array | None, reading: Reading
    ) -> Array:
        counted = [count(*part, reading) for part in _parts(output, labels, baseline)]
        found: Array = np.concatenate(counted).astype(np.float64)
        return found

    return per_sample


def _hits(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    hits: Array = reading.answers(output) == reading.right(labels)
    return hits[:, None]


def _top5(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    if reading.kind != "classes":
        return _hits(output, labels, baseline, reading)
    best = np.argsort(output, axis=-1)[..., -5:]
    hits: Array = (best == reading.right(labels)[..., None]).any(axis=-1)[:, None]
    return hits


def _label_hits(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    same = (output > reading.threshold) == (labels > 0)
    return _counted(same)


def _position_hits(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    right = reading.right(labels)
    counts = ~np.isin(right, IGNORED) if reading.kind == "classes" else np.ones_like(right, bool)
    same = (reading.answers(output) == right) & counts
    return np.stack([_summed(same), _summed(counts)], axis=1)


def _same_answers(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    same = reading.answers(output) == reading.answers(baseline)
    return _counted(same) if reading.positions else same[:, None]


def _overlaps(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    """Per class the positions where both say it, and where either does."""
    right, answers = reading.right(labels), reading.answers(output)
    counts = ~np.isin(right, IGNORED) if reading.kind == "classes" else np.ones_like(right, bool)
    numbers = []
    for name in range(reading.classes):
        said, true = (answers == name) & counts, right == name
        numbers += [_summed(said & true), _summed(said | true)]
    return np.stack(numbers, axis=1)


def _errors(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    """Elements, absolute errors and squared errors."""
    off = _flat(output) - _flat(labels)
    elements = np.full(len(off), off.shape[1], np.float64)
    return np.stack([elements, np.abs(off).sum(axis=1), (off**2).sum(axis=1)], axis=1)


def _variances(
    output: Array, labels: Array | None, baseline: Array | None, reading: Reading
) -> Array:
    """Squared errors, and the labels' squared distances from their mean."""
    assert labels is not None
    mean = _flat(labels).mean(axis=0)
    found = []
    for some, true, _ in _parts(output, labels, baseline):
        wide = _flat(true)
        found.append(
            np.stack(
                [((_flat(some) - wide) ** 2).sum(axis=1), ((wide - mean) ** 2).sum(axis=1)], axis=1
            )
        )
    return np.concatenate(found)


def _differences(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    """Squared distances from the baseline's output, and its own squares."""
    mine, theirs = _flat(output), _flat(baseline)
    return np.stack([((mine - theirs) ** 2).sum(axis=1), (theirs**2).sum(axis=1)], axis=1)


def _moments(output: Array, labels: Array, baseline: Array, reading: Reading) -> Array:
    x, y = _flat(output), _flat(baseline)
    sums = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return np.stack([each.sum(axis=1) for each in sums], axis=1)


def _flat(values: Array) -> Array:
    flat: Array = np.asarray(values, np.float64).reshape(len(values), -1)
    return flat


def _summed(values: Array) -> Array:
    summed: Array = values.reshape(len(values), -1).sum(axis=1)
    return summed


def _counted(same: Array) -> Array:
    """How many are, of how many."""
    flat = same.reshape(len(same), -1)
    return np.stack([flat.sum(axis=1), np.full(len(flat), flat.shape[1])], axis=1)


def _ratio(totals: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = totals[..., 0] / totals[..., 1]
    return ratio


def _mean_iou(totals: Array) -> Array:
    """Classes that neither labels nor answers have are left out."""
    both, either = totals[..., 0::2], totals[..., 1::2]
    ious = np.where(either > 0, both / np.maximum(either, 1), 0.0)
    mean: Array = ious.sum(axis=-1) / np.maximum((either > 0).sum(axis=-1), 1)
    return mean


def _correlation(totals: Array) -> Array:
    n, x, y, xx, yy, xy = np.moveaxis(totals, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = (n * xy - x * y) / np.sqrt(
            np.maximum(n * xx - x * x, 0) * np.maximum(n * yy - y * y, 0)
        )
    return found


def _whole(totals: Array) -> Array:
    """The figure of a proportion: unused, since its samples are counted."""
    return totals[..., 0]


ALL: tuple[Kind, ...] = ("classes", "unit", "labels", "numbers")
ANSWERS: tuple[Kind, ...] = ("classes", "unit")

METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("accuracy", _by_parts(_hits), _whole, ANSWERS),
    "top5": Metric("top-5 accuracy", _by_parts(_top5), _whole, ("classes",)),
    "label-accuracy": Metric("label accuracy", _by_parts(_label_hits), _ratio, ("labels",)),
    "mean-iou": Metric("mean IoU", _by_parts(_overlaps), _mean_iou, ANSWERS),
    "pixel-accuracy": Metric("pixel accuracy", _by_parts(_position_hits), _ratio, ANSWERS),
    "step-accuracy": Metric("accuracy per step", _by_parts(_position_hits), _ratio, ANSWERS),
    "r2": Metric(
        "R²",
        _variances,
        lambda totals: 1.0 - _ratio(totals),
        ALL,
        is_fraction=False,
    ),
    "rmse": Metric(
        "RMSE",
        _by_parts(_errors),
        lambda totals: np.sqrt(totals[..., 2] / totals[..., 0]),
        ALL,
        lower_is_better=True,
        relative_loss=True,
        is_fraction=False,
    ),
    "mae": Metric(
        "MAE",
        _by_parts(_errors),
        lambda totals: totals[..., 1] / totals[..., 0],
        ALL,
        lower_is_better=True,
        relative_loss=True,
        is_fraction=False,
    ),
    "agreement": Metric(
        "agreement",
        _by_parts(_same_answers),
        _ratio,
        ANSWERS,
        needs_labels=False,
        against_baseline=True,
    ),
    "relative-error": Metric(
        "relative error",
        _by_parts(_differences),
        lambda totals: np.sqrt(_ratio(totals)),
        ALL,
        needs_labels=False,
        against_baseline=True,
        lower_is_better=True,
    ),
    "correlation": Metric(
        "correlation",
        _by_parts(_moments),
        _correlation,
        ALL,
        needs_labels=False,
        against_baseline=True,
        is_fraction=False,
    ),
}
"""By the name that ``--metric`` takes."""
