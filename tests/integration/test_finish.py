"""Steps that rewrite the finished file, on the real converter's files and the real interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.build import finish, trial
from bench.errors import BuildError
from bench.techniques import Conversion
from bench.tflite.facts import read_facts
from bench.tflite.values import FileFacts

tf = pytest.importorskip("tensorflow", reason="needs the extra [build]")
keras = pytest.importorskip("keras")

# Words of Keras and TensorFlow to their own developers.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:keras\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:tensorflow\..*"),
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning"),
]

SIZE = 24


def converted(zeros: float, mode: str) -> bytes:
    """A convolution and a dense layer with that fraction of zeros, quantized after training."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 32), name="image")
    x = keras.layers.Conv2D(48, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(SIZE, name="last")(x))
    generator = np.random.default_rng(0)
    for name in ("conv", "last"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel.numpy() * (generator.random(kernel.shape) >= zeros))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":
        samples = generator.normal(size=(20, 1, 12, 12, 32)).astype(np.float32)
        converter.representative_dataset = lambda: ([one] for one in samples)
    return bytes(converter.convert())


def facts_of(content: bytes, folder: Path) -> FileFacts:
    file = folder / "made.tflite"
    file.write_bytes(content)
    return read_facts(file)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("mode", ["float32", "dynamic", "float16", "int8"])
def test_a_stripped_file_answers_bit_by_bit_the_same(mode: str, tmp_path: Path) -> None:
    whole = converted(0.0, mode)
    stripped, told = finish.finish(whole, Conversion(strip=True))
    before, after = facts_of(whole, tmp_path), facts_of(stripped, tmp_path)
    assert len(stripped) < len(whole)
    assert after.name_bytes == told["strip"]["name_bytes"]
    assert after.name_bytes < before.name_bytes
    if mode == "int8":  # equal lists of zero points are stored once
        assert after.quantization_bytes < 0.8 * before.quantization_bytes
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)
    assert after.signatures == before.signatures
    for delegate in (None, "none"):
        expected = trial.answers(whole, delegate=delegate)
        assert same(expected, trial.answers(stripped, delegate=delegate))


@pytest.mark.parametrize("mode", ["dynamic", "int8"])
def test_rounded_scales_answer_next_to_the_same_and_zip_smaller(mode: str, tmp_path: Path) -> None:
    whole = converted(0.0, mode)
    rounded, told = finish.finish(whole, Conversion(scale_bits=8))
    before, after = facts_of(whole, tmp_path), facts_of(rounded, tmp_path)
    assert told["scales"] == {"bits": after.scale_bits}
    assert after.scale_bits <= 8 < before.scale_bits
    assert after.zipped_bytes < before.zipped_bytes
    assert (after.inputs, after.outputs) == (before.inputs, before.outputs)
    for delegate in (None, "none"):
        expected = trial.answers(whole, delegate=delegate)
        found = trial.answers(rounded, delegate=delegate)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=0.03 * np.abs(values).max())
            assert not np.array_equal(found[name], values)


def test_scales_are_refused_where_there_are_none() -> None:
    with pytest.raises(BuildError, match="nothing in the file is quantized"):
        finish.finish(converted(0.0, "float32"), Conversion(scale_bits=8))


@pytest.mark.parametrize("mode", ["float32", "float16", "int8"])
def test_sparse_is_kept_where_it_is_smaller_and_loads(mode: str, tmp_path: Path) -> None:
    whole = converted(0.85, mode)
    sparse, told = finish.finish(whole, Conversion(sparse=True))
    facts = facts_of(sparse, tmp_path)
    assert len(sparse) < 0.8 * len(whole)
    assert len(told["sparse"]["kernels"]) == sum(one.is_sparse for one in facts.weights) > 0
    for delegate in (None, "none"):
        expected = trial.answers(whole, delegate=delegate)
        assert same(expected, trial.answers(sparse, delegate=delegate))


@pytest.mark.parametrize(("zeros", "mode"), [(0.0, "float32"), (0.3, "int8"), (0.85, "dynamic")])
def test_sparse_says_why_it_is_not_kept(zeros: float, mode: str) -> None:
    whole = converted(zeros, mode)
    content, told = finish.finish(whole, Conversion(sparse=True))
    assert content == whole
    assert told["sparse"]["kernels"] == []
    assert "take fewer bytes" in told["sparse"]["not_because"]


def test_sparse_is_not_kept_where_the_local_runtime_cannot_load_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from bench.tflite import rewrite

    ops = {**rewrite.SPARSE_OPS, "FULLY_CONNECTED": ("float32", "float16", "int8")}
    monkeypatch.setattr(rewrite, "SPARSE_OPS", ops)
    whole = converted(0.85, "int8")
    content, told = finish.finish(whole, Conversion(sparse=True))
    assert content == whole
    assert "does not load" in told["sparse"]["not_because"]
