"""The models that come along, built and run by real TensorFlow and the real interpreter."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data, plugins
from bench.build import convert
from bench.techniques import Conversion, Work

pytest.importorskip("tensorflow")

# Words of Keras and TensorFlow to their own developers.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:keras\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:tensorflow\..*"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning"),
]

# What quantization-aware training, the tf-keras rebuild and structured pruning all can handle.
EASY_LAYERS = {
    "InputLayer",
    "Conv2D",
    "DepthwiseConv2D",
    "BatchNormalization",
    "ReLU",
    "GlobalAveragePooling2D",
    "Dense",
}


@pytest.fixture(scope="module")
def fashion() -> Any:
    return plugins.load("models", "fashion")


@pytest.fixture(scope="module")
def trained(fashion: Any) -> Any:
    return fashion.build()


def top1(model: Any, arrays: dict[str, np.ndarray], split: str) -> float:
    answers = model.predict(arrays[f"x_{split}"], batch_size=500, verbose=0).argmax(axis=-1)
    return float((answers == arrays[f"y_{split}"]).mean())


def test_nothing_but_building_needs_tensorflow() -> None:
    code = (
        "import sys\n"
        "from bench import plugins, sources\n"
        "for name in plugins.names('models'):\n"
        "    module = plugins.load('models', name)\n"
        "    assert module.SUMMARY\n"
        "    sources.own_data(sources.resolve(name))\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_fashion_is_a_flat_model_of_named_easy_layers(trained: Any) -> None:
    assert trained.input_shape == (None, 28, 28, 1)
    assert trained.output_shape == (None, 10)
    assert {type(layer).__name__ for layer in trained.layers} <= EASY_LAYERS
    assert 110_000 <= trained.count_params() <= 150_000
    assert getattr(trained, "optimizer", None) is None, "the file holds no optimizer"


def test_fashion_s_file_is_of_the_shape_that_its_source_tells(fashion: Any, trained: Any) -> None:
    def shape(model: Any) -> list[tuple[str, list[tuple[int, ...]]]]:
        return [(layer.name, [tuple(w.shape) for w in layer.weights]) for layer in model.layers]

    assert shape(fashion.untrained()) == shape(trained)


def test_fashion_answers_with_probabilities(fashion: Any, trained: Any) -> None:
    answers = trained.predict(fashion.data()["x_test"][:50], verbose=0)
    assert answers.min() >= 0
    np.testing.assert_allclose(answers.sum(axis=-1), 1, atol=1e-5)


def test_fashion_is_right_on_nine_of_ten_sample_images_at_least(fashion: Any, trained: Any) -> None:
    sample = fashion.data()
    assert top1(trained, sample, "test") >= 0.90
    assert top1(trained, sample, "validation") >= 0.90


def test_the_script_trains_and_writes_the_model_and_its_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(plugins.folder("models")))
    script = importlib.import_module("_train_fashion")
    for name, count in (("TRAIN", 10), ("VALIDATION", 1), ("TEST", 5)):
        monkeypatch.setattr(script, f"SAMPLE_{name}_PER_CLASS", count)
    rng = np.random.default_rng(0)
    classes = np.arange(600, dtype=np.uint8) % 10
    images = rng.integers(0, 20, (600, 28, 28), dtype=np.uint8)
    images[np.arange(600), 4 + 2 * classes] = 255  # Each class has its own bright row.
    np.savez(
        tmp_path / "all.npz",
        x_train=images[:500],
        y_train=classes[:500],
        x_test=images[500:],
        y_test=classes[500:],
    )
    arguments = ["--data", str(tmp_path / "all.npz"), "--epochs", "2", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["_train_fashion.py", *arguments])
    script.main()

    printed = capsys.readouterr().out
    result = json.loads(printed[printed.index("{") :])
    assert set(result["top1"]) == {"validation", "test", "test of the sample"}
    with np.load(tmp_path / "fashion_sample.npz") as sample:
        assert {key: len(sample[key]) for key in ("x_train", "x_validation", "x_test")} == {
            "x_train": 100,
            "x_validation": 10,
            "x_test": 50,
        }
    assert (tmp_path / "fashion.keras").stat().st_size < 1_000_000


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_a_mobilenet_without_trained_weights_still_tells_images_apart(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = plugins.load("models", name)
    monkeypatch.setattr(module, "_WEIGHTS", tmp_path / "none.h5")
    model = module.build()
    images = module.data()["x_calibration"][:4]
    answers = model.predict(images, verbose=0)
    assert answers.shape == (4, 1000)
    assert np.isfinite(answers).all()
    assert np.ptp(answers, axis=0).max() > 1e-4, "the signal does not die out over depth"
    assert answers.max() < 0.5, "nor does it explode"


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_random_weights_are_sane_enough_to_quantize(
    mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With plainly random ones, the integer multipliers overflow and the interpreter refuses.
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    module = plugins.load("models", "mobilenet_v1")
    monkeypatch.setattr(module, "_WEIGHTS", tmp_path / "none.h5")
    model = module.build()
    samples = data.from_arrays("noise", module.data()).calibration(4, seed=0)
    content = convert.convert(Work(model, conversion=Conversion(mode)), samples).content

    runtime = interpreter.Interpreter(model_content=content)
    runtime.allocate_tensors()
    image = samples.x[""][:1]
    runtime.set_tensor(runtime.get_input_details()[0]["index"], image)
    runtime.invoke()
    answer = runtime.get_tensor(runtime.get_output_details()[0]["index"])
    expected = model.predict(image, verbose=0)
    assert np.corrcoef(answer[0], expected[0])[0, 1] > 0.5
