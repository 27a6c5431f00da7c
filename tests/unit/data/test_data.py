"""Samples are checked where they enter, grouped into splits, and never mixed up."""

from __future__ import annotations

import numpy as np
import pytest

from bench import data
from bench.errors import DataError

X = np.arange(80, dtype=np.float32).reshape(20, 4)
Y = np.arange(20) % 3


def made_by_the_test():
    return {"x_test": X, "y_test": Y}


def raising():
    raise ZeroDivisionError("by design")


def returning_a_list():
    return [X]


NOT_A_FUNCTION = 3


def test_arrays_become_splits():
    samples = data.from_arrays("here", {"x_test": X, "y_test": Y, "x_calibration": X[:5]})
    assert samples.test is not None
    assert len(samples.test) == 20
    np.testing.assert_array_equal(samples.test.y[""], Y)
    assert list(samples.test.x) == [""]
    assert set(samples.splits) == {"test", "calibration"}
    assert samples.splits["calibration"].y is None


def test_several_inputs_have_an_array_each():
    samples = data.from_arrays("here", {"x_test:left": X, "x_test:right:0": X + 1})
    assert samples.test is not None
    assert set(samples.test.x) == {"left", "right:0"}


@pytest.mark.parametrize(
    "other",
    [
        {"x_test": X + 1, "y_test": Y},
        {"x_test": X.astype(np.float64), "y_test": Y},
        {"x_test": X.reshape(20, 2, 2), "y_test": Y},
        {"x_test": X},
        {"x_validation": X, "y_validation": Y},
    ],
)
def test_other_content_has_another_hash(other):
    first = data.from_arrays("here", {"x_test": X, "y_test": Y})
    assert data.from_arrays("here", other).sha256 != first.sha256


def test_equal_content_has_an_equal_hash_wherever_it_came_from():
    one = data.from_arrays("here", {"x_test": X, "y_test": Y})
    two = data.from_arrays("there", {"y_test": Y.copy(), "x_test": np.asfortranarray(X)})
    assert one.sha256 == two.sha256


def with_nan(index: int):
    broken = X.copy()
    broken[index, 1] = np.nan
    return broken


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X}, "the keys are x_test"),
        ({"X_test": X}, "the keys are x_test"),
        ({}, "holds no samples"),
        ({"y_test": Y}, "y_test without x_test"),
        ({"x_test": with_nan(7)}, "NaN or infinity, first in sample 7"),
        ({"x_test": X + np.float32(np.inf)}, "NaN or infinity"),
        ({"x_test": X[:0]}, "is empty"),
        ({"x_test": np.float32(3)}, "is empty"),
        ({"x_test": np.array(["a", "b"])}, "has type <U1"),
        ({"x_test": X, "y_test": Y[:-1]}, "[19, 20] samples"),
        ({"x_test:a": X, "x_test:b": X[:-1]}, "[19, 20] samples"),
    ],
)
def test_broken_samples_are_refused(arrays, words):
    with pytest.raises(DataError) as caught:
        data.from_arrays("here", arrays)
    assert words in str(caught.value)


def test_validation_is_the_last_tenth_where_none_is_given():
    samples = data.from_arrays("here", {"x_train": X, "y_train": Y})
    train, validation = samples.training()
    assert (len(train), len(validation)) == (18, 2)
    np.testing.assert_array_equal(np.concatenate([train.x[""], validation.x[""]]), X)


def test_given_validation_leaves_all_training_samples():
    arrays = {"x_train": X, "y_train": Y, "x_validation": X[:3] + 9, "y_validation": Y[:3]}
    train, validation = data.from_arrays("here", arrays).training()
    assert (len(train), len(validation)) == (20, 3)


def test_training_without_samples_is_refused():
    with pytest.raises(DataError, match="no training samples"):
        data.from_arrays("here", {"x_test": X, "y_test": Y}).training()


def test_training_samples_need_no_labels():
    train, validation = data.from_arrays("here", {"x_train": X}).training()
    assert train.y is validation.y is None


def test_labels_are_for_outputs():
    arrays = {"x_test": X, "y_test:kind": Y, "y_test:size": Y / 2}
    samples = data.from_arrays("here", arrays)
    assert set(samples.test.y) == {"kind", "size"}
    assert set(data.to_arrays(samples)) == {"x_test", "y_test:kind", "y_test:size"}


def test_calibration_draws_each_sample_once_and_the_same_again():
    samples = data.from_arrays("here", {"x_train": X, "x_test": X + 100})
    drawn = samples.calibration(8, seed=3).x[""]
    assert len(np.unique(drawn, axis=0)) == 8
    assert drawn.max() < 100  # never a test sample
    np.testing.assert_array_equal(drawn, samples.calibration(8, seed=3).x[""])
    assert not np.array_equal(drawn, samples.calibration(8, seed=4).x[""])
    assert len(samples.calibration(1000, seed=3)) == 20


def test_calibration_never_takes_test_samples():
    with pytest.raises(DataError, match="no samples to calibrate on"):
        data.from_arrays("here", {"x_test": X}).calibration(8, seed=0)


def test_an_npz_is_read_and_adapted(tmp_path):
    path = tmp_path / "a:b.npz"  # a colon does not make a module of a file
    np.savez(path, images=X)
    samples = data.load(str(path), lambda arrays: {"x_test": arrays["images"] / 2})
    assert samples.source == str(path)
    np.testing.assert_array_equal(samples.test.x[""], X / 2)


def test_a_function_is_called():
    assert len(data.load(f"{__name__}:made_by_the_test").test) == 20


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("raising", "failed (ZeroDivisionError: by design)"),
        ("returning_a_list", "returned list"),
        ("NOT_A_FUNCTION", "is not a function"),
        ("nothing_of_that_name", "no attribute"),
    ],
)
def test_a_function_that_fails_is_told(function, words):
    with pytest.raises(DataError) as caught:
        data.load(f"{__name__}:{function}")
    assert words in str(caught.value)


def test_files_that_are_no_npz(tmp_path):
    np.save(tmp_path / "single.npy", X)
    np.savez(tmp_path / "pickled.npz", x_test=np.array([{}, None], dtype=object))
    np.savez(tmp_path / "whole.npz", x_test=X)
    (tmp_path / "junk.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "empty.npz").write_bytes(b"")
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(content[: len(content) // 2])
    for name in ("single.npy", "pickled.npz", "junk.npz", "empty.npz", "torn.npz", "missing.npz"):
        with pytest.raises(DataError, match=r"give an \.npz"):
            data.load(str(tmp_path / name))


def test_a_data_file_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("a data file ran code",))

    np.savez(tmp_path / "evil.npz", x_test=np.array([Evil()], dtype=object))
    with pytest.raises(DataError, match="allow_pickle"):
        data.load(str(tmp_path / "evil.npz"))
