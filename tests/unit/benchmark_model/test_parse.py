"""What the parser of benchmark_model's output must and must not do, one test per rule."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.benchmark_model import (
    Asked,
    ToolFault,
    ToolRun,
    latency,
    parse,
    to_error,
    to_json,
)
from bench.errors import LAUNCH_ERROR_CLASSES, StableLaunchError, TransientLaunchError

DATA = Path(__file__).parents[2] / "data" / "benchmark_model"


def read(name: str) -> str:
    # Bytes, since line ends are a part of the matter.
    return (DATA / f"{name}.txt").read_bytes().decode("utf-8", errors="replace")


def run_of(text: str, **options: Any) -> ToolRun:
    items = parse(text, **options)
    assert len(items) == 1, items
    assert isinstance(items[0], ToolRun), items[0]
    return items[0]


def fault_of(text: str, **options: Any) -> ToolFault:
    items = parse(text, **options)
    assert len(items) == 1, items
    assert isinstance(items[0], ToolFault), items[0]
    return items[0]


# --- every era ------------------------------------------------------------------------------------

MIB = 1024 * 1024
ERAS: dict[str, dict[str, object]] = {
    "era_1_12": {
        "count": 40, "avg_us": 6998.35, "min_us": 6911, "max_us": 7302, "std_us": 61,
        "init_us": 2614, "first_us": 9120, "warmup_us": 7528.5, "warmup_count": 4,
        "era": "1.14 or older",
    },
    "era_1_14_profile": {  # no line of timings while profiling
        "count": 20, "avg_us": 7074.6, "min_us": 7021, "max_us": 7154, "std_us": 31,
        "init_us": 1402, "first_us": 8204, "warmup_us": 7652, "warmup_count": 2,
        "era": "1.14 or older",
    },
    "era_1_15": {
        "count": 50, "avg_us": 46044.7, "min_us": 45660, "max_us": 48230, "std_us": 377,
        "init_us": 11270, "first_us": 61422, "warmup_us": 47981.3, "warmup_count": 11,
        "era": "1.15 or 2.0",
    },
    "era_2_0": {
        "count": 50, "avg_us": 90180.2, "min_us": 89915, "max_us": 91540, "std_us": 260,
        "init_us": 6300, "first_us": 101200, "warmup_us": 92035.5, "warmup_count": 6,
        "era": "1.15 or 2.0",
    },
    "era_2_3": {
        "count": 62, "avg_us": 16010.9, "min_us": 15880, "max_us": 16402, "std_us": 84,
        "init_us": 1207, "first_us": 19042, "warmup_us": 16120.4, "warmup_count": 31,
        "init_bytes": 4.125 * MIB, "overall_bytes": 9.75 * MIB, "era": "2.1 to 2.3",
    },
    "era_2_8": {
        "count": 30, "avg_us": 11893.1, "min_us": 11790, "max_us": 12512, "std_us": 131,
        "init_us": 9884, "first_us": 14402, "warmup_us": 12412.8, "warmup_count": 5,
        "init_bytes": 7.25 * MIB, "overall_bytes": 12.5 * MIB, "era": "2.4 or newer",
    },
    "era_2_14": {
        "count": 20, "avg_us": 1226.65, "min_us": 1204, "max_us": 1390, "std_us": 39,
        "init_us": 931, "first_us": 1902, "warmup_us": 1481.33, "warmup_count": 3,
        "init_bytes": 1.5 * MIB, "overall_bytes": 3.25 * MIB, "peak_bytes": 11.5 * MIB,
        "era": "2.14 or newer",
    },
    "era_2_20": {
        "count": 69, "avg_us": 869.275, "median_us": 867, "p95_us": 893, "min_us": 858,
        "max_us": 941, "std_us": 12, "init_us": 3072, "first_us": 1315, "warmup_us": 921.7,
        "warmup_count": 10, "init_bytes": 4.75 * MIB, "overall_bytes": 6.125 * MIB,
        "era": "2.20 or newer",
    },
    "litert_2": {  # the count line wins over the rounded block
        "count": 69, "avg_us": 818.42, "median_us": 816, "p95_us": 840, "min_us": 808,
        "max_us": 902, "std_us": 13, "init_us": 5214, "first_us": 1204, "warmup_us": 861.2,
        "warmup_count": 10, "init_bytes": 5.5 * MIB, "overall_bytes": 7.25 * MIB, "era": "litert",
    },
    "litert_block_only": {
        "count": 10, "avg_us": 743020, "min_us": 741640, "max_us": 744890, "std_us": 990,
        "init_us": 2374470, "first_us": 744100, "warmup_us": 744100, "warmup_count": 1,
        "init_bytes": 639 * MIB, "overall_bytes": 640.5 * MIB, "peak_bytes": 702.25 * MIB,
        "era": "litert",
    },
    "litert_python": {
        "count": 50, "avg_us": 120, "median_us": 120, "p95_us": 140, "min_us": 110, "max_us": 190,
        "std_us": 10, "init_us": 4310, "first_us": 520, "warmup_us": 210, "warmup_count": 5,
        "era": "litert",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", ERAS)
def test_every_era_gives_all_that_it_prints_and_nothing_else(name: str) -> None:
    bare = replace(run_of(read(name)), delegates=(), warnings=(), ops=())
    assert bare == ToolRun(**ERAS[name])  # type: ignore[arg-type]


# --- odd lines, right figures ---------------------------------------------------------------------


def test_a_single_run_has_no_min_max_or_avg_of_its_own() -> None:
    run = run_of(read("count_one"))
    assert (run.count, run.avg_us, run.min_us, run.max_us, run.std_us) == (1, 360, 360, 360, 0)
    assert (run.first_us, run.warmup_us) == (2431, 2431)


def test_equal_values_collapse_to_one() -> None:
    run = run_of(read("all_same"))
    assert (run.count, run.avg_us, run.median_us, run.min_us, run.max_us) == (20, 7, 7, 7, 7)
    assert run.std_us == 0


def test_an_average_above_a_second_is_printed_with_an_exponent() -> None:
    run = run_of(read("above_one_second"))
    assert (run.avg_us, run.min_us, run.max_us) == (1240270, 1238002, 1251987)
    assert run.warmup_us == 1402117  # from the count line, which is exact, not 1.40212e+06


def test_without_a_warmup_the_first_measured_run_is_the_first_of_all() -> None:
    run = run_of(read("no_warmup"))
    assert (run.first_us, run.warmup_us, run.warmup_count) == (2540, None, 0)


def test_fields_may_come_in_any_order() -> None:
    run = run_of(read("other_order"))
    assert (run.count, run.avg_us, run.median_us, run.p95_us) == (69, 869.275, 867, 893)
    assert (run.min_us, run.max_us, run.std_us, run.warmup_us) == (858, 941, 12, 921.7)


@pytest.mark.parametrize(
    "name",
    [
        "noise",
        "prompt",
        "quoted",
        "indented",
        "crlf",
        "build_log",
        "logcat_threadtime",
        "logcat_brief",
        "logcat_studio",
    ],
)
def test_what_stands_before_or_between_the_lines_changes_no_figure(name: str) -> None:
    run = run_of(read(name))
    assert (run.count, run.avg_us, run.min_us, run.max_us, run.std_us) == (
        20, 1226.65, 1204, 1390, 39,
    )  # fmt: skip
    assert (run.init_us, run.first_us, run.warmup_us, run.warmup_count) == (931, 1902, 1481.33, 3)
    assert (run.init_bytes, run.overall_bytes) == (1.5 * MIB, 3.25 * MIB)


def test_colours_are_no_part_of_a_line() -> None:
    coloured = re.sub(r"INFO: ", "\x1b[32mINFO: \x1b[0m", read("era_2_14"))
    assert run_of(coloured) == run_of(read("era_2_14"))


def test_one_file_may_hold_two_runs() -> None:
    first, second = parse(read("two_runs"))
    assert isinstance(first, ToolRun)
    assert isinstance(second, ToolRun)
    assert (first.avg_us, second.avg_us) == (1226.65, 446.1)


@pytest.mark.parametrize("name", ["two_runs_second_fails", "two_runs_stderr_first"])
def test_a_failed_run_after_a_good_one_spoils_neither(name: str) -> None:
    first, second = parse(read(name))
    assert isinstance(first, ToolRun)
    assert first.avg_us == 1226.65
    assert isinstance(second, ToolFault)
    assert second.error_class == "model_unreadable"


def test_a_refused_start_before_a_good_run_is_an_item_of_its_own() -> None:
    refused, run = parse(read("wrong_abi") + read("era_2_14"))
    assert isinstance(refused, ToolFault)
    assert isinstance(run, ToolRun)


def test_runs_are_told_apart_without_the_word_that_begins_them() -> None:
    app = read("logcat_brief")  # the Android app prints no STARTING!
    assert [to_json(item)["avg_us"] for item in parse(app + app)] == [1226.65, 1226.65]
    text = read("era_1_14_profile")
    phases = text[text.index("Running") : text.index("=====")]  # nothing but headers and counts
    assert [to_json(item)["avg_us"] for item in parse(phases + phases)] == [7074.6, 7074.6]


# --- never the warm-up, never a guess -------------------------------------------------------------


@pytest.mark.parametrize("name", ["ends_in_warmup", "ends_in_measured"])
def test_the_warmup_is_never_taken_for_the_measurement(name: str) -> None:
    fault = fault_of(read(name))
    assert fault.error_class == "no_result"
    assert fault_of(read(name), exit_code=0).error_class == "no_result"


def test_a_log_whose_front_was_cut_is_read_only_where_the_timings_prove_it() -> None:
    text = read("front_cut")  # begins at the header of the measured runs
    run = run_of(text)
    assert (run.count, run.avg_us, run.warmup_count, run.warmup_us) == (20, 1226.65, None, 1481.33)
    without_timings = re.sub(r"INFO: Inference timings.*\n", "", text)
    assert fault_of(without_timings).error_class == "no_result"


def test_litert_s_block_proves_which_line_is_left_too() -> None:
    text = read("litert_2")
    run = run_of(text[text.rindex("INFO: Running benchmark") :])
    assert (run.avg_us, run.median_us) == (818.42, 816)
    assert (run.warmup_us, run.warmup_count, run.first_us) == (860, 10, 1200)


def test_a_cut_log_with_the_warmup_alone_keeps_the_average_and_no_count() -> None:
    text = "\n".join(
        [
            "count=3 first=1902 curr=1260 min=1260 max=1902 avg=1481.33 std=297",
            "Inference timings in us: Init: 931, First inference: 1902, Warmup (avg): 1481.33, "
            "Inference (avg): 1226.65",
            "",
        ]
    )
    run = run_of(text)
    assert (run.count, run.avg_us, run.min_us) == (None, 1226.65, None)
    with pytest.raises(TransientLaunchError, match="not the number of runs"):
        latency(run)


def test_figures_that_contradict_each_other_are_not_believed() -> None:
    assert "contradict" in fault_of(read("two_writers")).message
    litert = read("litert_2").replace("0.82 ms (69 runs)", "0.95 ms (69 runs)")
    assert fault_of(litert).error_class == "no_result"
    counts = read("litert_2").replace("0.82 ms (69 runs)", "0.82 ms (70 runs)")
    assert fault_of(counts).error_class == "no_result"


def test_the_sums_over_ops_are_not_latency() -> None:
    assert run_of(read("profile_2_20")).avg_us == 403.507  # and neither 400.1 nor 340.2


def test_a_dry_run_measured_nothing() -> None:
    fault = fault_of(read("dry_run"), exit_code=0)
    assert (fault.error_class, fault.message) == ("no_result", "the tool measured no inference")


@pytest.mark.parametrize("name", ["era_1_15", "era_2_3", "era_2_14", "era_2_20", "litert_2"])
@pytest.mark.parametrize("kept", [0, 1])
def test_a_log_whose_headers_were_filtered_away_is_whole(name: str, kept: int) -> None:
    whole, text = run_of(read(name)), read(name)
    headers = [line for line in text.splitlines() if "Running benchmark" in line]
    for header in headers[kept:]:
        text = text.replace(header + "\n", "")
    assert replace(run_of(text), era=whole.era) == whole


def test_count_lines_without_headers_or_averages_to_tell_them_are_no_result() -> None:
    lines = [line for line in read("era_2_14").splitlines() if "Running benchmark" not in line]
    bare = "\n".join(line for line in lines if "Inference timings" not in line)
    assert fault_of(bare + "\n").error_class == "no_result"
    swapped = "\n".join(lines).replace("avg=1481.33", "avg=1502.5")
    assert "contradict" in fault_of(swapped + "\n").message


@pytest.mark.parametrize(
    "prefix",
    [
        "May  1 12:34:56 iPhone TFLiteBenchmark[1234] <Notice>: ",
        "May 01 12:34:56.123456 My-iPhone Runner(libsystem_trace.dylib)[1234] <Notice>: ",
        "2024-05-01 12:34:56.789012+0200 TFLiteBenchmark[1234:56789] ",
        "2024-05-01 12:34:56.789 My App[1234:5a6b] ",
        "2024-05-01 12:34:56.789012+0200 0x1a2b  Default  0x0  1234  0  Runner: (TensorFlowLiteC) ",
        "<13>May  1 12:34:56 host benchmark_model[1234]: ",
        "<165>1 2024-05-01T12:34:56.789Z host app[77]: ",
        "2024-05-01T12:34:56.789+02:00 host sh[123]: ",
        "[   12.345678] ",
        "[2024-05-01T12:00:00.000Z] ",
        "12:34:56.789 ",
        "Nov 25 12:00:01 ",
    ],
)
@pytest.mark.parametrize("name", ["era_2_3", "era_2_20", "litert_2"])
def test_a_prefix_of_apple_or_syslog_on_every_line_is_no_obstacle(name: str, prefix: str) -> None:
    text = "".join(f"{prefix}{line}\n" for line in read(name).splitlines())
    assert parse(text) == parse(read(name))
    foreign = f"{prefix}a foreign line with count=3 avg=1\n"
    assert parse(foreign + text) == parse(read(name))


def test_an_unknown_flag_is_told_apart_from_one_given_twice() -> None:
    both = read("given_twice").replace("--num_runs=6", "--num_runs=6 --bogus=1")
    fault = fault_of(both)
    assert "does not know --bogus=1; and" in fault.message
    assert "given twice" in fault.message
    assert "does not know --use_xnnpack=false" in fault_of(read("unknown_flag")).message


@pytest.mark.parametrize("name", ["kernel_refuses", "open_dimension"])
def test_a_failure_to_prepare_with_an_open_dimension_asks_for_the_shape(name: str) -> None:
    asked = Asked(open_inputs=("image", "ids"))
    fault = fault_of(read(name), exit_code=1, asked=asked)
    assert fault.error_class == "bad_input"
    assert "--input-shape" in fault.hint
    assert fault_of(read("kernel_refuses"), exit_code=1, asked=Asked()).error_class == "missing_op"


def test_a_second_count_line_after_one_header_means_two_writers() -> None:
    for name in ("era_1_14_profile", "era_2_14"):
        text = re.sub(r"((?:INFO: )?)(count=20 .*)", r"\1count=1 curr=5\n\1\2", read(name))
        assert "contradict" in fault_of(text).message


def test_the_rest_of_an_earlier_run_is_no_warmup_of_the_next() -> None:
    rest = "INFO: count=20 first=448 curr=441 min=431 max=520 avg=446.1 std=19\n"
    assert run_of(rest + read("era_2_14")) == run_of(read("era_2_14"))
    assert run_of(rest + read("era_1_14_profile")) == run_of(read("era_1_14_profile"))


def test_an_impossible_count_line_is_not_the_tools() -> None:
    impossible = read("era_2_14").replace("min=1204 max=1390", "min=1304 max=1390")
    assert "avg" not in to_json(fault_of(impossible.replace("1226.65\n", "1226.6x\n")))


def test_text_without_the_tool_gives_one_fault() -> None:
    for text in ("", "\n", read("other_text")):
        fault = fault_of(text)
        assert (fault.error_class, fault.line) == ("no_result", "")


# --- failures -------------------------------------------------------------------------------------

FAILING = {
    "op_too_new": ("op_too_new", "FULLY_CONNECTED in version 12"),
    "op_too_new_2_3": ("op_too_new", "CONV_2D in version 5"),
    "op_unknown": ("op_too_new", "builtin code 204"),
    "op_left_out": ("missing_op", "built without the op SVDF"),
    "custom_op": ("missing_op", "custom op MatrixInverse"),
    "flex_op": ("missing_op", "op MatrixInverse (Flex)"),
    "flex_op_1_15": ("missing_op", "(Flex)"),
    "kernel_refuses": ("missing_op", "TRANSPOSE_CONV"),
    "shape_refused": ("bad_input", "does not take the input shape"),
    "rank_refused": ("bad_input", "4 dimensions"),
    "input_count": ("bad_input", "number of inputs"),
    "signature": ("bad_input", "signature"),
    "model_missing": ("model_unreadable", "cannot open the model /data/local/tmp/n.tflite"),
    "model_empty": ("model_unreadable", "cannot map"),
    "model_torn": ("model_unreadable", "not a whole one"),
    "model_other": ("model_unreadable", "begins with PK"),
    "unknown_flag": ("unknown_flag", "--use_xnnpack=false --num_run=20"),
    "bad_flag_value": ("unknown_flag", "--num_runs=x"),
    "usage": ("unknown_flag", "usage"),
    "wrong_abi": ("wrong_binary", "64-bit"),
    "exec_format": ("wrong_binary", "another kind of processor"),
    "read_as_script": ("wrong_binary", "as a script"),
    "library_missing_musl": ("wrong_binary", "libstdc++.so.6"),
    "cannot_link": ("wrong_binary", "libhexagon_interface.so"),
    "cannot_link_namespace": ("wrong_binary", "libvendor_dsp.so"),
    "cannot_link_old": ("wrong_binary", "libc++_shared.so"),
    "cannot_link_symbol": ("wrong_binary", "needs AHardwareBuffer_lock"),
    "cannot_link_abi": ("wrong_binary", "libtensorflowlite_gpu.so is built for another kind"),
    "given_twice": ("unknown_flag", "--num_runs=6 --warmup_min_secs=0 was given twice"),
    "open_dimension": ("bad_input", "a dimension of an input was left open"),
    "library_missing": ("wrong_binary", "libtensorflow-lite.so.2.14.1"),
    "libc_too_old": ("wrong_binary", "GLIBC_2.38"),
    "tool_missing": ("wrong_binary", "not on the device"),
    "tool_not_runnable": ("wrong_binary", "may not be executed"),
    "graph_tool": ("wrong_binary", "TensorFlow's benchmark_model, not TensorFlow Lite's"),
    "graph_tool_refuses": ("wrong_binary", "TensorFlow's benchmark_model"),
    "segfault": ("crash", "Segmentation fault"),
    "segfault_at_end": ("crash", "Segmentation fault"),
    "illegal_instruction": ("crash", "Illegal instruction"),
    "bash_killed": ("crash", "Killed"),
    "fatal_signal": ("crash", "SIGSEGV"),
    "invoke_fails": ("crash", "op GATHER"),
    "bad_alloc": ("out_of_memory", "memory"),
    "low_memory_killer": ("out_of_memory", "low memory killer"),
    "disk_full": ("disk_full", "storage is full"),
    "gpu_unsupported": ("delegate_not_applied", "unsupported on this platform"),
    "nnapi_runs_nothing": ("delegate_not_applied", "will not be executed by the delegate"),
    "hexagon_missing": ("delegate_not_applied", "Could not create Hexagon delegate"),
    "hexagon_fails": ("delegate_not_applied", "TfLiteHexagonDelegate"),
    "full_delegation": ("delegate_not_applied", "whole graph"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_names_its_class_and_the_line(name: str) -> None:
    error_class, words = FAILING[name]
    text = read(name)
    fault = fault_of(text)
    assert fault.error_class == error_class
    assert words in fault.message
    assert fault.hint
    assert fault.line
    assert fault.line in text


@pytest.mark.parametrize("name", FAILING)
def test_streams_kept_apart_name_the_same_class(name: str) -> None:
    lines = read(name).splitlines(keepends=True)
    on_stderr = [
        line for line in lines if re.match(r"ERROR|FATAL|VERBOSE|Segm|Abor|Ill|/|\./|sh:", line)
    ]
    stdout = "".join(line for line in lines if line not in on_stderr)
    fault = fault_of(stdout, stderr="".join(on_stderr))
    assert fault.error_class == FAILING[name][0]


def test_every_file_of_outputs_is_tested() -> None:
    source = Path(__file__).read_text()
    assert [path.stem for path in DATA.glob("*.txt") if f'"{path.stem}"' not in source] == []


def test_a_too_new_dense_layer_names_both_cures() -> None:
    fault = fault_of(read("op_too_new"))
    assert "newer benchmark_model" in fault.hint
    assert "quantize:dynamic,per_channel_dense=no" in fault.hint
    # The option is about dense layers: for another op it would be no cure.
    other = fault_of(read("op_too_new_2_3"))
    assert "newer benchmark_model" in other.hint
    assert "per_channel_dense" not in other.hint


def test_a_failure_to_prepare_is_the_inputs_where_a_shape_was_asked_for() -> None:
    text = read("kernel_refuses")
    assert fault_of(text, asked=Asked()).error_class == "missing_op"
    assert fault_of(text, asked=Asked(input_shapes=True)).error_class == "bad_input"
    flex = fault_of(read("flex_op"), asked=Asked(input_shapes=True))
    assert flex.error_class == "missing_op"


# --- exit code first, text second -----------------------------------------------------------------


def test_a_figure_does_not_make_a_failed_process_good() -> None:
    good = read("era_2_20")
    assert isinstance(parse(good, exit_code=0)[0], ToolRun)
    for code, words in ((139, "SIGSEGV"), (137, "SIGKILL"), (-11, "SIGSEGV"), (1, "exit code 1")):
        fault = fault_of(good, exit_code=code)
        assert fault.error_class == "crash"
        assert words in fault.message


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (126, "wrong_binary"),
        (127, "wrong_binary"),
        (124, "timeout"),
        (132, "crash"),
        (255, "crash"),
    ],
)
def test_an_exit_code_alone_has_a_class(code: int, error_class: str) -> None:
    assert fault_of("", exit_code=code).error_class == error_class


def test_the_text_says_more_than_the_exit_code() -> None:
    assert fault_of(read("op_too_new"), exit_code=1).error_class == "op_too_new"
    assert fault_of(read("wrong_abi"), exit_code=126).message.startswith("benchmark_model is a 64")
    assert fault_of(read("input_count"), exit_code=134).error_class == "bad_input"


def test_the_exit_code_says_more_than_the_shell() -> None:
    assert "SIGILL" in fault_of(read("illegal_instruction"), exit_code=132).message


def test_the_exit_code_belongs_to_the_last_run() -> None:
    first, second = parse(read("two_runs"), exit_code=139)
    assert isinstance(first, ToolRun)
    assert isinstance(second, ToolFault)


def test_without_an_exit_code_the_tools_last_word_stands_for_it() -> None:
    failed = read("era_2_14") + "ERROR: Benchmarking failed.\n"
    assert fault_of(failed).error_class == "crash"
    assert isinstance(parse(failed, exit_code=0)[0], ToolRun)


def test_an_error_line_is_not_always_a_failure() -> None:
    run = run_of(read("cache_miss"), exit_code=0, asked=Asked(delegate="gpu"))
    assert run.avg_us == 1226.65
    assert run_of(read("cache_miss")) == run


def test_a_flag_that_was_ignored_is_a_failure_with_exit_code_0() -> None:
    fault = fault_of(read("unknown_flag"), exit_code=0)
    assert fault.error_class == "unknown_flag"


def test_words_of_a_crash_in_the_text_do_not_outweigh_exit_code_0() -> None:
    assert isinstance(parse(read("segfault_at_end"), exit_code=0)[0], ToolRun)


# --- delegates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("era_2_8", [("xnnpack", "partial", 112, None, 3)]),
        ("era_2_20", [("xnnpack", "full", 31, 31, 1)]),
        ("cache_miss", [("gpu", "full", 31, 31, 1)]),
        ("gpu_partial", [("gpu", "partial", 27, 31, 3), ("xnnpack", "created", None, None, None)]),
        ("gpu_2_1", [("gpu", "full", None, None, None)]),
        ("hexagon", [("hexagon", "partial", 28, None, 2)]),
        ("litert_gpu", [("gpu", "partial", 105, 107, 3)]),  # two subgraphs, one not covered
    ],
)
def test_delegates_are_recorded_with_what_they_took(
    name: str, expected: list[tuple[object, ...]]
) -> None:
    run = run_of(read(name))
    assert [
        (one.name, one.coverage, one.nodes, one.nodes_total, one.partitions)
        for one in run.delegates
    ] == expected
    assert all(one.words in read(name) for one in run.delegates)


@pytest.mark.parametrize(
    ("name", "delegate"),
    [
        ("cache_miss", "gpu"),
        ("gpu_partial", "gpu"),
        ("gpu_2_1", "gpu"),
        ("hexagon", "hexagon"),
        ("era_2_20", "xnnpack"),
        ("litert_gpu", "gpu"),
        ("era_2_14", "none"),
        ("era_2_14", None),
        ("gpu_unsupported", None),
    ],
)
def test_a_delegate_that_was_asked_for_and_ran_is_a_result(name: str, delegate: str | None) -> None:
    run_of(read(name), exit_code=0, asked=Asked(delegate=delegate))


@pytest.mark.parametrize(
    ("name", "delegate", "words"),
    [
        ("gpu_unsupported", "gpu", "GPU acceleration is unsupported on this platform."),
        ("nnapi_runs_nothing", "nnapi", "Though NNAPI delegate is explicitly applied"),
        ("hexagon_missing", "hexagon", "Could not create Hexagon delegate"),
        ("era_2_14", "gpu", "does not say that it was applied"),  # silence is no proof
        ("era_2_20", "nnapi", "does not say that it was applied"),
        ("gpu_partial", "xnnpack", "Created TensorFlow Lite XNNPACK"),  # created, not applied
        ("era_2_20", "none", "Replacing 31 out of 31"),
    ],
)
def test_a_delegate_that_did_not_run_leaves_no_figure(name: str, delegate: str, words: str) -> None:
    fault = fault_of(read(name), exit_code=0, asked=Asked(delegate=delegate))
    assert fault.error_class == "delegate_not_applied"
    assert words in fault.message


# --- what else it says ----------------------------------------------------------------------------


def test_ops_are_those_of_the_measured_runs_and_come_once() -> None:
    ops = run_of(read("profile_2_20")).ops
    assert [(one.op, one.avg_us, one.percent, one.calls, one.inside) for one in ops] == [
        ("TfLiteXNNPackDelegate", 340, 85, 1, "graph"),
        ("SOFTMAX", 60, 15, 1, "graph"),
        ("Convolution (NHWC, QC8) IGEMM", 298, 87.647, 1, "delegate"),
        ("Fully Connected (NC, QS8, QC8W) GEMM", 42, 12.353, 1, "delegate"),
    ]
    assert ops[0].name == "[model/relu/Relu;model/conv/Conv2D]:31"


def test_older_profiles_have_a_column_more() -> None:
    ops = run_of(read("era_1_14_profile")).ops
    assert [(one.op, one.avg_us, one.percent) for one in ops] == [
        ("CONV_2D", 4083, 58.115),
        ("FULLY_CONNECTED", 2940, 41.845),
        ("SOFTMAX", 3, 0.04),
    ]


def test_a_profile_pasted_with_spaces_for_tabs_is_read_too() -> None:
    spaced = read("profile_2_20").replace("\t", "    ")
    assert run_of(spaced).ops == run_of(read("profile_2_20")).ops


def test_the_tools_warnings_are_kept_but_for_the_one_that_means_nothing() -> None:
    warned = read("era_2_14").replace(
        "INFO: The input", "WARN: Tensor # 0 is named x:0 but flags call it x\nINFO: The input"
    )
    assert run_of(warned).warnings == ("Tensor # 0 is named x:0 but flags call it x",)


def test_a_run_is_the_houses_latency() -> None:
    figures = latency(run_of(read("era_2_20")))
    assert (figures.runs, figures.mean_us, figures.median_us) == (69, 869.275, 867)
    assert (figures.min_us, figures.max_us, figures.std_us, figures.p95_us) == (858, 941, 12, 893)
    assert figures.samples_ns == ()


def test_whether_to_try_again_is_the_errors_type() -> None:
    assert isinstance(to_error(fault_of(read("segfault"))), TransientLaunchError)
    stable = to_error(fault_of(read("op_too_new")))
    assert isinstance(stable, StableLaunchError)
    assert (stable.error_class, stable.hint != "") == ("op_too_new", True)


def test_json_has_the_documented_keys() -> None:
    figures = json.loads(json.dumps(to_json(run_of(read("era_2_20")))))
    keys = ("count", "avg_us", "median_us", "p95_us", "min_us", "max_us", "std_us", "init_us")
    assert set(keys) < set(figures)
    assert {"first_us", "warmup_us", "init_bytes", "overall_bytes", "delegates"} < set(figures)
    assert figures["delegates"][0]["name"] == "xnnpack"
    error = json.loads(json.dumps(to_json(fault_of(read("model_torn")))))
    assert error["error"] == "model_unreadable"
    assert error["line"] == "The model is not a valid Flatbuffer buffer"


def test_the_list_of_classes_is_closed() -> None:
    assert {error_class for error_class, _ in FAILING.values()} < set(LAUNCH_ERROR_CLASSES)
    with pytest.raises(ValueError, match="no launch error class"):
        ToolFault("odd", "message", "hint")


# --- properties -----------------------------------------------------------------------------------

WHOLE = {
    name: run_of(read(name)) for name in ("era_1_12", "era_2_3", "era_2_14", "era_2_20", "litert_2")
}
FIGURES = (
    "count", "avg_us", "median_us", "p95_us", "min_us", "max_us", "std_us", "init_us", "first_us",
    "warmup_us", "warmup_count", "init_bytes", "overall_bytes", "peak_bytes",
)  # fmt: skip
PREFIXES = (
    "INFO: ",
    "05-31 10:31:13.022 21767 21767 I tflite  : ",
    "2026-05-31 10:31:13.022 10123 21767 21767 I tflite  : ",
    "I/tflite  ( 8514): ",
    "05-31 10:31:13.022 I/tflite  ( 8514): ",
    "2026-05-31 10:31:13.022 21767-21790/? I/tflite: ",
    "2026-05-31 10:31:13.022 21767-21790 tflite   org.tensorflow.lite.benchmark   I  ",
    "2026-05-31T10:31:13.1234567Z ",
    "> ",
    ">> ",
    "    ",
    "\t",
)


def same_figures(run: object, whole: ToolRun) -> bool:
    """Every figure is the right one, or missing; LiteRT's block rounds to 10 us."""
    grain_us = 5.0 if whole.era == "litert" else 0.0
    return isinstance(run, ToolRun) and all(
        getattr(run, name) is None
        or getattr(run, name) == pytest.approx(getattr(whole, name), abs=grain_us, rel=0)
        for name in FIGURES
    )


