"""Samples to calibrate, train and evaluate on, by what each is for.

Where they come from is in :mod:`bench.data.loaders`. The keys of an ``.npz`` file, or of a mapping
of arrays, all optional but ``x_test``:

======================================  =========================================================
``x_test``, ``y_test``                  what variants are evaluated on; without ``y_test`` there is
                                        the difference to the baseline instead of accuracy
``x_train``, ``y_train``                what techniques fine-tune on
``x_validation``, ``y_validation``      what epochs and settings are chosen on; without them the
                                        last tenth of the training samples, which are then left out
                                        of training
``x_calibration``                       what quantization is calibrated on, no labels needed;
                                        without it, training samples
======================================  =========================================================

``x`` arrays have shape (samples, …) as the model's input takes them, scaled as the model expects;
:func:`bench.inputs.fit` holds them against it. A model with several inputs has one array per input,
``x_test:INPUT`` and so on. ``y`` arrays hold class numbers (samples,), one-hot rows, numbers, or a
class for each position: what fits the model's output, see :mod:`bench.metrics`. A model with
several outputs has one for each that is evaluated, ``y_test:OUTPUT``, by the name that Keras knows
it by: a key, or a layer's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.data import images, loaders
from bench.data.loaders import SPLITS, Source
from bench.errors import DataError

Array = npt.NDArray[np.generic]
Inputs = Mapping[str, Array]
"""Input name to samples; the name is empty for a model's only input."""

Labels = Mapping[str, Array]
"""Output name to labels; the name is empty for a model's only output."""

VALIDATION_SHARE = 0.1
_NUMBERS = "biuf"
_PATHS = "U"


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one purpose: ``x`` by input, each (samples, …); ``y`` by output, or None."""

    x: Inputs
    y: Labels | None = None

    def __len__(self) -> int:
        return len(next(iter(self.x.values())))

    def take(self, index: npt.NDArray[np.integer] | slice) -> Split:
        """Only the samples of that index, in its order."""
        x = {name: array[index] for name, array in self.x.items()}
        y = None if self.y is None else {name: array[index] for name, array in self.y.items()}
        return Split(x, y)


@dataclass(frozen=True, eq=False)
class Data:
    """All splits there are, and a hash of their content.

    Attributes:
        source: where they came from, as the user gave it.
        sha256: of the content; variants built from equal data are the same variants.
        notes: what the user should know, such as how test samples were chosen.
    """

    source: str
    sha256: str
    splits: Mapping[str, Split]
    notes: tuple[str, ...] = ()

    @property
    def test(self) -> Split | None:
        """What variants are evaluated on; never for calibration, training or choosing."""
        return self.splits.get("test")

    def training(self) -> tuple[Split, Split]:
        """Samples to fine-tune on, and samples to choose epochs on; they share none.

        Raises:
            DataError: there are no training samples.
        """
        train = self.splits.get("train")
        if train is None:
            raise DataError(
                f"{self.source} has no training samples",
                hint="add x_train and y_train, or use recipes of quantize: alone",
            )
        given = self.splits.get("validation")
        if given is not None and (given.y is not None or train.y is None):
            return train, given
        cut = len(train) - max(1, round(len(train) * VALIDATION_SHARE))
        return train.take(slice(0, cut)), train.take(slice(cut, None))

    def calibration(self, count: int, seed: int) -> Split:
        """At most ``count`` samples drawn without replacement, to find ranges on.

        Raises:
            DataError: there are neither calibration nor training samples.
        """
        pool = self.splits.get("calibration") or self.splits.get("train")
        if pool is None:
            raise DataError(
                f"{self.source} has no samples to calibrate on",
                hint="add x_calibration (a hundred unlabelled samples do) or x_train",
            )
        order = np.random.default_rng(seed).permutation(len(pool))[:count]
        return pool.take(order)


Adapt = Callable[[Mapping[str, Array]], Mapping[str, Array]]
"""A model's own way from raw arrays to what its inputs take."""


