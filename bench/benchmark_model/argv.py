"""The arguments that make benchmark_model measure exactly what was planned.

The tool's ``--num_runs`` is a minimum: by default it goes on until ``--min_secs`` (1 s) and warms
up for half a second, whatever the number of runs. With both at 0 the counts are exact.

No flag is passed that was not asked for: a tool that lacks one ignores it with exit code 0
(``Unconsumed cmdline flags``), and builds differ (without XNNPACK or GPU there is no
``--use_xnnpack``, ``--use_gpu``, ``--use_nnapi``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from bench.errors import TargetError
from bench.values import MeasuredInput, Plan

Dialect = Literal["tflite", "litert"]
"""``tflite`` is benchmark_model, ``litert`` LiteRT 2's benchmark_litert_model."""

DELEGATES: Mapping[Dialect, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "tflite": MappingProxyType(
            {
                "none": ("--use_xnnpack=false",),
                "xnnpack": ("--use_xnnpack=true",),
                "gpu": ("--use_gpu=true",),
                "nnapi": ("--use_nnapi=true",),
                "hexagon": ("--use_hexagon=true",),
            }
        ),
        "litert": MappingProxyType(
            {
                "xnnpack": ("--use_cpu=true",),
                "gpu": ("--use_gpu=true",),
                "npu": ("--use_npu=true",),
            }
        ),
    }
)
"""The flags of each delegate, by dialect."""


def dialect_of(tool: str) -> Dialect:
    """Which tool a file is, by its name."""
    return "litert" if "litert" in tool.rsplit("/", 1)[-1].lower() else "tflite"


def argv(
    tool: str,
    model: str,
    plan: Plan,
    *,
    inputs: Sequence[MeasuredInput] = (),
    values: Sequence[str] = (),
    output: str | None = None,
    cache: Sequence[str] = (),
    signature: str | None = None,
    dialect: Dialect = "tflite",
) -> list[str]:
    """The command line of one launch, unquoted.

    Args:
        tool: the tool's path on the device.
        model: the model's path on the device.
        plan: its ``timeout_s`` also bounds the measured time (the tool's own default is 150 s), and
            its ``tool_args`` come last; none may be given already, for of two the tool takes the
            first and ignores the second. Where its delegate is None, no flag is
            passed: the tool's default is taken.
        inputs: all of the model's, in the file's order.
        values: for each input a file on the device with its values, as the tensor stores them;
            empty for random ones.
        output: the file on the device that the outputs of the last run are written to.
        cache: flags that make the delegate keep what it has made ready (``caches.flags``).
        signature: to be run, where the model has several.
        dialect: of the tool.

    Raises:
        TargetError: this dialect has no flag for what was asked, or an argument repeats one.
    """
    arguments = [
        tool,
        f"--graph={model}",
        f"--num_runs={plan.runs}",
        "--min_secs=0",
        f"--warmup_runs={plan.warmup_runs}",
        f"--warmup_min_secs={plan.warmup_s:g}",
        f"--num_threads={plan.threads}",
        f"--max_secs={plan.timeout_s:g}",
    ]
    arguments += _delegate(plan.delegate, dialect)
    arguments += cache
    arguments += _inputs(inputs, values, dialect)
    if output is not None:
        arguments.append(f"--output_filepath={output}")
    if signature is not None:
        arguments.append(f"--signature_to_run_for={signature}")
    if plan.profile:
        arguments.append(
            "--use_profiler=true" if dialect == "litert" else "--enable_op_profiling=true"
        )
    _refuse_repeats(arguments[1:], plan.tool_args)
    return [*arguments, *plan.tool_args]


_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "graph": "the model that is named",
        "num_runs": "--runs",
        "min_secs": "--runs, which are exact",
        "max_secs": "--timeout",
        "warmup_runs": "--warmup-runs",
        "warmup_min_secs": "--warmup-s",
        "num_threads": "--threads",
        "input_layer": "--input-shape",
        "input_layer_shape": "--input-shape",
        "input_layer_value_range": "--input-range",
        "input_layer_value_files": "--real-inputs",
        "output_filepath": "--phone-samples",
        "signature_to_run_for": "--signature",
        "enable_op_profiling": "--profile",
        "use_profiler": "--profile",
        "use_xnnpack": "--delegate xnnpack or none",
        "use_cpu": "--delegate xnnpack",
        "use_gpu": "--delegate gpu",
        "use_nnapi": "--delegate nnapi",
        "use_hexagon": "--delegate hexagon",
        "use_npu": "--delegate npu",
        "xnnpack_weight_cache_file_path": "--warm-starts",
        "delegate_serialize_dir": "--warm-starts",
        "delegate_serialize_token": "--warm-starts",
        "gpu_serialization_dir": "--warm-starts",
        "gpu_model_cache_key": "--warm-starts",
        "compiler_cache_path": "--warm-starts",
    }
)
"""Which of our options sets a flag of the tool."""

