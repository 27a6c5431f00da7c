"""Files written anew: the same answers, fewer bytes, nothing else changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import ModelError
from bench.tflite import reader, rewrite
from bench.tflite.facts import kernel_weights, read_facts
from bench.tflite.rewrite import rename_outputs, store_sparse, strip_names
from bench.workers.interpreter import LoadedModel
from tests import tflite_files, tiny_models


def answers(content: bytes, folder: Path, delegate: str | None = None) -> list[np.ndarray]:
    file = folder / "run.tflite"
    file.write_bytes(content)
    model = LoadedModel(str(file), threads=1, delegate=delegate)
    model.allocate()
    generator, found = np.random.default_rng(0), []
    for _ in range(3):
        shapes = {name: one["shape"] for name, one in model.inputs().items()}
        model.feed({n: generator.normal(size=s).astype(np.float32) for n, s in shapes.items()})
        model.run()
        found += [answer.copy() for answer in model.answers().values()]
    return found


def pruned(content: bytes, folder: Path, zeros: float) -> bytes:
    """The file with that fraction of its kernel's weights zero, drawn at random."""
    graph = load(content, folder)
    (kernel,) = (t for t in graph.subgraphs[0].tensors if t.name == "weights")
    values = np.frombuffer(kernel.data.tobytes(), np.float32)
    kept = np.random.default_rng(1).random(len(values)) >= zeros
    place = content.index(values.tobytes())
    made = bytearray(content)
    made[place : place + values.nbytes] = (values * kept).astype(np.float32).tobytes()
    return bytes(made)


def load(content: bytes, folder: Path) -> reader.Graph:
    file = folder / "read.tflite"
    file.write_bytes(content)
    return reader.load(file)


TWO_OUTPUTS = tflite_files.two_heads(signature=("output_0", "output_1"))


def test_outputs_are_renamed_and_nothing_else(tmp_path: Path) -> None:
    before = load(TWO_OUTPUTS, tmp_path)
    made = rename_outputs(TWO_OUTPUTS, {"output_0": "output_1", "output_1": "probability", "z": ""})
    after = load(made, tmp_path)
    (signature,), (known,) = after.signatures, before.signatures
    outputs = known.outputs
    expected = {"output_1": outputs["output_0"], "probability": outputs["output_1"]}
    assert signature == replace(known, outputs=expected)
    assert repr(after.subgraphs) == repr(before.subgraphs)
    for one, other in zip(answers(TWO_OUTPUTS, tmp_path), answers(made, tmp_path), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_whose_outputs_have_their_names_is_left_as_it_is() -> None:
    assert rename_outputs(TWO_OUTPUTS, {"output_0": "output_0"}) == TWO_OUTPUTS


@pytest.mark.parametrize("made", [tiny_models.dense(), tiny_models.conv()])
def test_a_stripped_file_keeps_only_the_names_of_inputs_and_outputs(
    made: bytes, tmp_path: Path
) -> None:
    stripped = strip_names(made)
    names = [tensor.name for tensor in load(stripped, tmp_path).subgraphs[0].tensors]
    assert names == ["input", "", "", "output"]
    assert len(stripped) < len(made)
    for one, other in zip(answers(made, tmp_path), answers(stripped, tmp_path), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stored_data_stay_aligned_as_the_schema_asks(tmp_path: Path) -> None:
    stripped = strip_names(tiny_models.dense(64, 33))
    for tensor in load(stripped, tmp_path).subgraphs[0].tensors:
        if tensor.data is not None:
            assert stripped.index(tensor.data.tobytes()) % 16 == 0


def test_equal_vectors_are_stored_once(tmp_path: Path) -> None:
    def give_scales(model: Any) -> None:
        for tensor in model.subgraphs[0].tensors:
            tensor.quantization = rewrite._schema().QuantizationParametersT()
            tensor.quantization.scale = np.full(64, 0.5, np.float32)
            tensor.quantization.zeroPoint = np.zeros(64, np.int64)
            tensor.quantization.quantizedDimension = len(tensor.shape) - 1

    whole = tiny_models.dense(64, 64)
    made = rewrite.rewritten(whole, give_scales)
    tensors = load(made, tmp_path).subgraphs[0].tensors
    assert len(made) - len(whole) < 64 * (4 + 8) + 300
    for tensor in tensors:
        np.testing.assert_array_equal(tensor.quantization.scale, np.full(64, 0.5))
        np.testing.assert_array_equal(tensor.quantization.zero_point, np.zeros(64))
    assert read_facts(tmp_path / "read.tflite").quantization_bytes == 64 * (4 + 8)


def test_a_file_that_would_come_out_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rewrite.rewritten

    def loses_an_op(content: bytes, change: Any) -> bytes:
        def more(model: Any) -> None:
            change(model)
            model.subgraphs[0].operators[0].inputs[1] = 0

        return whole(content, more)

    monkeypatch.setattr(rewrite, "rewritten", loses_an_op)
    with pytest.raises(ModelError, match="otherwise"):
        strip_names(tiny_models.dense())


@pytest.mark.parametrize("made", [tiny_models.dense(300, 40), tiny_models.dense(70, 400)])
@pytest.mark.parametrize("delegate", [None, "none"])
def test_a_sparse_file_is_smaller_and_answers_the_same(
    made: bytes, delegate: str | None, tmp_path: Path
) -> None:
    given = pruned(made, tmp_path, 0.8)
    sparse, names = store_sparse(given)
    assert names == ("weights",)
    assert len(sparse) < 0.55 * len(given)
    expected = answers(given, tmp_path, delegate)
    for one, other in zip(expected, answers(sparse, tmp_path, delegate), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_facts_of_a_sparse_file_are_those_of_its_kernels(tmp_path: Path) -> None:
    given, file = pruned(tiny_models.dense(300, 40), tmp_path, 0.8), tmp_path / "one.tflite"
    file.write_bytes(given)
    (before,), known = kernel_weights(file), read_facts(file)
    file.write_bytes(store_sparse(given)[0])
    (after,), facts = kernel_weights(file), read_facts(file)
    assert after.is_sparse
    np.testing.assert_array_equal(before.values, after.values)
    assert facts.sparsity == known.sparsity == pytest.approx(0.8, abs=0.05)
    assert facts.ops["DENSIFY"].count == 1


@pytest.mark.parametrize("zeros", [0.0, 0.05])
def test_a_kernel_that_would_grow_stays_as_it_is(zeros: float, tmp_path: Path) -> None:
    given = pruned(tiny_models.dense(8, 40), tmp_path, zeros)
    assert store_sparse(given) == (given, ())