@given(st.sampled_from(sorted(WHOLE)), st.data())
@settings(max_examples=300, deadline=None)
def test_a_log_torn_at_any_byte_gives_no_wrong_figure(name: str, data: st.DataObject) -> None:
    raw = read(name).encode()
    size = data.draw(st.integers(0, len(raw)))
    for item in parse(raw[:size].decode("utf-8", errors="replace")):
        assert isinstance(item, ToolFault) or same_figures(item, WHOLE[name])


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_log_torn_within_its_figures_gives_no_wrong_figure(name: str) -> None:
    raw = read(name)
    begin = raw.index("Running benchmark")
    for size in range(begin, len(raw)):
        for item in parse(raw[:size]):
            assert isinstance(item, ToolFault) or same_figures(item, WHOLE[name]), raw[:size][-80:]


@given(st.sampled_from(sorted(WHOLE)), st.data())
@settings(max_examples=300, deadline=None)
def test_a_log_whose_front_was_lost_gives_no_wrong_figure(name: str, data: st.DataObject) -> None:
    lines = read(name).splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines)))
    for item in parse("".join(lines[start:])):
        assert isinstance(item, ToolFault) or same_figures(item, WHOLE[name])


@given(
    st.sampled_from(sorted(WHOLE)),
    st.sampled_from(PREFIXES),
    st.sampled_from(["", "> ", "  "]),
    st.sampled_from(["\n", "\r\n", "\r\r\n"]),
)
@settings(max_examples=200, deadline=None)
def test_any_prefix_and_line_end_leave_the_figures(
    name: str, prefix: str, outer: str, end: str
) -> None:
    lines = read(name).splitlines()
    if "tflite" in prefix:  # Android's log has levels of its own and no word that begins a run
        lines = [re.sub(r"^(?:INFO|WARN|VERBOSE): ", "", line) for line in lines]
    run = run_of("".join(f"{outer}{prefix}{line}{end}" for line in lines))
    assert all(getattr(run, one) == getattr(WHOLE[name], one) for one in FIGURES)


