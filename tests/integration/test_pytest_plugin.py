"""The fixture ``latency`` in other people's tests: a pytest of its own, with real local launches.

The fixture replays launches on a clock of its own (``bench.pytest_latency``), so what pytest-
benchmark says must be what was measured, to the last digit.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.flatbuffer_models import dense

pytest_plugins = ["pytester"]

REPO = Path(__file__).parents[2]
PLUGINS = ["-p", "bench.pytest_plugin", "-p", "pytest_benchmark.plugin"]
NOWHERE = "127.0.0.2"
"""Where no adb server listens, and none is started, for it is not this machine by name."""

ONE_TEST = """
    def test_latency(latency):
        latency("model.tflite", runs=20, warmup_s=0.0, warmup_runs=2)
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A folder with a model and a test; what is installed here does not matter."""
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("ANDROID_ADB_SERVER_HOST", NOWHERE)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    write_model(pytester.path, 64)
    pytester.makepyfile(ONE_TEST)
    return pytester


def write_model(folder, width):
    (folder / "model.tflite").write_bytes(dense(np.ones((width, width), np.float32)))


def run(project, *arguments, target="local", launches=3):
    return project.runpytest_subprocess(
        *PLUGINS, f"--latency-target={target}", f"--latency-launches={launches}", *arguments
    )


def saved(path):
    (benchmark,) = json.loads(path.read_text())["benchmarks"]
    return benchmark


def test_the_figures_are_those_of_the_launches(project):
    result = run(project, "--benchmark-json=out.json")
    result.assert_outcomes(passed=1)
    benchmark = saved(project.path / "out.json")
    stats, extra = benchmark["stats"], benchmark["extra_info"]
    assert (stats["rounds"], stats["iterations"]) == (3, 1)
    assert (extra["launches"], extra["runs"], extra["target"]) == (3, 60, "local")
    assert stats["median"] * 1e6 == pytest.approx(extra["median_us"]["value"], rel=1e-6)
    assert extra["median_us"]["kind"] == "samples"
    assert extra["p99_us"] is None  # 60 runs give none, and no maximum stands in for it
    assert extra["environment"]["runtime"].startswith("ai-edge-litert")


def test_the_table_has_the_right_unit(project):
    result = run(project, "--benchmark-json=out.json", "--benchmark-columns=median")
    median_us = saved(project.path / "out.json")["stats"]["median"] * 1e6
    shown = result.stdout.str()
    unit = re.search(r"Name \(time in (\w+)\)", shown).group(1)
    figure = float(re.search(r"^test_latency\s+([\d.,]+)", shown, re.M).group(1).replace(",", ""))
    assert figure * {"ns": 1e-3, "us": 1.0, "ms": 1e3}[unit] == pytest.approx(median_us, rel=0.01)


def test_a_saved_run_is_compared_and_a_slowdown_fails(project):
    run(project, "--benchmark-save=before").assert_outcomes(passed=1)
    compare = ["--benchmark-compare", "--benchmark-compare-fail=median:100%"]
    write_model(project.path, 1024)  # 256 times the work
    slower = run(project, *compare)
    assert slower.ret != 0
    slower.stderr.fnmatch_lines(["*Performance has regressed*"])
    slower.stderr.fnmatch_lines(["*test_latency*median*"])


def test_a_saved_run_is_compared_and_a_speed_up_passes(project):
    write_model(project.path, 1024)
    run(project, "--benchmark-save=before").assert_outcomes(passed=1)
    write_model(project.path, 64)
    faster = run(project, "--benchmark-compare", "--benchmark-compare-fail=median:5%")
    assert faster.ret == 0
    faster.stdout.fnmatch_lines(["*test_latency*NOW*", "*test_latency*before*"])


def test_a_test_chooses_over_the_command_line_and_gets_a_summary(project):
    project.makepyfile(
        """
        def test_latency(latency):
            summary = latency("model.tflite", target="local", launches=2, runs=5, threads=2)
            assert (summary.launches, summary.runs, summary.target) == (2, 10, "local")
            assert summary.median_us.value > 0
        """
    )
    run(project, target="adb:NONE", launches=9).assert_outcomes(passed=1)


@pytest.mark.parametrize("target", ["auto", "adb"])
def test_without_a_phone_it_is_skipped_where_that_was_chosen(project, target):
    result = run(project, "--latency-no-phone=skip", "-rs", target=target)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*no phone is ready for --latency-target={target}"])


@pytest.mark.parametrize("target", ["auto", "adb"])
def test_without_a_phone_it_runs_here_where_that_was_chosen(project, target):
    result = run(project, "--latency-no-phone=local", "--benchmark-json=out.json", target=target)
    result.assert_outcomes(passed=1)
    assert saved(project.path / "out.json")["extra_info"]["target"] == "local"
    result.stdout.fnmatch_lines(["NO PHONE is attached: *::test_latency was measured on this*"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('latency("missing.tflite")', "missing.tflite"),
        ('latency("broken.tflite")', "broken.tflite"),
        ('latency("model.tflite", recipe="quantize:int8")', "leave recipe= out"),
        ('latency("model.tflite", target="nowhere")', "nowhere"),
        ('latency("model.tflite", target="local:0")', "write local"),
        ('latency("model.tflite", delegate="hexagon")', "hexagon"),
    ],
)
def test_a_failure_is_one_line_with_its_cure(project, call, words):
    (project.path / "broken.tflite").write_bytes(b"not a model")
    project.makepyfile(f"def test_latency(latency):\n    {call}")
    result = run(project)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert "Traceback" not in shown
    failure = re.search(r"_ test_latency _+\n(.*?)\n=", shown, re.S).group(1)
    assert words in failure
    assert len(failure.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "kept"), [("--benchmark-only", True), ("--benchmark-skip", False)]
)
def test_latency_tests_are_benchmarks_for_pytest_benchmark(project, option, kept):
    project.makepyfile(
        ONE_TEST
        + """
    def test_other():
        pass

    def test_missing(latency):
        latency("missing.tflite")
    """
    )
    result = run(project, option)
    if kept:
        result.assert_outcomes(passed=1, failed=1, skipped=1)
    else:  # before anything is measured: the missing file is not even looked for
        result.assert_outcomes(passed=1, skipped=2)


def test_a_test_disabled_as_a_benchmark_still_gets_its_summary(project):
    project.makepyfile(
        """
        def test_latency(latency):
            assert latency("model.tflite", launches=1, runs=5).launches == 1
        """
    )
    run(project, "--benchmark-disable").assert_outcomes(passed=1)


def test_a_second_call_in_one_test_is_one_line_before_it_measures(project):
    project.makepyfile(
        """
        def test_latency(latency):
            latency("model.tflite", launches=1, runs=5, warmup_s=0.0)
            latency("missing.tflite")
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert "Traceback" not in shown
    failure = re.search(r"_ test_latency _+\n(.*?)\n[-=]", shown, re.S).group(1)
    assert failure.startswith("latency was called for model.tflite before")
    assert "make it two tests" in failure
    assert len(failure.splitlines()) == 1


