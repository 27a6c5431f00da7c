"""The models for ImageNet, without weights and without TensorFlow."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bench import cache, data, plugins

NAMES = ("mobilenet_v1", "mobilenet_v2")


def fresh(name: str) -> dict[str, object]:
    """The module's names as they are when it is imported now."""
    return runpy.run_path(str(plugins.folder("models") / f"{name}.py"))


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load("models", request.param)


def test_random_images_serve_to_calibrate_and_for_nothing_else(model: ModuleType) -> None:
    loaded = data.from_arrays("noise", model.data())
    assert set(loaded.splits) == {"calibration"}
    x = loaded.splits["calibration"].x[""]
    assert x.shape[1:] == (224, 224, 3)
    assert x.dtype == np.float32
    assert np.abs(x).max() == 1.0
    assert x.min() < -0.9
    assert x.max() > 0.9
    np.testing.assert_array_equal(x, model.data()["x_calibration"])


def test_it_says_why_no_accuracy_can_be_shown(model: ModuleType) -> None:
    assert model.NO_ACCURACY


@pytest.mark.parametrize("name", NAMES)
def test_trained_weights_make_another_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    without = fresh(name)
    assert "random" in str(without["NO_ACCURACY"])
    weights = without["_WEIGHTS"]
    assert isinstance(weights, Path)
    assert tmp_path in weights.parents
    weights.parent.mkdir()
    weights.write_bytes(b"trained")
    trained = fresh(name)
    assert "--data" in str(trained["NO_ACCURACY"])
    assert cache.hash_files(trained["FILES"]) != cache.hash_files(without["FILES"])


@pytest.mark.parametrize("name", NAMES)
def test_bytes_become_what_the_models_take(name):
    bytes_ = np.array([[[[0, 51, 255]]]], np.uint8)
    adapted = plugins.load("models", name).adapt(
        {"x_test": bytes_, "y_test": bytes_, "x_train": bytes_ / 255}
    )
    np.testing.assert_allclose(adapted["x_test"], [[[[-1, -0.6, 1]]]], atol=1e-6)
    assert adapted["x_test"].dtype == np.float32
    assert adapted["y_test"] is bytes_
    assert adapted["x_train"].max() == 1