NOISE = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=80).filter(
            lambda text: "benchmark" not in text.lower()
        ),
        st.binary(max_size=80).map(lambda raw: raw.decode("utf-8", errors="replace")),
        st.builds("Timings (microseconds): count={} curr={}".format, st.integers(), st.integers()),
        st.builds("cache: count={} first={}".format, st.integers(), st.integers()),
        st.builds(
            "05-31 10:31:13.022  1204  1311 W Audio: count={} curr={}(all same)".format,
            st.integers(1),
            st.integers(1),
        ),
        st.just("ERROR: File x.bin couldn't be opened for reading: No such file or directory"),
        st.just("WARNING: linker: unsupported flags DT_FLAGS_1=0x8000001"),
    ),
    max_size=20,
)


@given(st.sampled_from(sorted(WHOLE)), NOISE, st.data())
@settings(max_examples=300, deadline=None)
@example("era_2_14", ["\x0b\x0c\x1c\x85\u2028count=7 curr=1"], None)
def test_noise_between_the_lines_leaves_the_figures(
    name: str, noise: list[str], data: st.DataObject | None
) -> None:
    lines = read(name).splitlines()
    for text in noise:
        place = len(lines) // 2 if data is None else data.draw(st.integers(0, len(lines)))
        lines.insert(place, text)
    (run,) = parse("\n".join(lines) + "\n", exit_code=0)
    assert isinstance(run, ToolRun)
    assert all(getattr(run, one) == getattr(WHOLE[name], one) for one in FIGURES)


