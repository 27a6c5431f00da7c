"""The embedded default's data: what comes along, and how given data are shaped."""

from __future__ import annotations

import numpy as np
import pytest

from bench import data, plugins
from bench.errors import DataError

fashion = plugins.load("models", "fashion")
SIZE_LIMIT_BYTES = 4_000_000


def published(train: int = 240, test: int = 24) -> dict[str, np.ndarray]:
    """Random images in the form in which Fashion-MNIST is published."""
    rng = np.random.default_rng(1)
    return {
        "x_train": rng.integers(0, 256, (train, 28, 28), dtype=np.uint8),
        "y_train": np.arange(train, dtype=np.uint8) % 10,
        "x_test": rng.integers(0, 256, (test, 28, 28), dtype=np.uint8),
        "y_test": np.arange(test, dtype=np.uint8) % 10,
    }


@pytest.fixture(scope="module")
def sample() -> dict[str, np.ndarray]:
    return dict(fashion.data())


def test_the_sample_is_small_enough_to_ship_and_its_licence_lies_beside_it() -> None:
    assert fashion.SAMPLE.stat().st_size <= SIZE_LIMIT_BYTES
    licence = fashion.SAMPLE.with_suffix(".LICENSE").read_text("utf-8")
    assert "MIT" in licence
    assert "Zalando SE" in licence


def test_the_sample_is_accepted_as_data(sample: dict[str, np.ndarray]) -> None:
    loaded = data.from_arrays("sample", sample)
    assert set(loaded.splits) == {"train", "validation", "test"}
    train, validation = loaded.training()
    assert (len(train), len(validation)) == (6200, 800)
    assert loaded.test is not None
    assert len(loaded.test) == 2000
    assert len(loaded.calibration(100, seed=0)) == 100


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_images_are_as_the_model_takes_them(sample: dict[str, np.ndarray], split: str) -> None:
    x = sample[f"x_{split}"]
    assert x.shape[1:] == (28, 28, 1)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0.0, 1.0)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_class_has_as_many_images(sample: dict[str, np.ndarray], split: str) -> None:
    counts = np.bincount(sample[f"y_{split}"], minlength=fashion.CLASSES)
    assert len(counts) == fashion.CLASSES
    assert len(set(counts)) == 1


def test_no_image_is_in_two_splits(sample: dict[str, np.ndarray]) -> None:
    seen = {
        split: {image.tobytes() for image in sample[f"x_{split}"]}
        for split in ("train", "validation", "test")
    }
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]
    assert not seen["train"] & seen["validation"]


def test_no_training_image_is_of_the_held_out_ones_and_every_validation_image_is(
    sample: dict[str, np.ndarray],
) -> None:
    assert not fashion.is_validation(sample["x_train"]).any()
    assert fashion.is_validation(sample["x_validation"]).all()


def test_files_named_for_the_hash_exist() -> None:
    assert all(path.is_file() for path in fashion.FILES)
    assert fashion.WEIGHTS in fashion.FILES


def test_published_images_become_what_the_model_takes() -> None:
    given = published()
    adapted = fashion.adapt(given)
    assert adapted["x_test"].shape == (24, 28, 28, 1)
    assert adapted["x_test"].dtype == np.float32
    np.testing.assert_array_equal(np.rint(adapted["x_test"][..., 0] * 255), given["x_test"])
    assert len(adapted["x_train"]) + len(adapted["x_validation"]) == 240
    assert len(adapted["x_validation"]) == len(adapted["y_validation"]) > 0
    assert given["x_train"].shape == (240, 28, 28), "the given arrays are left alone"


def test_adapting_twice_changes_nothing_more() -> None:
    once = fashion.adapt(published())
    twice = fashion.adapt(once)
    assert once.keys() == twice.keys()
    for key, array in once.items():
        np.testing.assert_array_equal(array, twice[key])


def test_what_is_held_out_depends_on_the_image_alone() -> None:
    images = published()["x_train"]
    held_out = fashion.is_validation(images)
    order = np.random.default_rng(2).permutation(len(images))
    np.testing.assert_array_equal(fashion.is_validation(images[order]), held_out[order])
    scaled = images[..., np.newaxis].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(fashion.is_validation(scaled), held_out)


def test_validation_images_of_ones_own_are_kept() -> None:
    given = published()
    given["x_validation"], given["y_validation"] = given["x_test"], given["y_test"]
    adapted = fashion.adapt(given)
    assert len(adapted["x_train"]) == 240
    assert len(adapted["x_validation"]) == 24


def test_a_few_training_images_are_not_split_to_nothing() -> None:
    adapted = fashion.adapt({key: array[:1] for key, array in published().items()})
    assert len(adapted["x_train"]) == 1
    assert "x_validation" not in adapted


def test_test_images_that_the_model_was_trained_on_are_refused(
    sample: dict[str, np.ndarray],
) -> None:
    given = published()
    given["x_test"][:12] = np.rint(sample["x_train"][:12, :, :, 0] * 255).astype(np.uint8)
    with pytest.raises(DataError, match="trained on at least 12 of the images") as caught:
        fashion.adapt(given)
    assert "_train_fashion.py" in caught.value.hint


def test_nan_is_left_for_the_data_check_to_name() -> None:
    given = dict(fashion.prepare(published()))
    given["x_train"] = given["x_train"].copy()
    given["x_train"][3] = np.nan
    with pytest.raises(DataError, match="x_train has NaN"):
        data.from_arrays("given", fashion.adapt(given))
