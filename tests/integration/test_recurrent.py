"""Recurrent models through the real converter: fused, as a loop or unrolled; equal answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data
from bench.build.convert import convert
from bench.errors import BuildError
from bench.techniques import Conversion, Work
from bench.tflite.facts import read_facts
from bench.tflite.values import FileFacts
from bench.workers.interpreter import LoadedModel, to_input, to_real

keras = pytest.importorskip("keras")
pytest.importorskip("tf_keras")

pytestmark = pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")

SAMPLES = np.random.default_rng(0).normal(size=(40, 6, 5)).astype(np.float32)


def recurrent(layer: Any, length: int | None = 6) -> Any:
    keras.utils.set_random_seed(0)
    sequence = keras.Input((length, 5), name="sequence")
    return keras.Model(sequence, keras.layers.Dense(3, activation="softmax")(layer(sequence)))


def lstm() -> Any:
    return keras.layers.LSTM(4, name="memory")


def gru() -> Any:
    return keras.layers.GRU(4, name="memory")


def both_ways() -> Any:
    return keras.layers.Bidirectional(keras.layers.LSTM(4), name="memory")


def made(model: Any, mode: str, folder: Path) -> tuple[FileFacts, np.ndarray, dict[str, Any]]:
    """Facts of the file, its answers to six samples one after the other, facts of conversion."""
    conversion = Conversion(mode, io="int8" if mode == "int8" else "float32")
    calibration = data.from_arrays("x", {"x_calibration": SAMPLES}).calibration(40, 0)
    converted = convert(Work(model, conversion=conversion), calibration)
    file = folder / "made.tflite"
    file.write_bytes(converted.content)
    graph = LoadedModel(str(file), threads=1)
    graph.resize(next(iter(graph.inputs())), (1, *SAMPLES.shape[1:]))
    graph.allocate()
    ((name, given),) = graph.inputs().items()
    answers = []
    for sample in SAMPLES[:6]:
        graph.forget()
        graph.feed({name: to_input(sample[None], given)})
        graph.run()
        ((output, details),) = graph.outputs().items()
        answers.append(to_real(graph.answers()[output], details)[0])
    return read_facts(file), np.array(answers), dict(converted.facts)


@pytest.mark.parametrize(
    ("layer", "length", "mode", "unrolled"),
    [
        (lstm, 6, "float32", False),
        (lstm, 6, "int8", False),
        (lstm, 6, "int16x8", True),
        (lstm, None, "dynamic", False),
        (lstm, None, "int8", False),
        (gru, 6, "float16", False),
        (gru, 6, "int8", True),
        (gru, None, "float32", False),
        (both_ways, 6, "int8", False),
    ],
)
def test_recurrent_models_answer_as_in_keras(
    layer: Any, length: int | None, mode: str, unrolled: bool, tmp_path: Path
) -> None:
    model = recurrent(layer(), length)
    facts, answers, told = made(model, mode, tmp_path)
    expected = model.predict(SAMPLES[:6], verbose=0)
    np.testing.assert_allclose(answers, expected, atol=0.06 if "int" in mode else 2e-3)
    assert told == ({"unrolled": ["memory"]} if unrolled else {})
    assert facts.inputs[0].shape_signature[1] == (length or -1)
    if "int" in mode:
        assert not facts.float_ops
    elif layer is not gru:
        assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in facts.ops


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_a_loop_of_open_length_is_refused_in_one_true_line(mode: str, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot quantize a loop") as caught:
        made(recurrent(gru(), None), mode, tmp_path)
    assert "quantize:dynamic" in caught.value.hint


def test_an_op_that_tflite_lacks_is_named_with_its_layer(tmp_path: Path) -> None:
    features = keras.Input((4,))
    square = keras.layers.Reshape((2, 2))(keras.layers.Dense(4)(features))
    with pytest.raises(BuildError, match="no form of TensorFlow's MatrixDeterminant") as caught:
        made(keras.Model(features, keras.ops.linalg.det(square)), "float32", tmp_path)
    assert "replace it" in caught.value.hint
    assert "loc(" not in str(caught.value)
