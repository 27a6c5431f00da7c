"""Where samples come from: files, folders, functions, and what a Python program holds already.

======================================  =========================================================
``FILE.npz``                            arrays by the keys of :mod:`bench.data`
``DIR``                                 pictures by class, see :mod:`bench.data.images`
``package.module:function``             what the function returns: any of those below
a mapping                               arrays by the same keys; ``x_test`` may be a mapping by
                                        input, and ``test`` a pair or a dataset
a pair ``(x, y)``                       arrays, or ``x`` a mapping by input: one sample in five is
                                        for testing, the others are for training
a ``tf.data.Dataset``                   of ``x`` or ``(x, y)``, batched or not; divided likewise
======================================  =========================================================
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import plugins
from bench.data import images
from bench.errors import DataError

Array = npt.NDArray[np.generic]
Source = Any
"""A path or text, a mapping, a pair or a ``tf.data.Dataset``."""

SPLITS = ("train", "validation", "calibration", "test")
_HINT = "give an .npz with x_test and y_test, a folder of pictures, or package.module:function"


@dataclass(frozen=True)
class Found:
    """Raw arrays by key, and where they came from.

    Attributes:
        source: for messages and reports.
        arrays: by key; of pictures their paths.
        sha256: of the content of pictures, None where the arrays are the content.
        notes: what the user should know.
    """

    source: str
    arrays: Mapping[str, Array]
    sha256: str | None = None
    notes: tuple[str, ...] = ()


def find(source: Source) -> Found:
    """Read or take the arrays of any source.

    Raises:
        DataError: missing, unreadable, or of no form that is known.
    """
    if isinstance(source, Path):
        return _find_path(source)
    if isinstance(source, str):
        if ":" in source and not Path(source).exists():
            return _from_memory(source, f"{source!r} returned", _call(source))
        return _find_path(Path(source))
    return _from_memory("samples in memory", "the samples are", source)


def _find_path(path: Path) -> Found:
    if path.is_dir():
        arrays, sha256, notes = images.find(path)
        return Found(str(path), arrays, sha256, notes)
    return Found(str(path), _read_npz(path))


def _from_memory(label: str, says: str, value: Source) -> Found:
    """The arrays of a value; ``says`` begins the sentence that tells of a wrong type."""
    if isinstance(value, Mapping):
        arrays: dict[str, Array] = {}
        for key, part in value.items():
            arrays |= _of_key(says, str(key), part)
        return Found(label, arrays)
    x, y = _x_and_y(says, value)
    arrays = {**_flat("x_train", x), **_flat("y_train", y)}
    return Found(label, *_divide(label, arrays))


def _of_key(says: str, key: str, part: Any) -> dict[str, Array]:
    """The arrays under one key of a mapping."""
    if key not in SPLITS:
        return _flat(key, part)
    x, y = _x_and_y(f"{says} {key} as", part)
    return {**_flat(f"x_{key}", x), **_flat(f"y_{key}", y)}


def _flat(key: str, part: Any) -> dict[str, Array]:
    """An array, or one for each name of a mapping; nothing for None."""
    if part is None:
        return {}
    if isinstance(part, Mapping):
        return {f"{key}:{name}": np.asarray(values) for name, values in part.items()}
    return {key: np.asarray(part)}


def _x_and_y(says: str, value: Any) -> tuple[Any, Any]:
    """Inputs and labels of a pair or a dataset; labels are None where there are none."""
    if hasattr(value, "element_spec"):
        value = _of_dataset(value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        x, y = value
    elif isinstance(value, np.ndarray):
        x, y = value, None
    else:
        raise DataError(
            f"{says} {type(value).__name__}",
            hint="give a mapping with x_test and y_test, a pair (x, y) or a tf.data.Dataset",
        )
    if isinstance(x, (tuple, list)):
        raise DataError(
            f"{says} a {type(x).__name__} of arrays, for several inputs without their names",
            hint="give a mapping from each input's name to its array",
        )
    return x, y


def _of_dataset(dataset: Any) -> tuple[Any, Any]:
    """All elements of a ``tf.data.Dataset``, joined."""
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise DataError("the dataset never ends", hint="leave repeat() out, or use take(N)")
    spec = dataset.element_spec
    has_labels = isinstance(spec, tuple) and len(spec) > 1
    join = np.concatenate if _is_batched(spec, has_labels) else np.stack
    elements = list(dataset.as_numpy_iterator())
    if not elements:
        raise DataError("the dataset is empty", hint="give at least one sample")
    parts = [element if isinstance(element, tuple) else (element, None) for element in elements]
    x = _join(join, [part[0] for part in parts])
    return x, _join(join, [part[1] for part in parts]) if has_labels else None


def _join(join: Any, parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _join(join, [part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], tuple):
        return tuple(_join(join, [part[i] for part in parts]) for i in range(len(parts[0])))
    return join(parts)


def _is_batched(spec: Any, has_labels: bool) -> bool:
    """Whether elements are batches: open first axes, or labels as many as samples."""
    x, y = (spec[0], spec[1]) if has_labels else (spec, None)
    first_x = _first_axes(x)
    if None in first_x:
        return True
    return has_labels and bool(first_x) and _first_axes(y) == first_x


def _first_axes(spec: Any) -> set[int | None]:
    if isinstance(spec, Mapping):
        return set().union(*map(_first_axes, spec.values()))
    if isinstance(spec, tuple):
        return set().union(*map(_first_axes, spec))
    shape = spec.shape.as_list() if spec.shape.rank is not None else []
    return {shape[0]} if shape else {-1}


def _divide(
    label: str, arrays: Mapping[str, Array]
) -> tuple[dict[str, Array], None, tuple[str, ...]]:
    """Samples of no split into those for training and those for testing."""
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or 0 in lengths:
        return dict(arrays), None, ()  # told with the arrays' names when they are checked
    marks = [0] * lengths.pop()
    for key in sorted(arrays):
        if key.startswith("x"):
            marks = [zlib.crc32(_bytes(each), mark) for each, mark in zip(arrays[key], marks)]  # noqa: B905  # as many of each
    is_test = images.held_out(marks)
    divided = {}
    for key, array in arrays.items():
        divided[key] = array[~is_test]
        divided[key.replace("_train", "_test", 1)] = array[is_test]
    note = f"{is_test.sum()} of {len(marks)} samples, chosen by their content, are for testing"
    return divided, None, (f"{label}: {note}",)


def _bytes(sample: Any) -> bytes:
    return np.ascontiguousarray(sample).tobytes()


def _call(source: str) -> Any:
    function = plugins.load_function(source, DataError)
    if not callable(function):
        raise DataError(f"{source!r} is not a function", hint="name a function")
    try:
        return function()
    except Exception as fault:
        # A user's own function may raise anything.
        raise DataError(
            f"{source!r} failed ({type(fault).__name__}: {fault})", hint="call it by itself"
        ) from fault


def _read_npz(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DataError(f"no data file {str(path)!r}", hint=_HINT)
    try:
        # Never unpickle: a data file must not be able to run code.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} is a single array", hint=_HINT)
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as fault:
        raise DataError(f"{path} is not a readable .npz ({fault})", hint=_HINT) from fault
