"""Samples to calibrate, train and evaluate on, from ``FILE.npz`` or ``package.module:function``.

The keys of the file, or of the mapping that the function returns, all optional but ``x_test``:

======================================  =========================================================
``x_test``, ``y_test``                  what variants are evaluated on; without ``y_test`` there is
                                        agreement with the baseline instead of accuracy
``x_train``, ``y_train``                what techniques fine-tune on
``x_validation``, ``y_validation``      what epochs and settings are chosen on; without them the
                                        last tenth of the training samples, which are then left out
                                        of training
``x_calibration``                       what quantization is calibrated on, no labels needed;
                                        without it, training samples
======================================  =========================================================

``x`` arrays have shape (samples, …) as the model's input takes them, scaled as the model expects.
A model with several inputs has one array per input, ``x_test:INPUT`` and so on. ``y`` arrays hold
class numbers, shape (samples,).
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench import plugins
from bench.errors import DataError

Array = npt.NDArray[np.generic]
Inputs = Mapping[str, Array]
"""Input name to samples; the name is empty for a model's only input."""

SPLITS = ("train", "validation", "calibration", "test")
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of one purpose: ``x`` by input, each (samples, …); ``y`` (samples,) or None."""

    x: Inputs
    y: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.x.values())))

    def take(self, index: npt.NDArray[np.integer] | slice) -> Split:
        """Only the samples of that index, in its order."""
        x = {name: array[index] for name, array in self.x.items()}
        return Split(x, None if self.y is None else self.y[index])


@dataclass(frozen=True, eq=False)
class Data:
    """All splits there are, and a hash of their content.

    Attributes:
        source: where they came from, as the user gave it.
        sha256: of the content; variants built from equal data are the same variants.
    """

    source: str
    sha256: str
    splits: Mapping[str, Split]

    @property
    def test(self) -> Split | None:
        """What variants are evaluated on; never for calibration, training or choosing."""
        return self.splits.get("test")

    def training(self) -> tuple[Split, Split]:
        """Samples to fine-tune on, and samples to choose epochs on; they share none.

        Raises:
            DataError: there are no labelled training samples.
        """
        train = self.splits.get("train")
        if train is None or train.y is None:
            raise DataError(
                f"{self.source} has no labelled training samples",
                hint="add x_train and y_train, or use recipes of quantize: alone",
            )
        given = self.splits.get("validation")
        if given is not None and given.y is not None:
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


def load(source: str, adapt: Adapt | None = None) -> Data:
    """Read ``FILE.npz``, or call ``package.module:function``; then shape it by ``adapt``.

    Raises:
        DataError: missing, not an .npz, an undocumented key, NaN, or arrays of unequal length.
    """
    named = ":" in source and not Path(source).exists()
    arrays = _call(source) if named else _read_npz(Path(source))
    return from_arrays(source, adapt(arrays) if adapt else arrays)


def from_arrays(source: str, arrays: Mapping[str, Array]) -> Data:
    """Check the arrays and group them into splits.

    Raises:
        DataError: as :func:`load`.
    """
    x: dict[str, dict[str, Array]] = {}
    y: dict[str, Array] = {}
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.asarray(arrays[key])
        head, _, input_name = key.partition(":")
        axis, _, split = head.partition("_")
        if axis not in ("x", "y") or split not in SPLITS:
            raise DataError(
                f"{source} has the key {key!r}",
                hint="the keys are x_test, y_test, x_train, y_train, x_validation, "
                "y_validation, x_calibration, and x_test:INPUT for several inputs",
            )
        _check_array(source, key, array)
        digest.update(f"{key} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        if axis == "x":
            x.setdefault(split, {})[input_name] = array
        else:
            y[split] = array
    splits = {split: Split(inputs, y.pop(split, None)) for split, inputs in x.items()}
    if y:
        raise DataError(f"{source} has y_{min(y)} without x_{min(y)}", hint="give both or neither")
    if not splits:
        raise DataError(f"{source} holds no samples", hint="give at least x_test")
    for name, split_ in splits.items():
        _check_split(source, name, split_)
    return Data(source, digest.hexdigest(), splits)


def _call(source: str) -> Mapping[str, Array]:
    function = plugins.load_function(source, DataError)
    if not callable(function):
        raise DataError(f"{source!r} is not a function", hint="name a function")
    try:
        arrays = function()
    except Exception as fault:
        # A user's own function may raise anything.
        raise DataError(
            f"{source!r} failed ({type(fault).__name__}: {fault})", hint="call it by itself"
        ) from fault
    if not isinstance(arrays, Mapping):
        raise DataError(
            f"{source!r} returned {type(arrays).__name__}",
            hint="return a mapping with the keys x_test, y_test, …",
        )
    return arrays


def _read_npz(path: Path) -> dict[str, Array]:
    hint = "give an .npz with x_test and y_test, or package.module:function"
    if not path.is_file():
        raise DataError(f"no data file {str(path)!r}", hint=hint)
    try:
        # Never unpickle: a data file must not be able to run code.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} is a single array", hint=hint)
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise DataError(f"{path} is not a readable .npz ({fault})", hint=hint) from fault


def _check_array(source: str, key: str, array: Array) -> None:
    if array.dtype.kind not in "biuf":
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
    if split.y is not None:
        if split.y.ndim != 1 or split.y.dtype.kind not in "iu":
            raise DataError(
                f"{source}: y_{name} has shape {split.y.shape} and type {split.y.dtype}",
                hint="give class numbers as integers, shape (samples,)",
            )
        if int(split.y.min()) < 0:
            raise DataError(f"{source}: y_{name} has a negative label", hint="count from 0")
        lengths.add(len(split.y))
    if len(lengths) > 1:
        raise DataError(
            f"{source}: the {name} arrays have {sorted(lengths)} samples",
            hint="give as many labels as samples",
        )
