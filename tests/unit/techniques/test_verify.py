"""The finished file is held against what a step promised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import recipes
from bench.errors import VerificationError
from bench.techniques import Work, channels, cluster, prune, qat, quantize
from bench.tflite.facts import read_facts
from bench.tflite.values import FileFacts, WeightFacts
from tests import examples
from tests.flatbuffer_models import Array, dense


def weight(
    name: str, elements: int = 100, zeros: int = 0, unique: int = 50, **more: Any
) -> WeightFacts:
    return replace(
        examples.WEIGHT,
        name=name,
        elements=elements,
        zeros=zeros,
        unique_max_per_channel=unique,
        **more,
    )


def facts_of(*weights: WeightFacts, **more: Any) -> FileFacts:
    return replace(examples.FILE_FACTS, weights=weights, **more)


def pruned(*zeros: int) -> tuple[Any, Work, FileFacts]:
    step = recipes.parse("prune:0.8").steps[0]
    layers = {f"conv{i}": {"asked": 0.8, "elements": 100} for i in range(len(zeros))}
    weights = [weight(f"net/conv{i}/Conv2D", zeros=count) for i, count in enumerate(zeros)]
    return step, Work(None, facts={"prune": {"layers": layers}}), facts_of(*weights)


@pytest.mark.parametrize("zeros", [(80,), (79,), (75, 84), (100, 58)])
def test_sparsity_within_one_point_over_all_pruned_layers_is_kept(zeros: tuple[int, ...]) -> None:
    prune.verify(*pruned(*zeros))


@pytest.mark.parametrize("zeros", [(78,), (0,), (80, 77)])
def test_sparsity_more_than_one_point_below_fails(zeros: tuple[int, ...]) -> None:
    with pytest.raises(VerificationError, match=r"asked for 80\.0% zeros"):
        prune.verify(*pruned(*zeros))


@pytest.mark.parametrize(("zeros", "holds"), [(2, True), (1, False)])
def test_a_fraction_of_few_weights_is_a_whole_number_of_them(zeros: int, holds: bool) -> None:
    step = recipes.parse("prune:0.1").steps[0]
    work = Work(None, facts={"prune": {"layers": {"w": {"asked": 0.1, "elements": 24}}}})
    facts = facts_of(weight("net/w/MatMul", elements=24, zeros=zeros))
    if holds:
        prune.verify(step, work, facts)
        return
    with pytest.raises(VerificationError, match="zeros"):
        prune.verify(step, work, facts)


def test_a_pruned_kernel_that_is_not_in_the_file_fails() -> None:
    step, work, _ = pruned(80)
    with pytest.raises(VerificationError, match="not in the file"):
        prune.verify(step, work, facts_of(weight("net/conv0/Conv2D", elements=99, zeros=99)))


def written(path: Path, values: Array) -> FileFacts:
    """The facts of a file that holds these weights, ``[out, in]``, in a dense layer."""
    path.write_bytes(dense(np.asarray(values, np.float32)))
    return read_facts(path)


def pruned_to(text: str, asked: float, elements: int) -> tuple[Any, Work]:
    step = recipes.parse(text).steps[0]
    layers = {"w": {"asked": asked, "elements": elements}}
    return step, Work(None, facts={"prune": {"layers": layers}})


@pytest.mark.parametrize("n", [4, 5])
def test_m_by_n_is_a_pattern_and_not_only_a_fraction(tmp_path: Path, n: int) -> None:
    step, work = pruned_to(f"prune:2:{n}", 2 / n, 4 * n)
    rows = np.ones((2, 2 * n))
    rows[:, [0, 1, n, n + 1]] = 0
    prune.verify(step, work, written(tmp_path / "good.tflite", rows))
    rows[0, [1, n + 2]] = 1, 0
    with pytest.raises(VerificationError, match=f"2 zeros in each {n} weights, layer w has 1"):
        prune.verify(step, work, written(tmp_path / "bad.tflite", rows))


def test_zeros_come_in_the_blocks_that_were_asked_for(tmp_path: Path) -> None:
    step, work = pruned_to("prune:0.5,block=4x1", 0.5, 64)
    rows = np.ones((8, 8))  # [out, in]: a block of four inputs lies along a row
    rows[:4] = 0
    prune.verify(step, work, written(tmp_path / "good.tflite", rows))
    scattered = np.indices((8, 8)).sum(axis=0) % 2
    with pytest.raises(VerificationError, match=r"asked for 50\.0% blocks of zeros, layer w"):
        prune.verify(step, work, written(tmp_path / "bad.tflite", scattered))


def test_blocks_along_the_other_axis_are_others(tmp_path: Path) -> None:
    columns = np.ones((8, 8))
    columns[:, ::2] = 0
    facts = written(tmp_path / "columns.tflite", columns)
    prune.verify(*pruned_to("prune:0.5,block=1x4", 0.5, 64), facts)
    with pytest.raises(VerificationError, match=r"layer w has 0\.0%"):
        prune.verify(*pruned_to("prune:0.5,block=4x1", 0.5, 64), facts)


def test_the_layer_is_told_from_others_of_its_size_by_name() -> None:
    step, work, _ = pruned(80)
    bad = [weight("net/conv00/Conv2D", zeros=100), weight("a;net/conv0/Conv2D", zeros=0)]
    with pytest.raises(VerificationError):
        prune.verify(step, work, facts_of(*bad))
    quantized = [weight("net/quant_conv0/LastValueQuant/FakeQuant", zeros=80)]
    prune.verify(step, work, facts_of(*quantized))


@pytest.mark.parametrize(("unique", "good"), [(16, True), (3, True), (17, False)])
def test_no_channel_may_hold_more_values_than_asked(unique: int, good: bool) -> None:
    step = recipes.parse("cluster:16").steps[0]
    layers = {"conv": {"clusters": 16, "elements": 100}}
    work = Work(None, facts={"cluster": {"layers": layers}})
    facts = facts_of(weight("net/conv/Conv2D", unique=unique))
    if good:
        cluster.verify(step, work, facts)
        return
    with pytest.raises(VerificationError, match="layer conv has 17"):
        cluster.verify(step, work, facts)


def gates(zeros: int, count: int = 4, unique: int = 50) -> list[WeightFacts]:
    """Tensors of a recurrent kernel that became one op: one for each gate, without its name."""
    return [
        weight(f"arith.constant{i}", elements=25, zeros=zeros, unique=unique) for i in range(count)
    ]


def recurrent(technique: str, **told: Any) -> Work:
    """Two kernels of one size in one layer, of four gates each."""
    layer = {"elements": 100, "gates": 4, **told}
    layers = {"memory/forward/kernel": layer, "memory/backward/kernel": layer}
    return Work(None, facts={technique: {"layers": layers}})


@pytest.mark.parametrize(("zeros", "good"), [((20, 20), True), ((20, 0), False), ((20,), False)])
def test_each_gate_of_each_kernel_is_held_against_a_tensor_of_its_own(
    zeros: tuple[int, ...], good: bool
) -> None:
    step = recipes.parse("prune:0.8").steps[0]
    facts = facts_of(*(one for count in zeros for one in gates(count)))
    if good:
        prune.verify(step, recurrent("prune", asked=0.8), facts)
        return
    with pytest.raises(VerificationError, match=r"zeros|not in the file"):
        prune.verify(step, recurrent("prune", asked=0.8), facts)


@pytest.mark.parametrize(("values", "good"), [(16, True), (17, False)])
def test_no_gate_may_hold_more_values_than_asked(values: int, good: bool) -> None:
    step = recipes.parse("cluster:16").steps[0]
    facts = facts_of(*gates(0, 4, unique=16), *gates(0, 3, unique=4), *gates(0, 1, unique=values))
    if good:
        cluster.verify(step, recurrent("cluster", clusters=16), facts)
        return
    with pytest.raises(VerificationError, match="memory/backward/kernel has 17"):
        cluster.verify(step, recurrent("cluster", clusters=16), facts)


def test_kernels_of_one_size_with_fewer_and_more_values_take_no_tensor_of_the_other() -> None:
    step = recipes.parse("cluster:16").steps[0]
    layers = {
        name: {"elements": 100, "clusters": clusters} for name, clusters in (("a", 16), ("b", 4))
    }
    facts = facts_of(weight("arith.constant", unique=16), weight("arith.constant1", unique=4))
    cluster.verify(step, Work(None, facts={"cluster": {"layers": layers}}), facts)


def test_a_float_kernel_after_whole_model_training_fails() -> None:
    step = recipes.parse("qat").steps[0]
    work = Work(None, facts={"qat": {"untrained": []}})
    qat.verify(step, work, facts_of(float_ops={}))
    with pytest.raises(VerificationError, match="CONV_2D"):
        qat.verify(step, work, facts_of(float_ops={"CONV_2D": 1}))


def test_only_chosen_layers_are_promised_to_be_int8() -> None:
    step = recipes.parse("qat,layers=Dense").steps[0]
    work = Work(None, facts={"qat": {"untrained": ["conv (Conv2D)"]}})
    qat.verify(step, work, facts_of(float_ops={"CONV_2D": 1}))


def test_a_file_with_more_parameters_than_the_smaller_model_fails() -> None:
    step = recipes.parse("channels:0.5").steps[0]
    work = Work(None, facts={"channels": {"parameters": 100}})
    channels.verify(step, work, facts_of(weight_elements=100))
    with pytest.raises(VerificationError, match="101"):
        channels.verify(step, work, facts_of(weight_elements=101))


def quantized(text: str, *types: str, **arithmetic: int) -> tuple[Any, Work, FileFacts]:
    """A step that says 4 bits of its first layer and 8 of its second, and a file of such types."""
    layers = {
        f"net/conv{bits}": {"layer": f"conv{bits}", "op": "CONV_2D", "elements": 100, "bits": bits}
        for bits in (4, 8)
    }
    weights = [weight(f"net/conv{i}", dtype=dtype) for i, dtype in enumerate(types)]
    facts = facts_of(*weights, arithmetic=arithmetic)
    step = recipes.parse(text).steps[0]
    return step, Work(None, facts={"quantize": {"layers": layers}}), facts


def test_weights_of_the_bits_that_the_quantizer_says_are_taken() -> None:
    quantize.verify(*quantized("quantize:w4a8", "int4", "int8", int8=2))
    quantize.verify(*quantized("quantize:w4", "int4", "int8", float=2))


@pytest.mark.parametrize("types", [("int8", "int8"), ("int4", "float32"), ("float32", "float32")])
def test_weights_that_were_left_as_they_were_fail(types: tuple[str, str]) -> None:
    with pytest.raises(VerificationError, match=r"asked for 100 weights of int\d, the file has 0"):
        quantize.verify(*quantized("quantize:w4a8", *types, int8=2))


@pytest.mark.parametrize("mode", ["w4a8", "mixed", "w8a16"])
def test_a_file_that_computes_in_float_though_integers_were_asked_for_fails(mode: str) -> None:
    with pytest.raises(VerificationError, match="no op of the file computes in it"):
        quantize.verify(*quantized(f"quantize:{mode}", "int4", "int8", float=2))
