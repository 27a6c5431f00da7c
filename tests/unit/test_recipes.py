"""Recipes are read into one canonical spelling, and what is misspelt is told with the nearest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import recipes
from bench.errors import RecipeError
from bench.values import Step


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("float32", "float32"),
        (" float32 ", "float32"),
        ("quantize:int8", "quantize:int8"),
        ("quantize:int8,io=int8", "quantize:int8"),
        ("quantize:int8,per_channel_dense=yes", "quantize:int8"),
        (
            "quantize:int8,per_channel_dense=no,io=uint8",
            "quantize:int8,io=uint8,per_channel_dense=no",
        ),
        ("quantize:dynamic, per_channel_dense = no", "quantize:dynamic,per_channel_dense=no"),
    ],
)
def test_equal_recipes_come_out_equal(typed, canonical):
    assert str(recipes.parse(typed)) == canonical


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("quantise:int8", "did you mean 'quantize'"),
        ("flot32", "did you mean 'float32'"),
        ("int8", "write quantize:int8"),
        ("quantize:int9", "did you mean 'int8'"),
        ("quantize", "quantize is no quantization"),
        ("quantize:", "no quantization"),
        ("quantize:int8,oi=uint8", "did you mean 'io'"),
        ("quantize:int8,io=int4", "use int8, uint8, float32"),
        ("quantize:float16,io=uint8", "goes with quantize:int8"),
        ("quantize:int8,uint8", "write options as key=value"),
        ("quantize:int8,io=uint8,io=int8", "names an option twice"),
        ("quantize:int8+quantize:dynamic", "is quantized already"),
        ("quantize:int8+", "empty step"),
        ("", "empty step"),
        ("float32+quantize:int8", "leave it out of the chain"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_cure(typed, words):
    with pytest.raises(RecipeError) as caught:
        recipes.parse(typed)
    assert words in str(caught.value)


def test_commas_within_a_value_belong_to_it():
    step = recipes._split("quantize:int8,io=a,b,per_channel_dense=no", "whole")
    assert step == Step("quantize", "int8", (("io", "a,b"), ("per_channel_dense", "no")))


@given(
    mode=st.sampled_from(["dynamic", "float16", "int8", "int16x8"]),
    options=st.dictionaries(
        st.sampled_from(["io", "per_channel_dense"]),
        st.sampled_from(["int8", "uint8", "float32", "yes", "no"]),
    ),
)
def test_the_canonical_spelling_reads_as_itself(mode, options):
    text = ",".join([f"quantize:{mode}", *(f"{key}={value}" for key, value in options.items())])
    try:
        recipe = recipes.parse(text)
    except RecipeError:
        return
    assert recipes.parse(str(recipe)) == recipe


def test_float32_comes_first_and_nothing_twice():
    chosen = recipes.parse_all(["quantize:int8", "quantize:int8,io=int8", "float32"])
    assert list(map(str, chosen)) == ["float32", "quantize:int8"]


def test_the_defaults_need_no_training():
    chosen = recipes.parse_all([])
    assert list(map(str, chosen)) == list(recipes.DEFAULTS)
    assert not any(map(recipes.trains, chosen))


def test_what_needs_calibration():
    calibrated = [str(r) for r in recipes.parse_all([]) if recipes.calibrates(r)]
    assert calibrated == ["quantize:int8", "quantize:int16x8"]
