"""How the real tool is fed on the loopback phone: open sizes, indices within bounds, signatures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records import read
from tests import tflite_files
from tests.flatbuffer_models import ModelBuilder
from tests.phone.loopback import AdbServer, Phone

REPO = Path(__file__).parents[2]
RUN = [
    *("--launches", "2", "--runs", "20", "--warmup-s", "0", "--report", "r.jsonl", "--fresh"),
    # Other load on this machine is no throttling of a phone.
    *("--set=throttle_every_s=1000000", "--set=max_slowdown=1000"),
]


def square() -> bytes:
    """A wide TANH over height and width, both open and 1 in the file."""
    builder = ModelBuilder()
    shape, signature = (1, 1, 1, 16), (-1, -1, -1, 16)
    x = builder.tensor("serving_default_image:0", shape, signature=signature)
    y = builder.tensor("y", shape, signature=signature)
    builder.op("TANH", [x], [y])
    builder.signature("serving_default", {"image": x}, {"y": y})
    return builder.pack([x], [y])


def lookup() -> bytes:
    """Indices into four rows, under a name that the tool cannot be told with bounds."""
    builder = ModelBuilder()
    table = builder.tensor("table", (4, 2), data=np.zeros((4, 2), np.float32))
    index = builder.tensor("serving_default_ids:0", (1, 64), "int32")
    y = builder.tensor("y", (1, 64, 2))
    builder.op("GATHER", [table, index], [y])
    builder.signature("serving_default", {"ids": index}, {"y": y})
    return builder.pack([index], [y])


@pytest.fixture
def run(
    tmp_path: Path, adb_server: AdbServer, phone: Phone, benchmark_model: Path
) -> Callable[..., Any]:
    def bench_run(content: bytes, *words: str) -> tuple[int, str]:
        (tmp_path / "m.tflite").write_bytes(content)
        (tmp_path / "r.jsonl").unlink(missing_ok=True)
        command = [sys.executable, "-m", "bench", "run", "m.tflite"]
        ran = subprocess.run(
            [*command, "-t", f"adb:{phone.serial}", *RUN, *words],
            cwd=tmp_path,
            env={
                **os.environ,
                **adb_server.environment(),
                "PYTHONPATH": str(REPO),
                "TFLITE_BENCH_BENCHMARK_MODEL": str(benchmark_model),
            },
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    return bench_run


def median_us(folder: Path) -> float:
    """Of the launches in the report: the mean of a launch is all that this tool prints."""
    return float(
        np.median([launch.latency.mean_us for launch in read(folder / "r.jsonl").launches])
    )


def bounds(folder: Path) -> tuple[float, float] | None:
    """Of the random values that the report's only input was fed."""
    (variant,) = read(folder / "r.jsonl").session.variants
    return variant.inputs[0].bounds


def test_an_open_size_is_told_to_the_tool(run: Callable[..., Any], tmp_path: Path) -> None:
    code, words = run(square())
    assert code == 2
    assert "give --input-shape image=1,?,?,16 with a number for each ?" in words
    code, words = run(square(), "--input-shape", "image=1,1,1,16")
    assert code == 0, words
    at_one = median_us(tmp_path)
    np.savez(tmp_path / "d.npz", x_test=np.ones((2, 128, 128, 16), np.float32))
    code, words = run(square(), "--data", "d.npz")
    assert code == 0, words
    assert "measured at image 1×128×128×16" in words
    assert median_us(tmp_path) > 20 * at_one  # 16,384 times the work


def test_indices_stay_within_the_samples_bounds(run: Callable[..., Any], tmp_path: Path) -> None:
    # By itself the tool draws up to 99, and this version reads what lies behind the table.
    code, words = run(lookup())
    assert code == 0, words
    assert bounds(tmp_path) == (0, 4)
    np.savez(tmp_path / "d.npz", x_test=np.arange(192).reshape(3, 64) % 3)
    code, words = run(lookup(), "--data", "d.npz")
    assert code == 0, words
    assert bounds(tmp_path) == (0, 3)
    code, words = run(lookup(), "--input-range", "ids=0,4")
    assert code == 0, words


def test_a_signature_that_this_tool_cannot_be_told_fails_by_name(run: Callable[..., Any]) -> None:
    code, words = run(tflite_files.two_signatures(), "--signature", "second")
    assert code == 3
    assert "does not know --signature_to_run_for=second" in words
    code, words = run(tflite_files.two_signatures("serving_default"))
    assert code == 0, words  # the first one is what the tool runs by itself
    assert "signature serving_default" in words
