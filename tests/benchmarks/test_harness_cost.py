"""What the harness costs on this machine, and whether its medians are true: `make benchmark`.

Each figure is printed, then held against the bound that is promised. A busy machine can fail them:
they are no part of the tests.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bench
from bench import records
from bench.build import ready
from bench.report import harness_cost
from bench.targets import local
from bench.values import Plan
from tests import examples, tflite_files
from tests.flatbuffer_models import ModelBuilder

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(bench.__file__).parents[1])}
BENCH = [sys.executable, "-m", "bench"]
OTHER_TOOL = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Show a figure, also where the test passes."""

    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

    return write


def wall_s(command: list[str], folder: Path) -> float:
    """Of one run to the end."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - begin


def wide_dense(layers: int = 4, rows: int = 64, width: int = 1024) -> bytes:
    """Some ten milliseconds of work for one core, by hand."""
    generator = np.random.default_rng(0)
    builder = ModelBuilder()
    x = y = builder.tensor("x", (rows, width))
    for number in range(layers):
        kernel = generator.normal(size=(width, width)).astype(np.float32)
        bias = np.zeros(width, np.float32)
        weights = builder.tensor(f"w{number}", kernel.shape, data=kernel)
        offset = builder.tensor(f"b{number}", bias.shape, data=bias)
        before, y = y, builder.tensor(f"y{number}", (rows, width))
        builder.op("FULLY_CONNECTED", [before, weights, offset], [y])
    builder.signature("serving_default", {"x": x}, {"y": y})
    return builder.pack([x], [y])


def test_help(tmp_path, tell):
    taken_s = statistics.median(wall_s([*BENCH, "--help"], tmp_path) for _ in range(11))
    tell(f"bench --help: {taken_s:.2f} s (at most 0.3)")
    assert taken_s <= 0.3


def test_one_launch_of_a_ready_file(tmp_path, tell):
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    plan = ["-t", "local", "--launches", "1", "--warmup-s", "0", "--report"]
    beyond_s = []
    for number in range(7):
        path = tmp_path / f"{number}.jsonl"
        taken_s = wall_s([*BENCH, "run", "m.tflite", *plan, str(path)], tmp_path)
        (launch,) = records.read(path).launches
        inferences_s = sum(launch.latency.samples_ns) / 1e9
        beyond_s.append(taken_s - inferences_s - launch.warmup_us * launch.warmup_runs / 1e6)
    tell(f"one launch, beyond its inferences: {statistics.median(beyond_s):.2f} s (at most 1.5)")
    assert statistics.median(beyond_s) <= 1.5


def test_share_of_time_outside_launches(tmp_path, tell):
    names = [f"{number}.tflite" for number in range(5)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(tflite_files.tanh(shape=(1, 8 + number)))
    plan = ["-t", "local", "--launches", "10", "--warmup-s", "0.5", "--report", "r.jsonl"]
    wall_s([*BENCH, "run", *names, *plan], tmp_path)
    read = records.read(tmp_path / "r.jsonl")
    assert len(read.launches) == 50
    assert min(launch.wall_s for launch in read.launches) >= 0.5
    cost = harness_cost(read.end)
    tell(f"5 variants × 10 launches in {read.end.wall_s:.0f} s: {cost:.1%} outside (at most 10 %)")
    assert cost <= 0.10


def test_medians_agree_with_the_runtimes_own_tool(tmp_path, tell):
    path = tmp_path / "wide.tflite"
    path.write_bytes(wide_dense())
    (variant,) = ready([path])
    target = local.open(None, Plan(runs=40, warmup_runs=10, warmup_s=0.0), {})
    answer = tmp_path / "answer.json"
    flags = ["--num_runs=40", "--warmup_runs=10", "--num_threads=1", f"--result_json={answer}"]
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []

    def launch_ours() -> None:
        latency = target.launch(variant, len(ours), lambda words: None).latency
        ours.append({"median": latency.median_us / 1e3, "min": latency.min_us / 1e3})

    def launch_theirs() -> None:
        wall_s([*OTHER_TOOL, f"--model={path}", *flags], tmp_path)
        latency = json.loads(answer.read_text())["latency"]
        theirs.append({"median": latency["median_ms"], "min": latency["min_ms"]})

    for block in range(10):
        # Each goes first as often as the other.
        for launch in (launch_ours, launch_theirs)[:: 1 if block % 2 else -1]:
            launch()
    ratios = [one["median"] / other["median"] for one, other in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    fastest = [min(one["min"] for one in side) for side in (ours, theirs)]
    tell(
        f"median over that of benchmark_litert_model: {ratio:.3f} (1.00 ± 0.03), "
        f"single ones {min(ratios):.2f} to {max(ratios):.2f}; "
        f"fastest runs {fastest[0]:.2f} and {fastest[1]:.2f} ms"
    )
    assert ratio == pytest.approx(1.0, abs=0.03)


def test_a_report_over_many_launches(tmp_path, tell):
    variants = [examples.variant(f"v{number}") for number in range(5)]
    session = examples.session(variants=variants, launches=20_000)
    generator = np.random.default_rng(0)
    path = tmp_path / "r.jsonl"
    lines = [records.encode(session), records.encode(examples.ENVIRONMENT)]
    for block in range(20_000):
        for variant in variants:
            samples_us = generator.lognormal(5, 0.05, 10)
            lines.append(
                records.encode(examples.launch(variant.name, block, samples_us=samples_us))
            )
    path.write_text("\n".join(lines) + "\n")
    taken_s = wall_s([*BENCH, "report", str(path)], tmp_path)
    size_mb = path.stat().st_size / 1e6
    tell(f"report over 100,000 launches ({size_mb:.0f} MB): {taken_s:.1f} s (at most 10)")
    assert taken_s < 10
