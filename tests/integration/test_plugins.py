"""A package of a third party, installed by pip: its technique, target and format are used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.tflite.facts import read_facts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With the package of tests/data/plugin installed from its folder."""
    folder = tmp_path_factory.mktemp("plugin")
    source = folder / "source"
    shutil.copytree(ROOT / "tests" / "data" / "plugin", source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    made = subprocess.run(
        [*pip, "--target", folder / "site", source], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)])}


@pytest.fixture
def bench(environment, tmp_path):
    def run(*arguments: str | Path) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "bench", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=tmp_path,
            env=environment,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_what_a_package_brings_is_listed_with_its_name(bench):
    shown = " ".join(bench("techniques").split())
    assert "rounded:… weights with few decimals." in shown
    assert "From small-plugin 1.0." in shown
    assert "prune:…" in shown


def test_a_recipe_is_made_of_it_beside_ours(bench, models, tmp_path):
    bench("build", models / "dense.keras", "-r", "rounded:1+quantize:float16", "-o", "out", "-q")
    facts = read_facts(tmp_path / "out" / "rounded-1+quantize-float16.tflite")
    plain = read_facts(tmp_path / "out" / "float32.tflite")
    assert facts.zipped_bytes < plain.zipped_bytes / 3  # far more than halving the weights does


def test_its_target_launches_and_its_format_shows(bench, models, tmp_path):
    shown = bench("run", models / "dense.tflite", "-t", "desk", "-o", "x.lines")
    assert "dense on desk (made up)" in shown
    assert (tmp_path / "x.lines").read_text() == "dense\n"
