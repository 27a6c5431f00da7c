"""The finished file is held against what a step promised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench import recipes
from bench.errors import VerificationError
from bench.techniques import Work, channels, cluster, prune, qat
from bench.tflite.values import FileFacts, WeightFacts
from tests import examples


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


def test_a_pruned_kernel_that_is_not_in_the_file_fails() -> None:
    step, work, _ = pruned(80)
    with pytest.raises(VerificationError, match="not in the file"):
        prune.verify(step, work, facts_of(weight("net/conv0/Conv2D", elements=99, zeros=99)))


@pytest.mark.parametrize(("in_each", "good"), [(2, True), (3, True), (1, False)])
def test_m_by_n_is_a_pattern_and_not_only_a_share(in_each: int, good: bool) -> None:
    step = recipes.parse("prune:2:4").steps[0]
    work = Work(None, facts={"prune": {"layers": {"conv": {"asked": 0.5, "elements": 100}}}})
    kernel = weight("net/conv/Conv2D", zeros=60, zeros_in_each={4: in_each})
    if good:
        prune.verify(step, work, facts_of(kernel))
    else:
        with pytest.raises(VerificationError, match="2 zeros in each 4 weights, layer conv has 1"):
            prune.verify(step, work, facts_of(kernel))


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