@given(
    st.integers(2, 10**6),
    st.lists(st.integers(0, 10**8), min_size=3, max_size=3).map(sorted),
    st.permutations(["count", "first", "curr", "min", "max", "avg", "std", "p5", "median", "p95"]),
)
@settings(max_examples=300, deadline=None)
def test_any_figures_in_any_order_come_back(
    count: int, values: list[int], order: list[str]
) -> None:
    low, middle, high = values
    average = f"{middle:g}"
    fields = {
        "count": count, "first": low, "curr": high, "min": low, "max": high, "avg": average,
        "std": 3, "p5": low, "median": middle, "p95": high,
    }  # fmt: skip
    line = " ".join(f"{key}={fields[key]}" for key in order)
    text = (
        "STARTING!\nRunning benchmark for at least 1 iterations\ncount=1 curr=5\n\n"
        f"Running benchmark for at least 2 iterations\n{line}\n\n"
        f"Inference timings in us: Init: 9, First inference: 5, Warmup (avg): 5, "
        f"Inference (avg): {average}\n"
    )
    run = run_of(text)
    assert (run.count, run.avg_us, run.median_us) == (count, float(average), middle)
    assert (run.min_us, run.max_us, run.p95_us, run.std_us) == (low, high, high, 3)


@given(st.text(max_size=400), st.sampled_from([None, 0, 1, 139]))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_parser(text: str, code: int | None) -> None:
    items = parse(text, exit_code=code, stderr=text, asked=Asked(delegate="gpu"))
    assert items
    assert json.dumps([to_json(item) for item in items])


@pytest.mark.parametrize(
    "noise",
    [
        "x" * 4_000_000 + "\n",
        "I/tflite ( 8514): chatty\n" * 40_000,
        "count=1 " * 500_000 + "\n",
        "\r" * 1_000_000,
        "Killed : " * 400_000 + "\n",
        "                    \n" * 50_000,
        "memory footprint (MB) : " * 100_000 + "\n",
        ("applied delegate, and the " * 150 + "\n") * 100,
    ],
    ids=["one line", "logcat", "fields", "returns", "colons", "blanks", "long", "patterns"],
)
def test_megabytes_of_noise_change_nothing(noise: str) -> None:
    # Quadratic work on any of these would take hours: that the test ends is the assertion.
    head, header, tail = read("era_2_14").partition("INFO: Running benchmark for at least 20")
    assert run_of(head + noise + header + tail) == run_of(read("era_2_14"))
    line_end = tail.index("\n") + 1
    after = head + header + tail[:line_end] + noise + tail[line_end:]
    assert run_of(after).avg_us == 1226.65
