"""The training script's way with data; the training itself is in its result, ``fashion.keras``."""

from __future__ import annotations

import gzip
import importlib
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bench import plugins

SPLITS = (("train", "train"), ("test", "t10k"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as it sees itself when run: its folder is where imports are looked for."""
    monkeypatch.syspath_prepend(str(plugins.folder("models")))
    return importlib.import_module("_train_fashion")


def published(per_class: dict[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    arrays = {}
    for split, count in per_class.items():
        arrays[f"x_{split}"] = rng.integers(0, 256, (10 * count, 28, 28), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(10 * count, dtype=np.uint8) % 10
    return arrays


def test_an_npz_and_a_folder_of_idx_files_give_the_same(script: ModuleType, tmp_path: Path) -> None:
    arrays = published({"train": 2, "test": 1})
    np.savez(tmp_path / "all.npz", **arrays)
    for split, stem in SPLITS:
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        images = struct.pack(">4i", 0x803, *x.shape) + x.tobytes()
        labels = struct.pack(">2i", 0x801, len(y)) + y.tobytes()
        (tmp_path / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    one, other = script.read(tmp_path / "all.npz"), script.read(tmp_path)
    assert one.keys() == other.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(one[key], array)
        np.testing.assert_array_equal(other[key], array)


def test_a_sample_leaves_out_what_also_occurs_among_the_test_images(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("TRAIN", 5), ("VALIDATION", 2), ("TEST", 3)):
        monkeypatch.setattr(script, f"SAMPLE_{name}_PER_CLASS", count)
    arrays = published({"train": 100, "test": 3})
    arrays["x_train"][:200] = np.tile(arrays["x_test"][0], (200, 1, 1))
    taken = script.sample(arrays, seed=0)
    assert {key: len(array) for key, array in taken.items()} == {
        **dict.fromkeys(("x_train", "y_train"), 50),
        **dict.fromkeys(("x_validation", "y_validation"), 20),
        **dict.fromkeys(("x_test", "y_test"), 30),
    }
    test_images = {image.tobytes() for image in arrays["x_test"]}
    assert all(image.tobytes() not in test_images for image in taken["x_train"])
    assert all(image.tobytes() not in test_images for image in taken["x_validation"])


def test_a_sample_is_the_same_for_the_same_seed_only(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRAIN", "VALIDATION", "TEST"):
        monkeypatch.setattr(script, f"SAMPLE_{name}_PER_CLASS", 2)
    arrays = published({"train": 100, "test": 10})
    first, again, other = (script.sample(arrays, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first["x_test"], again["x_test"])
    assert not np.array_equal(first["x_test"], other["x_test"])


def test_augmented_images_are_shifted_mirrored_and_cut_out(script: ModuleType) -> None:
    images = np.zeros((400, 28, 28, 1), np.float32)
    images[:, 10, 13] = 1.0  # One bright point shows where everything went.
    augmented = script.augment(images, np.random.default_rng(0))
    assert augmented.shape == images.shape
    assert augmented.dtype == np.float32
    kept = augmented.sum(axis=(1, 2, 3))
    assert set(kept) == {0.0, 1.0}, "the point is either there once or in the hole"
    assert 0.5 < kept.mean() < 1.0
    _, rows, columns, _ = np.nonzero(augmented)
    assert set(rows) == {8, 9, 10, 11, 12}
    # Mirrored, column 13 becomes 14: shifts by two reach from 11 to 16.
    assert set(columns) == {11, 12, 13, 14, 15, 16}