def test_a_users_own_marker_keeps_its_options_and_our_clock(project):
    project.makepyfile(
        """
        import pytest

        @pytest.mark.benchmark(group="phones")
        def test_latency(latency):
            latency("model.tflite", runs=20, warmup_s=0.0, warmup_runs=2)
        """
    )
    run(project, "--benchmark-json=out.json").assert_outcomes(passed=1)
    benchmark = saved(project.path / "out.json")
    assert benchmark["group"] == "phones"
    median_us = benchmark["extra_info"]["median_us"]["value"]
    assert benchmark["stats"]["median"] * 1e6 == pytest.approx(median_us, rel=1e-6)


def test_asked_for_too_late_it_is_refused(project):
    project.makepyfile("def test_late(request): request.getfixturevalue('latency')('x.tflite')")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*take it as an argument of the test*"])


def test_without_pytest_benchmark_the_line_says_so(project):
    result = project.runpytest_subprocess("-p", "bench.pytest_plugin")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pip install pytest-benchmark*"])


def test_each_recipe_is_a_test(project):
    project.makepyfile("def test_latency(latency, latency_recipe): pass")
    result = run(
        project,
        "--collect-only",
        "-q",
        "--latency-recipes=float32 prune:0.8,block=4x1+quantize:int8",
    )
    lines = [line for line in result.stdout.lines if "::" in line]
    assert [line.partition("[")[2] for line in lines] == [
        "float32]",
        "prune:0.8,block=4x1+quantize:int8]",
    ]


def test_this_repository_has_short_names_for_the_options(project):
    project.makeconftest((REPO / "conftest.py").read_text(encoding="utf-8"))
    project.makepyfile(
        """
        def test_options(request, latency_recipe):
            option = request.config.getoption
            assert option("--latency-target") == "local"
            assert option("--latency-launches") == 4
            assert latency_recipe in ("float32", "quantize:int8")
        """
    )
    arguments = ["--target=local", "--launches=4", "--recipes=float32 quantize:int8"]
    project.runpytest_subprocess("-p", "pytest_benchmark.plugin", *arguments).assert_outcomes(
        passed=2
    )


def test_the_plugin_costs_other_tests_nothing(project):
    """Every pytest run where bench is installed loads it: neither numpy nor bench's rest."""
    project.makepyfile(
        """
        import sys

        def test_nothing():
            heavy = {"numpy", "pandas", "bench.stats.summary", "bench.pytest_latency"}
            assert not heavy & set(sys.modules)
        """
    )
    project.runpytest_subprocess("-p", "bench.pytest_plugin").assert_outcomes(passed=1)


def test_a_model_with_layers_of_its_own(project, models):
    """The module is given in the call, and found where the tests are."""
    pytest.importorskip("tensorflow")
    project.makepyfile(
        my_layers="""
        import keras

        class Mine(keras.layers.Layer):
            def __init__(self, factor=2.0, **options):
                super().__init__(**options)
                self.factor = factor

            def call(self, x):
                return x * self.factor
        """,
        test_own=f"""
        SOURCE = {str(models / "own_layer.keras")!r}

        def test_given(latency):
            latency(SOURCE, custom_objects="my_layers", runs=5, warmup_s=0.0)

        def test_misspelt(latency):
            latency(SOURCE, custom_objects="my_layer", runs=5)
        """,
    )
    result = run(project, "test_own.py")
    result.assert_outcomes(passed=1, failed=1)
    assert "no module 'my_layer'" in result.stdout.str()
