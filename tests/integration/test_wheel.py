"""The wheel works in another folder: scripts and models come along, and nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    made = run(sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--wheel-dir", folder)
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("tflite_bench-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel's files stand before those of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    pip = run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder, wheel)
    assert pip.returncode == 0, pip.stderr
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_scripts_and_models_come_along(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("models", "device_scripts"):
        wanted = {f"bench/{path.relative_to(ROOT)}" for path in (ROOT / folder).glob("*.*")}
        assert wanted
        assert wanted <= names


def test_nothing_of_the_tests_comes_along(wheel: Path):
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bench"}


def test_it_measures_from_another_folder(installed: dict[str, str], tmp_path: Path):
    where = run(
        sys.executable, "-c", "import bench; print(bench.__file__)", env=installed, cwd=tmp_path
    )
    assert str(ROOT) not in where.stdout
    command = [sys.executable, "-m", "bench", "run", "fashion", "-r", "quantize:dynamic"]
    limits = ["-t", "local", "--launches", "1", "--runs", "3"]
    ran = run(*command, *limits, env=installed, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "quantize:dynamic" in ran.stdout
    assert list((tmp_path / "reports").glob("fashion-*.jsonl"))
