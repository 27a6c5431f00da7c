"""Steps that rewrite the finished file, on the real converter's files and the real interpreter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.build import finish, trial
from bench.errors import BuildError
from bench.techniques import Conversion
from bench.tflite import reader
from bench.tflite.facts import read_facts
from bench.tflite.scales import BIAS_PARTS, FITTED_BITS, significant_bits
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


def converted(zeros: float, mode: str, values: int = 0) -> bytes:
    """A convolution and a dense layer with that fraction of zeros, quantized after training.

    Args:
        values: different ones of each kernel; 0 for as many as there are.
    """
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 32), name="image")
    x = keras.layers.Conv2D(48, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(SIZE, name="last")(x))
    generator = np.random.default_rng(0)
    for name in ("conv", "last"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel.numpy() * (generator.random(kernel.shape) >= zeros))
        if values:
            step = np.abs(kernel.numpy()).max() / (values // 2)
            kernel.assign(np.rint(kernel.numpy() / step) * step)
        bias = model.get_layer(name).bias
        bias.assign(generator.normal(scale=0.1, size=bias.shape))
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


def with_kernels(content: bytes) -> list[tuple[Any, Any, Any]]:
    """Kernel, bias and output of each op that has a bias."""
    graph = reader.parse(content)
    (tensors, operators) = graph.subgraphs[0].tensors, graph.subgraphs[0].operators
    return [
        (tensors[op.inputs[1]], tensors[op.inputs[2]], tensors[op.outputs[0]])
        for op in operators
        if op.type in ("CONV_2D", "FULLY_CONNECTED")
    ]


def real(tensor: Any) -> Any:
    """What stored integers stand for; channels lie along the first axis of these."""
    stored = np.frombuffer(tensor.data.tobytes(), tensor.dtype).reshape(tensor.shape)
    scale = tensor.quantization.scale.astype(np.float64)
    return stored * scale.reshape(-1, *[1] * (stored.ndim - 1))


def test_kernels_of_many_values_get_the_least_coarse_scales_that_hold_them() -> None:
    whole = converted(0.3, "int8")
    rounded, _ = finish.finish(whole, Conversion(scale_bits=5))
    for (before, *_), (after, *_) in zip(with_kernels(whole), with_kernels(rounded), strict=True):
        scale = after.quantization.scale
        assert significant_bits(scale) <= FITTED_BITS
        assert np.all(scale >= before.quantization.scale * (1 - 1e-6))
        assert np.all(scale <= before.quantization.scale * 1.5)
        moved = np.abs(real(after) - real(before)).max(axis=tuple(range(1, len(after.shape))))
        assert np.all(moved <= scale / 2 * (1 + 1e-6))
        assert np.all(real(after)[real(before) == 0] == 0)


def test_kernels_of_few_values_keep_their_integers() -> None:
    whole = converted(0.3, "int8", values=16)
    rounded, _ = finish.finish(whole, Conversion(scale_bits=5))
    for (before, *_), (after, *_) in zip(with_kernels(whole), with_kernels(rounded), strict=True):
        assert after.data.tobytes() == before.data.tobytes()
        assert significant_bits(after.quantization.scale) <= 5
        near = after.quantization.scale / before.quantization.scale
        assert np.all(np.abs(near - 1) <= 2**-5)


def test_biases_are_no_finer_than_a_part_of_their_outputs_step() -> None:
    whole = converted(0.3, "int8")
    rounded, _ = finish.finish(whole, Conversion(scale_bits=5))
    for (_, before, _), (_, after, output) in zip(
        with_kernels(whole), with_kernels(rounded), strict=True
    ):
        step = output.quantization.scale[0]
        assert np.abs(real(after) - real(before)).max() <= step / BIAS_PARTS / 2 * 1.001
        stored = np.frombuffer(after.data.tobytes(), np.int32)
        fine = step / BIAS_PARTS / after.quantization.scale
        assert np.all(stored % (2 ** np.floor(np.log2(np.maximum(fine, 1)))) == 0)
        assert fine.max() > 2, "else this says nothing"


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