_DELEGATE_FLAGS = frozenset(name for name in _OPTIONS if name.startswith("use_")) - {"use_profiler"}
"""Never passed on: only a delegate that was asked for by name is looked for in the tool's words."""


def _refuse_repeats(ours: Sequence[str], extra: Sequence[str]) -> None:
    passed = {flag_of(word) for word in ours}
    for word in extra:
        flag = flag_of(word)
        if flag is None:
            continue
        if flag in _OPTIONS and (flag in passed or flag in _DELEGATE_FLAGS):
            raise TargetError(
                f"the tool's argument {word} repeats what {_OPTIONS[flag]} sets",
                hint=f"use {_OPTIONS[flag]}: of two arguments the tool takes the first",
            )
        if flag in passed:
            raise TargetError(f"the tool's argument --{flag} is given twice", hint="give it once")
        passed.add(flag)


def flag_of(word: str) -> str | None:
    """The name of the flag that a word sets, None where it is no flag."""
    return word[2:].partition("=")[0] if word.startswith("--") else None


def _delegate(delegate: str | None, dialect: Dialect) -> tuple[str, ...]:
    if delegate is None:
        return ()
    known = DELEGATES[dialect]
    if delegate not in known:
        raise TargetError(
            f"{_TOOLS[dialect]} has no delegate {delegate!r}", hint=f"it has: {', '.join(known)}"
        )
    return known[delegate]


def _inputs(inputs: Sequence[MeasuredInput], values: Sequence[str], dialect: Dialect) -> list[str]:
    """The flags for shapes, bounds and values: none where the file itself says all."""
    bounded = [each for each in inputs if each.bounds is not None and not values]
    if dialect == "litert":
        if values:
            raise TargetError(
                f"{_TOOLS[dialect]} reads no values from files and writes no outputs",
                hint="use TensorFlow Lite's benchmark_model: bench doctor --fetch",
            )
        if any(each.is_resized for each in inputs):
            raise TargetError(
                f"{_TOOLS[dialect]} cannot be told the shape of an input",
                hint="use benchmark_model, or convert the model with fixed shapes",
            )
        ranges = [_range(each.name, each) for each in bounded]
        return [f"--input_layer_value_range={':'.join(ranges)}"] if ranges else []
    if not bounded and not values and not any(each.is_resized for each in inputs):
        return []
    split = bool(bounded or values)
    names = [_flag_name(number, each, split) for number, each in enumerate(inputs)]
    for each in inputs:
        if not each.shape or min(each.shape) < 1:
            raise TargetError(
                f"benchmark_model cannot give the input {each.name} the shape {each.shape}",
                hint="give every dimension, each at least 1",
            )
    shapes = [",".join(map(str, each.shape)) for each in inputs]
    flags = [f"--input_layer={','.join(names)}", f"--input_layer_shape={':'.join(shapes)}"]
    if bounded:
        ranges = [_range(n, i) for n, i in zip(names, inputs, strict=True) if i.bounds is not None]
        flags.append(f"--input_layer_value_range={':'.join(ranges)}")
    if values:
        pairs = [f"{name}:{file}" for name, file in zip(names, values, strict=True)]
        flags.append(f"--input_layer_value_files={','.join(pairs)}")
    return flags


def _flag_name(number: int, given: MeasuredInput, at_colons: bool) -> str:
    """What the flags call an input: the tool goes by their order, and warns of other names.

    It splits names at commas, where they stand with ranges or files also at colons, and no way to
    quote them works in all versions. So any name will do, and the file stays what it is.
    """
    splits = "," in given.tensor or (at_colons and ":" in given.tensor)
    return f"input{number}" if splits or not given.tensor else given.tensor


def _range(name: str, given: MeasuredInput) -> str:
    """``NAME,LOW,HIGH``: whole numbers, of which the tool draws the highest too."""
    assert given.bounds is not None
    low, high = given.bounds
    if low != int(low) or high != int(high):
        raise TargetError(
            f"benchmark_model takes whole numbers as bounds, and those of {given.name} are "
            f"{low:g} and {high:g}",
            hint="round them, or leave --input-range out",
        )
    highest = int(high) if given.dtype.startswith("float") else int(high) - 1
    return f"{name},{int(low)},{highest}"


_TOOLS: Mapping[Dialect, str] = MappingProxyType(
    {"tflite": "benchmark_model", "litert": "benchmark_litert_model"}
)
