"""The types that users' checkers see: shipped, true, and strict enough to find a mistake."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from tests import examples

pytest.importorskip("mypy", reason="the extra `check` is not installed")

MISTAKES = """\
import bench

bench.Plan(launches="ten")
bench.read(3)
bench.Launch("float32", "local", 0).latency
"""


def test_types_are_shipped():
    assert Path(bench.__file__).with_name("py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert bench.__version__ == importlib.metadata.version("tflite-bench")


def test_what_is_checked_also_runs(tmp_path):
    from tests.typing.use_of_records import slowest

    session = examples.session(launches=2)
    items = [
        examples.ENVIRONMENT,
        *(examples.launch("float32", block, samples_us=[100.0] * 9) for block in (0, 1)),
        *(examples.launch("quantize:int8", block, samples_us=[300.0] * 9) for block in (0, 1)),
    ]
    assert slowest(examples.write(tmp_path / "x.jsonl", session, items)) == "quantize:int8"


def test_a_users_mistakes_are_found(tmp_path):
    (tmp_path / "script.py").write_text(MISTAKES, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "script.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=300,
    )
    lines = [line for line in ran.stdout.splitlines() if "error:" in line]
    assert [line.split(":")[1] for line in lines] == ["3", "4", "5"], ran.stdout + ran.stderr