def load(source: Source, adapt: Adapt | None = None) -> Data:
    """Read or take samples from wherever they are, then shape them by ``adapt``.

    Args:
        source: ``FILE.npz``, ``package.module:function``, a folder of pictures, a mapping of
            arrays, a pair of arrays or a ``tf.data.Dataset``; see :mod:`bench.data.loaders`.
        adapt: the model's own way from raw arrays to what it takes.

    Raises:
        DataError: missing, of no form that is known, an undocumented key, NaN, or arrays of
            unequal length.
    """
    found = loaders.find(source)
    arrays = adapt(found.arrays) if adapt else found.arrays
    return from_arrays(found.source, arrays, sha256=found.sha256, notes=found.notes)


def from_arrays(
    source: str,
    arrays: Mapping[str, Array],
    *,
    sha256: str | None = None,
    notes: tuple[str, ...] = (),
) -> Data:
    """Check the arrays and group them into splits.

    Args:
        source: where they came from.
        arrays: by the keys above.
        sha256: of the content where the arrays are paths of pictures.
        notes: what the user should know of them.

    Raises:
        DataError: as :func:`load`.
    """
    x: dict[str, dict[str, Array]] = {}
    y: dict[str, dict[str, Array]] = {}
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.asarray(arrays[key])
        head, _, input_name = key.partition(":")
        axis, _, split = head.partition("_")
        if axis not in ("x", "y") or split not in SPLITS:
            raise DataError(
                f"{source} has the key {key!r}",
                hint="the keys are x_test, y_test, x_train, y_train, x_validation, "
                "y_validation, x_calibration; x_test:INPUT and y_test:OUTPUT for several",
            )
        _check_array(source, key, array, _NUMBERS if sha256 is None else _NUMBERS + _PATHS)
        digest.update(f"{key} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        if axis == "x":
            x.setdefault(split, {})[input_name] = array
        else:
            y.setdefault(split, {})[input_name] = array
    splits = {split: Split(inputs, y.pop(split, None)) for split, inputs in x.items()}
    if y:
        raise DataError(f"{source} has y_{min(y)} without x_{min(y)}", hint="give both or neither")
    if not splits:
        raise DataError(f"{source} holds no samples", hint="give at least x_test")
    for name, split_ in splits.items():
        _check_split(source, name, split_)
    return Data(source, sha256 or digest.hexdigest(), splits, notes)


def read_pictures(arrays: Mapping[str, Array], shape: tuple[int, int, int]) -> dict[str, Array]:
    """The arrays with paths of pictures replaced by the pictures, as bytes.

    Args:
        arrays: by key; paths are of text.
        shape: height, width and channels that they are read with.

    Raises:
        DataError: a picture cannot be read.
    """
    return {
        key: images.read(array, *shape) if array.dtype.kind in _PATHS else array
        for key, array in arrays.items()
    }


def to_arrays(data: Data) -> dict[str, Array]:
    """The arrays by their keys, as an .npz holds them: what :func:`from_arrays` was given."""
    arrays: dict[str, Array] = {}
    for split, samples in data.splits.items():
        for name, values in samples.x.items():
            arrays[f"x_{split}:{name}" if name else f"x_{split}"] = values
        if samples.y is not None:
            for name, values in samples.y.items():
                arrays[f"y_{split}:{name}" if name else f"y_{split}"] = values
    return arrays


def _check_array(source: str, key: str, array: Array, kinds: str) -> None:
    if array.dtype.kind not in kinds:
        raise DataError(f"{source}: {key} has type {array.dtype}", hint="give numbers")
    if array.ndim == 0 or len(array) == 0:
        raise DataError(f"{source}: {key} is empty", hint="its first axis counts the samples")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(
            f"{source}: {key} has NaN or infinity, first in sample {bad}",
            hint="clean the data: no accuracy or calibration made of it would mean anything",
        )


def _check_split(source: str, name: str, split: Split) -> None:
    lengths = {len(array) for array in split.x.values()}
    lengths |= {len(array) for array in (split.y or {}).values()}
    if len(lengths) > 1:
        raise DataError(
            f"{source}: the {name} arrays have {sorted(lengths)} samples",
            hint="give as many labels as samples",
        )
