"""What is imported, and so how long it takes to start: asked in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from tests import examples, tflite_files

HEAVY = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization", "jax", "torch")
ROOT = Path(bench.__file__).parents[1]
# Measuring coverage imports modules of its own into every process.
INHERITED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
ENVIRONMENT = {**INHERITED, "PYTHONPATH": str(ROOT)}
RUN = """
import atexit, json, sys
atexit.register(lambda: print("MODULES", json.dumps(sorted(sys.modules))))
from bench.cli import main
sys.exit(main(sys.argv[1:]))
"""


def modules(code: str, *arguments: str, cwd=None) -> set[str]:
    """The top-level modules that were in memory when a process ended."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=ENVIRONMENT,
        check=True,
    )
    (last,) = (line for line in ran.stdout.splitlines() if line.startswith("MODULES "))
    return {name.partition(".")[0] for name in json.loads(last.removeprefix("MODULES "))}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_that_takes_time(arguments):
    found = modules(RUN, *arguments)
    assert found.isdisjoint({*HEAVY, "numpy", "pandas", "rich", "tabulate", "ai_edge_litert"})


def test_the_vocabulary_costs_nothing():
    code = "import json, sys, bench; print('MODULES', json.dumps(sorted(sys.modules)))"
    found = modules(code)
    assert found.isdisjoint({*HEAVY, "numpy", "pandas", "dataclasses", "subprocess"})


def test_showing_a_report_needs_no_interpreter_and_no_tensorflow(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(["float32", "quantize:int8"], 3)]
    path = examples.write(tmp_path / "x.jsonl", examples.session(), items)
    found = modules(RUN, "report", str(path), "-o", str(tmp_path / "r.md"))
    assert found.isdisjoint({*HEAVY, "ai_edge_litert", "pandas", "scipy"})


def test_measuring_a_ready_file_never_loads_tensorflow(tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    quick = ["--launches", "1", "--runs", "2", "--warmup-s", "0", "-t", "local"]
    found = modules(RUN, "run", "m.tflite", *quick, cwd=tmp_path)
    assert found.isdisjoint({*HEAVY, "pandas", "scipy"})


def test_a_launch_holds_numpy_and_the_interpreter_alone(tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    code = (
        "import json, sys; from bench.workers import launch\n"
        "assert launch.main([f'--model={sys.argv[1]}', '--runs=2']) == 0\n"
        "open(sys.argv[2], 'w').write(json.dumps(sorted(sys.modules)))"
    )
    out = tmp_path / "modules.json"
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.tflite"), str(out)],
        check=True,
        capture_output=True,
        timeout=60,
        env=ENVIRONMENT,
    )
    found = {name.partition(".")[0] for name in json.loads(out.read_text())}
    assert {"numpy", "ai_edge_litert"} <= found
    assert found.isdisjoint({*HEAVY, "pandas", "rich", "tabulate", "scipy", "filelock"})
