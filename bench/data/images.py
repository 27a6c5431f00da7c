"""Folders of pictures, a folder for each class: found at once, read when their size is known.

::

    DIR/train/CLASS/*.png   DIR/test/CLASS/*.png   (validation and calibration likewise)
    DIR/CLASS/*.png         one picture in five is for testing, the others are for training

Classes are numbered in the alphabetical order of their folders, as Keras does. Pictures are turned
upright as their EXIF data say, brought to the input's size by bilinear filtering without keeping
their proportions, and given as bytes from 0 to 255. Pillow reads them: a decoder of a megabyte that
is there without TensorFlow too, where a ready .tflite is evaluated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

Array = npt.NDArray[Any]

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".ppm", ".pgm")
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "calibration": "calibration", "test": "test", "testing": "test",
}  # fmt: skip
"""A folder's name to the split that it holds."""

TEST_ONE_IN = 5
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def find(folder: Path) -> tuple[dict[str, Array], str, tuple[str, ...]]:
    """The pictures of a folder by split, none of them read.

    Returns:
        ``x_SPLIT`` (paths as text) and ``y_SPLIT`` (classes); a hash of all content; and what the
        user should know, such as how the split was made.

    Raises:
        DataError: there are no pictures, or splits of different classes.
    """
    parts = _parts(folder)
    classes = sorted({child.name for part in parts.values() for child in _folders(part)})
    if not classes:
        raise DataError(
            f"{folder} holds no folders of pictures",
            hint=f"lay them out as {folder}/CLASS/*.png, or {folder}/test/CLASS/*.png",
        )
    arrays: dict[str, Array] = {}
    digest = hashlib.sha256()
    notes: list[str] = []
    for split, part in sorted(parts.items()):
        paths, labels, marks = _of_classes(part, classes)
        digest.update(repr((split, labels, marks)).encode())
        found = np.array([str(path) for path in paths]), np.array(labels)
        if split:
            arrays[f"x_{split}"], arrays[f"y_{split}"] = found
            continue
        is_test = held_out([int(mark[:8], 16) for mark in marks])
        for name, chosen in (("train", ~is_test), ("test", is_test)):
            arrays[f"x_{name}"], arrays[f"y_{name}"] = (array[chosen] for array in found)
        notes.append(
            f"{folder} has no folders train and test: {is_test.sum()} of {len(paths)} pictures, "
            "chosen by their content, are for testing"
        )
    return arrays, digest.hexdigest(), tuple(notes)


def read(paths: Array, height: int, width: int, channels: int) -> Array:
    """Pictures as bytes, (samples, height, width, channels).

    Args:
        paths: as :func:`find` gave them.
        height: that all are brought to.
        width: likewise.
        channels: 1 is grey, 3 colours, 4 colours and alpha.

    Raises:
        DataError: one that cannot be read, or Pillow is not installed.
    """
    pictures = np.empty((len(paths), height, width, channels), np.uint8)
    for index, picture in enumerate(_opened(paths)):
        if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
            raise DataError(
                f"{paths[index]} has more than 8 bits per channel",
                hint="convert it to 8 bits first",
            )
        turned = picture.convert(_MODES[channels])
        if turned.size != (width, height):
            turned = turned.resize((width, height), resample=2)  # bilinear
        pictures[index] = np.asarray(turned, np.uint8).reshape(height, width, channels)
    return pictures


def common_size(paths: Array) -> tuple[int, int] | None:
    """Height and width that all pictures have; None where they differ.

    Raises:
        DataError: as :func:`read`.
    """
    sizes = {picture.size for picture in _opened(paths)}
    if len(sizes) != 1:
        return None
    width, height = sizes.pop()
    return height, width


def _opened(paths: Array) -> Iterator[Image.Image]:
    try:
        from PIL import Image, ImageOps
    except ImportError as fault:
        raise DataError(
            "reading pictures needs Pillow, which is not installed",
            hint="pip install 'tflite-bench[images]'",
        ) from fault
    for path in paths:
        try:
            with Image.open(str(path)) as picture:
                yield ImageOps.exif_transpose(picture)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
            raise DataError(
                f"{path} is not a picture that can be read ({fault})", hint="remove or replace it"
            ) from fault


def held_out(marks: Sequence[int]) -> Array:
    """Which samples are for testing, (samples,) bool: one in five, by their content.

    Going by content keeps equal samples on one side, and needs neither an order nor a list.

    Args:
        marks: a number for each sample, equal for equal content.
    """
    is_test: Array = np.array(marks) % TEST_ONE_IN == 0
    if is_test.all() or not is_test.any():
        is_test = np.arange(len(marks)) % TEST_ONE_IN == 0  # too few to go by content
    return is_test


def _parts(folder: Path) -> dict[str, Path]:
    """The folder of each split, or the whole folder under no name."""
    folders = _folders(folder)
    named = [child for child in folders if child.name.lower() in SPLIT_FOLDERS]
    if not named:
        return {"": folder}
    parts = {SPLIT_FOLDERS[child.name.lower()]: child for child in named}
    others = [child.name for child in folders if child not in parts.values()]
    if others:
        raise DataError(
            f"{folder} holds the splits {', '.join(sorted(parts))} and also {', '.join(others)}",
            hint="keep folders of splits apart from folders of classes, one folder for each split",
        )
    return parts


def _of_classes(part: Path, classes: Sequence[str]) -> tuple[list[Path], list[int], list[str]]:
    """Pictures, their classes and a mark of each one's content; in a stable order."""
    paths: list[Path] = []
    labels: list[int] = []
    for number, name in enumerate(classes):
        files = sorted((part / name).rglob("*")) if (part / name).is_dir() else []
        pictures = [f for f in files if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
        paths += pictures
        labels += [number] * len(pictures)
    if not paths:
        raise DataError(
            f"{part} holds no pictures", hint=f"{', '.join(SUFFIXES)} are looked for in its folders"
        )
    try:
        marks = [_mark(path) for path in paths]
    except OSError as fault:
        raise DataError(
            f"cannot read {fault.filename} ({fault.strerror})", hint="check its permissions"
        ) from fault
    return paths, labels, marks


def _mark(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and child.name[0] != ".")
