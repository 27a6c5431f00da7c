"""Layers left alone and ops left in float are told with their names, in every format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import plugins, records
from bench.report import assemble
from bench.report.file_warnings import find_file_warnings, partly_int8
from bench.tflite.values import WeightFacts
from bench.values import NO_FACTS, Variant
from tests import examples


def variant(*, steps: Mapping[str, Any] = NO_FACTS, **facts: Any) -> Variant:
    made = replace(examples.FILE_FACTS, **facts)
    return replace(examples.variant("made"), facts=made, steps=steps)


def pruned(*skipped: str, **more: Any) -> Variant:
    return variant(steps={"prune": {"skipped": list(skipped), **more}})


def test_nothing_to_say() -> None:
    assert find_file_warnings([variant(), pruned(), variant(int8_share=1.0, float_ops={})]) == []
    assert find_file_warnings([variant(int8_share=0.0, float_ops={"ADD": 3})]) == []


def test_layers_left_alone_are_named_with_what_they_hold() -> None:
    [warning] = find_file_warnings([pruned("a (Conv1D)", "b (Mine)", skipped_fraction=0.25)])
    assert warning.code == "left-alone"
    assert warning.variant == "made"
    assert "2 layers with 25.0% of the weights" in warning.message
    assert "a (Conv1D), b (Mine)" in warning.message


def test_techniques_that_leave_the_same_layers_say_so_once() -> None:
    left = {"skipped": ["a (Conv1D)"], "skipped_fraction": 0.25}
    [together, other] = find_file_warnings(
        [variant(steps={"prune": left, "cluster": left, "qat": {"skipped": ["b (Mine)"]}})]
    )
    assert together.message.startswith("prune and cluster left 1 layer with 25.0% of the weights")
    assert "(not pruned, not clustered): a (Conv1D)" in together.message
    assert other.message.startswith("qat left 1 layer alone")


def test_the_last_layer_keeps_its_channels_without_a_word() -> None:
    skipped = ["classes (it is the model's output)", "tied (it goes into own (Own))"]
    [warning] = find_file_warnings([variant(steps={"channels": {"skipped": skipped}})])
    assert "1 layer alone" in warning.message
    assert "tied" in warning.message
    assert "classes" not in warning.message


def test_ops_left_in_float_are_named() -> None:
    half = variant(int8_share=0.5, float_ops={"MUL": 2}, float_outputs=("net/se/mul;net/x/y",))
    assert partly_int8(half) == 0.5
    [warning] = find_file_warnings([half])
    assert "50% of the ops" in warning.message
    assert "2 MUL" in warning.message
    assert warning.message.endswith(": se")


@pytest.mark.parametrize(
    ("recipe", "why"), [("quantize:dynamic", "1,024 weights"), ("quantize:int8", "no int8 form")]
)
def test_ops_left_in_float_have_the_cause_of_their_recipe(recipe: str, why: str) -> None:
    half = variant(
        int8_share=0.5, float_ops={"MUL": 2}, weights=(replace(examples.WEIGHT, dtype="int8"),)
    )
    [warning] = find_file_warnings([replace(half, recipe=recipe)])
    assert why in warning.hint


def test_int8_is_no_cure_for_what_int8_left_in_float() -> None:
    half = replace(
        variant(int8_share=0.5, float_ops={"MUL": 2}), recipe="quantize:int8,rest=float32"
    )
    [warning] = find_file_warnings([half])
    assert "quantize:int8 may" not in warning.hint
    [warning] = find_file_warnings([replace(half, recipe="prune:0.5+qat,rest=float32")])
    assert "quantize:int8 may have one" in warning.hint


@pytest.mark.parametrize(
    ("recipe", "dtype", "told"),
    [
        ("quantize:dynamic", "float32", True),
        ("quantize:dynamic", "int8", False),
        ("quantize:dynamic,per_channel_dense=no+strip", "float32", True),
        ("quantize:float16", "float32", False),
        ("", "float32", False),
    ],
)
def test_dynamic_range_that_quantized_nothing_is_told(recipe: str, dtype: str, told: bool) -> None:
    weights = (replace(examples.WEIGHT, dtype=dtype),)
    found = find_file_warnings([replace(variant(weights=weights), recipe=recipe)])
    assert [warning.code for warning in found] == ["not-quantized"] * told


def test_unrolled_layers_are_told() -> None:
    [warning] = find_file_warnings([variant(steps={"convert": {"unrolled": ["memory"]}})])
    assert warning.code == "unrolled"
    assert "memory" in warning.message


@pytest.mark.parametrize("suffix", ["text", "md", "csv", "json"])
def test_every_format_tells(suffix: str, tmp_path: Path) -> None:
    facts = {
        "steps": {"prune": {"skipped": ["lonely (Conv1D)"]}},
        "int8_share": 0.5,
        "float_ops": {"MUL": 1},
        "float_outputs": ("net/product/mul",),
    }
    session = examples.session(variants=(examples.FLOAT32, variant(**facts)))
    path = examples.write(tmp_path / "r.jsonl", session, examples.launches(["float32", "made"], 3))
    text = plugins.load("formats", suffix).render(assemble(records.read(path)))
    assert "lonely (Conv1D)" in text
    assert "product" in text
    assert "50 %" in text or "0.5" in text


def test_kernels_that_stayed_dense_are_told_with_the_reason() -> None:
    why = "no kernel has zeros enough"
    told = {"sparse": {"kernels": [], "not_because": why}}
    [warning] = find_file_warnings([variant(steps=told)])
    assert warning.code == "not-sparse"
    assert why in warning.message


def test_kernels_full_of_zeros_that_stayed_dense_beside_sparse_ones_are_named() -> None:
    def kernel(name: str, **more: Any) -> WeightFacts:
        full = {"sparsity": 0.8, "stored_bytes": 5000, "is_sparse": False, **more}
        return replace(examples.WEIGHT, name=name, **full)

    told = {"sparse": {"kernels": ["one"]}}
    stored = kernel("net/one/Conv2D", is_sparse=True)
    others = (kernel("net/few/Conv2D", sparsity=0.1), kernel("net/small/Conv2D", stored_bytes=90))
    assert not find_file_warnings([variant(steps=told, weights=(stored, *others))])
    made = variant(steps=told, weights=(stored, *others, kernel("net/left/MatMul")))
    [warning] = find_file_warnings([made])
    assert warning.code == "partly-sparse"
    assert "1 kernel dense" in warning.message
    assert warning.message.endswith(": left")
    [warning] = find_file_warnings([variant(steps=told, weights=(stored, kernel("")))])
    assert warning.message.endswith("is zero")
