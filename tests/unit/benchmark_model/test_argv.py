"""The arguments that make the tool measure what was planned, and nothing that was not asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.benchmark_model.argv import DELEGATES, argv, dialect_of
from bench.errors import TargetError
from bench.values import MeasuredInput, Plan


def given(
    name: str, *shape: int, dtype: str = "float32", bounds: tuple[float, float] | None = None
) -> MeasuredInput:
    return MeasuredInput(name, name, dtype, shape, is_resized=True, bounds=bounds)


PLAN = Plan(runs=69, warmup_runs=10, warmup_s=0.0, threads=1, timeout_s=300.0)
OF_A_LAUNCH = ("inputs", "values", "output", "signature", "dialect")
RESIZED = MeasuredInput("x", "x", "float32", (1, 2), is_resized=True)


def make(**options: Any) -> list[str]:
    """The command line; options are fields of the plan, or what belongs to one launch."""
    own = {name: options.pop(name) for name in OF_A_LAUNCH if name in options}
    return argv("/d/benchmark_model", "/d/m.tflite", replace(PLAN, **options), **own)


def test_counts_are_exact_and_nothing_else_is_passed() -> None:
    assert make() == [
        "/d/benchmark_model",
        "--graph=/d/m.tflite",
        "--num_runs=69",
        "--min_secs=0",
        "--warmup_runs=10",
        "--warmup_min_secs=0",
        "--num_threads=1",
        "--max_secs=300",
    ]


@pytest.mark.parametrize(
    ("delegate", "flag"),
    [
        ("none", "--use_xnnpack=false"),
        ("xnnpack", "--use_xnnpack=true"),
        ("gpu", "--use_gpu=true"),
        ("nnapi", "--use_nnapi=true"),
        ("hexagon", "--use_hexagon=true"),
    ],
)
def test_a_delegate_is_one_flag(delegate: str, flag: str) -> None:
    assert set(make(delegate=delegate)) - set(make()) == {flag}


def test_shapes_signature_bound_and_profile() -> None:
    arguments = make(
        inputs=[given("image:0", 1, 224, 224, 3), given("ids", 1, 20)],
        signature="encode",
        timeout_s=90.0,
        profile=True,
        tool_args=("--use_caching=true", "--allow_fp16=true"),
    )
    assert "--input_layer=image:0,ids" in arguments
    assert "--input_layer_shape=1,224,224,3:1,20" in arguments
    assert "--signature_to_run_for=encode" in arguments
    assert "--max_secs=90" in arguments
    assert "--enable_op_profiling=true" in arguments
    assert arguments[-2:] == ["--use_caching=true", "--allow_fp16=true"]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--num_runs=5"], "--runs"),
        (["--num_threads=4"], "--threads"),
        (["--max_secs=9"], "--timeout"),
        (["--warmup_min_secs=1"], "--warmup-s"),
        (["--graph=/x.tflite"], "the model"),
        (["--use_gpu=true"], "--delegate gpu"),
        (["--use_xnnpack=false"], "--delegate xnnpack or none"),
        (["--input_layer=y"], "--input-shape"),
        (["--enable_op_profiling=true"], "--profile"),
        (["--use_caching=true", "--use_caching=false"], "--use_caching is given twice"),
    ],
)
def test_a_further_argument_may_not_repeat_one_of_ours(extra: list[str], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        make(tool_args=tuple(extra), inputs=[RESIZED], profile=True)


def test_a_further_argument_may_say_what_we_do_not() -> None:
    extra = ["--input_layer=x", "--input_layer_value_files=x:f", "--enable_op_profiling=true", "-v"]
    assert make(tool_args=tuple(extra))[-4:] == extra


def test_an_input_that_is_as_the_file_says_needs_no_flag() -> None:
    assert make(inputs=[MeasuredInput("x", "x", "float32", (1, 8))]) == make()


def test_bounds_name_all_inputs_since_the_tool_goes_by_their_order() -> None:
    ids = given("serving_default_ids:0", 1, 20, dtype="int64", bounds=(0, 1_250_000))
    arguments = make(inputs=[ids, given("scale", 1, bounds=(-1, 1))])
    assert arguments[-3:] == [
        "--input_layer=input0,scale",  # it splits ranges at colons
        "--input_layer_shape=1,20:1",
        "--input_layer_value_range=input0,0,1249999:scale,-1,1",
    ]


def test_a_name_with_a_comma_is_given_another() -> None:
    arguments = make(inputs=[given("a,b", 1, 2), given("c", 3)])
    assert arguments[-2:] == ["--input_layer=input0,c", "--input_layer_shape=1,2:3"]


def test_litert_is_told_bounds_alone() -> None:
    ids = MeasuredInput("ids", "t:0", "int32", (1, 4), bounds=(0, 20))
    assert make(inputs=[ids], dialect="litert")[-1] == "--input_layer_value_range=ids,0,19"


def test_nothing_is_quoted_here() -> None:
    odd = "/d/a model's $(rm) \n.tflite"
    assert f"--graph={odd}" in argv("t", odd, PLAN)


def test_litert_has_flags_of_its_own() -> None:
    arguments = make(dialect="litert", delegate="gpu", profile=True)
    assert {"--use_gpu=true", "--use_profiler=true"} < set(arguments)
    assert {"--num_runs=69", "--min_secs=0", "--warmup_min_secs=0"} < set(arguments)
    assert set(make(dialect="litert", delegate="npu")) - set(make()) == {"--use_npu=true"}


@pytest.mark.parametrize(
    "options",
    [
        {"delegate": "npu"},
        {"delegate": "nnapi", "dialect": "litert"},
        {"delegate": "none", "dialect": "litert"},
        {"inputs": [given("x", 1, 2)], "dialect": "litert"},
        {"inputs": [given("x", 1, 0)]},
        {"inputs": [given("x")]},
        {"inputs": [given("x", 1, bounds=(0.5, 3.0))]},
    ],
)
def test_what_a_tool_cannot_be_told_is_refused_with_the_cure(options: dict[str, Any]) -> None:
    with pytest.raises(TargetError) as caught:
        make(**options)
    assert caught.value.hint


def test_the_dialect_follows_from_the_tools_name() -> None:
    assert dialect_of("/d/benchmark_litert_model") == "litert"
    assert dialect_of("/d/litert/android_aarch64_benchmark_model") == "tflite"
    assert set(DELEGATES) == {"tflite", "litert"}


def test_values_come_from_files_under_names_that_need_no_quoting() -> None:
    inputs = [given("serving_default_a:0", 8, 4, bounds=(0, 9)), given("b,c", 8), given("d", 8, 1)]
    arguments = make(inputs=inputs, values=["/d/1", "/d/2", "/d/3"], output="/d/out")
    assert arguments[-4:] == [
        "--input_layer=input0,input1,d",
        "--input_layer_shape=8,4:8:8,1",
        "--input_layer_value_files=input0:/d/1,input1:/d/2,d:/d/3",
        "--output_filepath=/d/out",
    ]
    # The file itself says the shape, and is told all the same: the flags belong together.
    fixed = MeasuredInput("x", "x", "float32", (1, 2))
    assert "--input_layer_shape=1,2" in make(inputs=[fixed], values=["/d/1"])


def test_litert_s_tool_can_be_given_no_values() -> None:
    with pytest.raises(TargetError, match="reads no values from files"):
        make(inputs=[RESIZED], values=["/d/1"], dialect="litert")


def test_what_we_set_for_answers_is_not_passed_on_twice() -> None:
    with pytest.raises(TargetError, match="--phone-samples"):
        make(inputs=[RESIZED], values=["/d"], output="/d/o", tool_args=("--output_filepath=/e",))
