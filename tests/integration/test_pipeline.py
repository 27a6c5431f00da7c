"""``bench.run`` with models and samples that live in memory, built by the real converter."""

from __future__ import annotations

import numpy as np
import pytest

import bench
from bench.testing import FakeTarget

# Of TensorFlow about NumPy 2, in the models that this test itself calls.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CLASSES, SIZE = 3, 8
PLAN = bench.Plan(launches=2, runs=5)


def samples(count, seed):
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(count, SIZE)).astype(np.float32),
        generator.integers(0, CLASSES, count),
    )


@pytest.fixture(params=["keras", "tf_keras"])
def model(request):
    keras = pytest.importorskip(request.param)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((SIZE,)), layers.Dense(16, activation="relu"), layers.Dense(CLASSES)],
        name=f"mine_{request.param}",
    )


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def called(model, data, **options):
        recipes = {"small": "quantize:int8"}
        return bench.run(model, recipes, data, FakeTarget(), plan=PLAN, **options)

    return called


def test_a_model_in_memory_is_built_evaluated_and_not_changed(model, run):
    x_test, y_test = samples(50, 0)
    mapping = {"x_test": x_test, "y_test": y_test, "x_calibration": samples(20, 1)[0]}
    before = [array.copy() for array in model.get_weights()]
    report = run(model, mapping)
    assert not report.failures
    assert report.session.model.name == model.name
    scores = np.asarray(model(x_test)).argmax(axis=1)
    rows = report.tables[0].rows
    assert [row.variant.name for row in rows] == ["float32", "small"]
    assert rows[0].accuracy.top1 == pytest.approx(np.mean(scores == y_test))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_the_same_weights_are_the_same_model_and_others_are_not(model, run):
    data = {"x_test": samples(20, 0)[0], "x_calibration": samples(20, 1)[0]}
    first = run(model, data).session
    model.compile(loss="mse")  # how it is trained is no part of what it computes
    assert run(model, data).session.variants == first.variants
    model.set_weights([array + 1 for array in model.get_weights()])
    assert run(model, data).session.model.sha256 != first.model.sha256


def test_a_pair_and_a_dataset_are_samples(run):
    tf = pytest.importorskip("tensorflow")
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((SIZE,)), keras.layers.Dense(CLASSES)], name="line")
    pair = samples(100, 0)
    of_pair = run(model, pair)
    dataset = tf.data.Dataset.from_tensor_slices(pair).batch(16)
    of_dataset = run(model, dataset)
    accuracies = [
        [row.accuracy.top1 for row in report.tables[0].rows] for report in (of_pair, of_dataset)
    ]
    assert accuracies[0] == accuracies[1]
    assert not of_pair.failures


def test_a_model_without_weights_is_one_line(run):
    keras = pytest.importorskip("keras")
    with pytest.raises(bench.ModelError, match="has no weights yet"):
        run(keras.Sequential([keras.layers.Dense(2)]), samples(10, 0))
