"""How the tools are told to keep what a delegate has made ready, and where they cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.benchmark_model.argv import Dialect, argv
from bench.benchmark_model.caches import cache_of, why_none
from bench.errors import TargetError
from bench.values import Plan


@pytest.mark.parametrize(
    ("dialect", "delegate", "flags"),
    [
        ("tflite", "xnnpack", ("--xnnpack_weight_cache_file_path=/d/c/xnnpack",)),
        (
            "tflite",
            "gpu",
            ("--delegate_serialize_dir=/d/c", "--delegate_serialize_token=model"),
        ),
        (
            "tflite",
            "nnapi",
            ("--delegate_serialize_dir=/d/c", "--delegate_serialize_token=model"),
        ),
        ("litert", None, ("--xnnpack_weight_cache_file_path=/d/c/xnnpack",)),
        ("litert", "gpu", ("--gpu_serialization_dir=/d/c", "--gpu_model_cache_key=model")),
        ("litert", "npu", ("--compiler_cache_path=/d/c",)),
    ],
)
def test_flags_of_a_folder(dialect: Dialect, delegate: str | None, flags: tuple[str, ...]) -> None:
    cache = cache_of(delegate, dialect)
    assert cache is not None
    assert cache.arguments("/d/c") == flags
    names = [flag.removeprefix("--").partition("=")[0] for flag in flags]
    assert cache.lacking(names) == ""
    for name in names:
        assert cache.lacking(set(names) - {name}) == name


@pytest.mark.parametrize("delegate", [None, "none", "hexagon"])
def test_where_nothing_is_kept_there_is_a_reason(delegate: str | None) -> None:
    assert cache_of(delegate, "tflite") is None
    assert why_none(delegate)


def test_a_flag_of_ours_is_not_to_be_given_twice() -> None:
    flags = ("--xnnpack_weight_cache_file_path=/d/c/xnnpack",)
    plan = Plan(delegate="xnnpack")
    assert flags[0] in argv("t", "m", plan, cache=flags)
    own = replace(plan, tool_args=("--xnnpack_weight_cache_file_path=/mine",))
    assert argv("t", "m", own)[-1] == own.tool_args[0]
    with pytest.raises(TargetError, match="--warm-starts"):
        argv("t", "m", own, cache=flags)
