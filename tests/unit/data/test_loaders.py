"""Samples from whatever a user has: files, functions, mappings, pairs, datasets."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bench import data
from bench.errors import DataError

X = np.arange(200, dtype=np.float32).reshape(50, 4)
Y = np.arange(50) % 3


class Shape(tuple):
    """As TensorFlow's shapes are."""

    rank = property(len)

    def as_list(self):
        return list(self)


class Dataset:
    """What is used of a ``tf.data.Dataset``; the real one is in tests/integration."""

    def __init__(self, spec, elements, cardinality=10):
        self.element_spec = spec
        self._elements = elements
        self._cardinality = cardinality

    def cardinality(self):
        return self._cardinality

    def as_numpy_iterator(self):
        return iter(self._elements)


def spec(*shape):
    return SimpleNamespace(shape=Shape(shape))


def sizes(samples):
    return {name: len(split) for name, split in samples.splits.items()}


def a_pair():
    return X, Y


def test_a_pair_is_divided_by_content_and_says_so():
    samples = data.load((X, Y))
    parts = sizes(samples)
    assert sum(parts.values()) == 50
    assert 0 < parts["test"] < parts["train"]
    assert f"{parts['test']} of 50 samples, chosen by their content" in samples.notes[0]
    again = data.load((X[::-1], Y[::-1]))
    key = lambda split: sorted(map(tuple, split.x[""]))  # noqa: E731  # said once, used twice
    assert key(again.test) == key(samples.test)


def test_equal_samples_are_never_on_both_sides():
    twice = data.load((np.concatenate([X, X]), np.concatenate([Y, Y])))
    test = set(map(tuple, twice.test.x[""]))
    assert test.isdisjoint(map(tuple, twice.splits["train"].x[""]))


def test_few_samples_are_divided_too():
    assert sizes(data.load((X[:2], Y[:2]))) == {"train": 1, "test": 1}


def test_a_function_may_return_a_pair():
    assert sizes(data.load(f"{__name__}:a_pair")) == sizes(data.load((X, Y)))


def test_a_mapping_may_hold_splits_and_inputs_by_name():
    samples = data.load({
        "test": (X, Y), "x_train": {"a": X, "b": X + 1}, "y_train": Y, "calibration": X,
    })  # fmt: skip
    assert sizes(samples) == {"test": 50, "train": 50, "calibration": 50}
    assert set(samples.splits["train"].x) == {"a", "b"}
    assert samples.splits["calibration"].y is None


@pytest.mark.parametrize("batch", [None, 7])
def test_a_dataset_of_samples_or_of_batches(batch):
    rows = list(zip(X, Y, strict=True))
    if batch:
        elements = [(X[i : i + batch], Y[i : i + batch]) for i in range(0, 50, batch)]
        dataset = Dataset((spec(None, 4), spec(None)), elements)
    else:
        dataset = Dataset((spec(4), spec()), rows)
    samples = data.load({"test": dataset})
    np.testing.assert_array_equal(samples.test.x[""], X)
    np.testing.assert_array_equal(samples.test.y[""], Y)


def test_a_dataset_of_whole_batches_without_open_sizes():
    dataset = Dataset((spec(10, 4), spec(10)), [(X[:10], Y[:10]), (X[10:20], Y[10:20])])
    assert data.load({"test": dataset}).test.x[""].shape == (20, 4)


def test_a_dataset_of_inputs_by_name_without_labels():
    elements = [{"a": X[i], "b": X[i, :2]} for i in range(50)]
    samples = data.load({"test": Dataset({"a": spec(4), "b": spec(2)}, elements)})
    assert {name: x.shape for name, x in samples.test.x.items()} == {"a": (50, 4), "b": (50, 2)}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (3, "the samples are int"),
        (([X, X], Y), "without their names"),
        ({"test": "elsewhere"}, "test as str"),
        (Dataset((spec(4), spec()), [], cardinality=-1), "never ends"),
        (Dataset((spec(4), spec()), []), "is empty"),
        ((X, Y[:-1]), "samples"),
    ],
)
def test_what_holds_no_samples_is_told(source, words):
    with pytest.raises(DataError) as caught:
        data.load(source)
    assert words in str(caught.value)


def test_arrays_come_back_by_their_keys():
    arrays = {"x_test:a": X, "x_test:b": X, "y_test": Y, "x_calibration": X}
    back = data.to_arrays(data.from_arrays("here", arrays))
    assert set(back) == set(arrays)
