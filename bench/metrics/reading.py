"""How an output and its labels are read: as classes, as numbers, one per sample or per position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bench.errors import DataError

Array = npt.NDArray[Any]

Kind = Literal["classes", "unit", "labels", "numbers"]
"""Scores of several classes; one unit for two classes; a yes or no for each unit; numbers."""

Truth = Literal["numbers", "rows", "none"]
"""Labels are class numbers (or plain numbers), one-hot rows, or not there."""

IGNORED = (-1, 255)
"""Labels of positions that belong to no class, as many sets of pictures have them."""

_LOOKED_AT = 256
_HELD_AGAINST = 1000
"""Samples, from all of them evenly: labels may come class by class."""
_SUM_OFF = 0.05
"""Probabilities of an 8-bit output need not add up to exactly 1."""


@dataclass(frozen=True)
class Reading:
    """How an output is read.

    Attributes:
        kind: as above.
        classes: how many there are; 0 for numbers.
        truth: what the labels are.
        threshold: above which a lone unit, or one of several yes-or-no units, says yes.
        axes: of a sample, that count positions: 0 where there is one answer per sample.
    """

    kind: Kind
    classes: int
    truth: Truth
    threshold: float = 0.5
    axes: int = 0

    @property
    def positions(self) -> bool:
        """Whether a sample has many answers: a class per pixel, or per step of a sequence."""
        return self.axes > 0

    def answers(self, output: Array) -> Array:
        """The class that each sample (or position) is given."""
        if self.kind == "classes":
            found: Array = output.argmax(axis=-1)
            return found
        return (_lone(output, self.axes) > self.threshold).astype(np.intp)

    def right(self, labels: Array) -> Array:
        """The true class of each sample (or position)."""
        if self.truth == "rows":
            found: Array = labels.argmax(axis=-1)
            return found
        return _lone(labels, self.axes).astype(np.intp)


def _lone(values: Array, axes: int) -> Array:
    """Without a last axis of one."""
    return values[..., 0] if values.ndim == axes + 2 else values


def read(
    name: str, output: Array, labels: Array | None, *, probability: bool | None = None
) -> Reading:
    """How an output is read.

    Args:
        name: of the output, for messages.
        output: the baseline's, (samples, …).
        labels: (samples, …), or None.
        probability: whether it ends in a sigmoid or softmax, where that is known; else its values
            tell.

    Raises:
        DataError: labels that do not fit.
    """
    tail = output.shape[1:]
    units = tail[-1] if tail else 1
    if labels is None:
        return _unlabelled(output, probability)
    if len(labels) != len(output):
        raise DataError(
            f"{len(labels)} labels{_of(name)}, and the output has {len(output)} rows",
            hint="give a label for each sample; the first axis of an output must count samples",
        )
    labels = _squeezed(labels, tail)
    if units > 1 and labels.shape[1:] == tail[:-1] and _whole(labels):
        reading = Reading("classes", units, "numbers", axes=len(tail) - 1)
        _check_range(name, labels, reading)
        return reading
    if _size(labels.shape[1:]) != _size(tail):
        takes = "one class" if tail[:-1] == () else f"classes of shape {tail[:-1]}"
        raise DataError(
            f"labels of shape {labels.shape[1:]}{_of(name)}, and the output has shape {tail}",
            hint=f"give {takes} per sample, or labels of the output's own shape",
        )
    return _alike(output, labels, units, probability)


def _alike(output: Array, labels: Array, units: int, probability: bool | None) -> Reading:
    """Labels of the output's own shape."""
    axes = max(output.ndim - 2, 0)
    two = bool(np.isin(labels, (0, 1)).all())
    threshold = _threshold(output, probability)
    yes_or_no = two and (threshold > 0 or not _are_numbers(output, labels))
    if units == 1 and yes_or_no:
        return Reading("unit", 2, "numbers", threshold, axes)
    if units > 1 and labels.shape == output.shape:
        if two and bool((labels.sum(axis=-1) == 1).all()):
            return Reading("classes", units, "rows", axes=axes)
        if _are_probabilities(labels) and _are_probabilities(output):
            return Reading("classes", units, "rows", axes=axes)
        if yes_or_no:
            return Reading("labels", 2, "numbers", threshold)
    return Reading("numbers", 0, "numbers")


def _unlabelled(output: Array, probability: bool | None) -> Reading:
    axes = max(output.ndim - 2, 0)
    units = output.shape[-1] if output.ndim > 1 else 1
    if units > 1 and (_are_probabilities(output) or probability is True):
        return Reading("classes", units, "none", axes=axes)
    if units == 1 and probability is True:
        return Reading("unit", 2, "none", 0.5, axes)
    return Reading("numbers", 0, "none")


def _are_probabilities(values: Array) -> bool:
    """Whether the last axis holds a share for each class."""
    few = np.asarray(values[:_LOOKED_AT], np.float64)
    sums = few.sum(axis=-1)
    return bool((few >= -_SUM_OFF / 10).all() and (np.abs(sums - 1) <= _SUM_OFF).all())


def _are_numbers(output: Array, labels: Array) -> bool:
    """Whether outputs are numbers that come near labels of 0 and 1, and no logits of yes and no.

    As those of a model that was trained on squared errors, such as one that cleans pictures of
    black and white. Logits are far from 0 and 1, and say yes above 0.
    """
    few = np.linspace(0, len(labels) - 1, min(len(labels), _HELD_AGAINST)).astype(np.intp)
    found = np.asarray(output[few], np.float64).reshape(len(few), -1)
    truth = np.asarray(labels[few], np.float64).reshape(len(few), -1)
    near = np.mean((found - truth) ** 2) < np.var(truth)
    right = [np.mean((found > threshold) == (truth > 0)) for threshold in (0.0, 0.5)]
    return bool(near and right[1] > right[0])


def _threshold(output: Array, probability: bool | None) -> float:
    """0.5 of a probability, 0 of a logit."""
    if probability is None:
        probability = bool((output >= 0).all() and (output <= 1).all())
    return 0.5 if probability else 0.0


def _squeezed(labels: Array, tail: tuple[int, ...]) -> Array:
    """Class numbers that come as (samples, 1) or (samples, height, width, 1)."""
    if labels.ndim == len(tail) + 1 and labels.shape[-1] == 1 and tail and tail[-1] > 1:
        return labels[..., 0]
    return labels


def _check_range(name: str, labels: Array, reading: Reading) -> None:
    bad = (labels < 0) | (labels >= reading.classes)
    if reading.positions:
        bad &= ~np.isin(labels, IGNORED)
    if not bad.any():
        return
    first = np.argwhere(bad)[0]
    raise DataError(
        f"label {int(labels[tuple(first)])} of sample {int(first[0])}{_of(name)}, and the model "
        f"has {reading.classes} classes",
        hint=f"labels run from 0 to {reading.classes - 1}",
    )


def _whole(labels: Array) -> bool:
    return labels.dtype.kind in "biu" or bool((np.rint(labels) == labels).all())


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _of(name: str) -> str:
    return f" of output {name}" if name else ""
