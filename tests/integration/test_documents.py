"""A newcomer types what the README and the pages show, in order, and each command works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import documents
from tests.integration.conftest import Cli
from tests.integration.make_models import CLASSES, SIZE

MAKEFILE = documents.ROOT / "Makefile"
OURS = tuple(page for page in documents.PAGES if documents.commands(page))


@pytest.fixture
def newcomer(cli: Cli, models: Path) -> Cli:
    """A folder with the files that the pages speak of."""
    shutil.copy(models / "dense.tflite", cli.folder / "model.tflite")
    shutil.copy(models / "dense.keras", cli.folder / "model.keras")
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, 300)
    samples = generator.normal(size=(300, SIZE)).astype(np.float32)
    np.savez(
        cli.folder / "samples.npz",
        x_train=samples[:200],
        y_train=labels[:200],
        x_test=samples[200:],
        y_test=labels[200:],
    )
    return cli


def run(newcomer: Cli, command: str) -> None:
    arguments = shlex.split(command)[1:]
    if arguments[0] == "compare":
        # Two sessions of one file, as a base and a head that did not change.
        for side in ("old.jsonl", "new.jsonl"):
            if not (newcomer.folder / side).exists():
                made = newcomer("run", "model.tflite", "-t", "local", "--quiet", "--report", side)
                assert made.returncode == 0, made.stderr
    ran = newcomer(*arguments)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"


def test_the_readme_begins_with_two_commands():
    assert documents.commands(documents.README)[:2] == ["make run", "make test"]


@pytest.mark.parametrize("page", OURS, ids=documents.name)
def test_every_make_target_is_there(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE.read_text(encoding="utf-8"), re.M))
    for line in documents.commands(page):
        if line.startswith("make "):
            assert line.split()[1] in targets
            dry = ["make", "-n", "-C", str(documents.ROOT), *line.split()[1:]]
            assert subprocess.run(dry, capture_output=True, check=False).returncode == 0, line


@pytest.mark.parametrize("page", OURS, ids=documents.name)
def test_every_command_works(newcomer: Cli, page: Path):
    for command in documents.commands(page):
        if command.startswith("bench ") and not documents.needs_phone(command):
            run(newcomer, command)
    for path in newcomer.folder.glob("table.md"):
        assert "| variant" in path.read_text(encoding="utf-8")


def test_the_readmes_snippet_of_python_works(newcomer: Cli):
    (snippet,) = (x for x in documents.blocks(documents.README, "python") if "bench.run" in x)
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 10
    ran = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=newcomer.folder,
        env={**os.environ, "PYTHONPATH": str(documents.ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "small" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith(".tflite")


def test_the_readmes_defaults_are_read(newcomer: Cli):
    (table,) = documents.blocks(documents.README, "toml")
    (newcomer.folder / "pyproject.toml").write_text(table, encoding="utf-8")
    ran = newcomer("run", "model.keras", "-t", "local", "-r", "float32", "--until", "30%")
    assert ran.returncode == 0, ran.stderr
    assert "from pyproject.toml: data" in ran.stderr


@pytest.mark.parametrize("page", OURS, ids=documents.name)
def test_a_line_that_is_no_command_would_be_seen(page: Path):
    known = ("make ", "bench ", "python -m ", "adb ")
    assert [line for line in documents.commands(page) if not line.startswith(known)] == []


def test_the_readme_shows_commands_of_our_own():
    ours = [x for x in documents.commands(documents.README) if x.startswith("bench ")]
    assert len(ours) >= 7


@pytest.mark.parametrize("page", documents.PAGES, ids=documents.name)
def test_modules_named_in_the_text_are_there(page: Path):
    named = re.findall(r"`python -m (tests[\w.]+)", page.read_text(encoding="utf-8"))
    for module in named:
        path = documents.ROOT / Path(*module.split("."))
        assert path.with_suffix(".py").is_file(), module


ROOT = str(documents.ROOT)
HOWTO = documents.ROOT / "docs" / "howto"


def test_the_technique_of_the_page_is_a_plugin_that_builds(newcomer: Cli):
    page = HOWTO / "add-a-technique.md"
    (code,), (points,) = documents.blocks(page, "python"), documents.blocks(page, "toml")
    package = newcomer.folder / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "noise.py").write_text(code, encoding="utf-8")
    # What pip leaves of an installed package, as far as entry points go.
    named, value = re.findall(r'^(\w+) = "([\w.]+)"$', points, re.M)[0]
    about = newcomer.folder / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[tflite_bench.techniques]\n{named} = {value}\n", encoding="utf-8"
    )
    paths = os.pathsep.join([str(newcomer.folder), ROOT])
    newcomer.environment = {"PYTHONPATH": paths}
    listed = newcomer("techniques")
    assert "noise" in listed.stdout
    assert "my-package" in listed.stdout
    recipe = ("-r", "noise:0.05+quantize:int8", "--data", "samples.npz")
    built = newcomer("build", "model.keras", *recipe, "-o", "built")
    assert built.returncode == 0, built.stdout + built.stderr


def test_the_metric_of_the_page_is_a_figure_in_the_table(newcomer: Cli):
    (code,) = documents.blocks(HOWTO / "own-metric.md", "python")
    (newcomer.folder / "my_module.py").write_text(code, encoding="utf-8")
    generator = np.random.default_rng(0)
    np.savez(
        newcomer.folder / "angles.npz",
        x_test=generator.normal(size=(60, SIZE)).astype(np.float32),
        y_test=generator.normal(size=(60, CLASSES)).astype(np.float32),
    )
    metric = ("--metric", "my_module:within_five_degrees")
    asked = ("--data", "angles.npz", *metric, "-t", "local", "--launches", "1", "--runs", "3")
    ran = newcomer("run", "model.tflite", *asked)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "within_five_degrees" in ran.stdout


def test_the_test_of_the_page_runs_in_pytest(newcomer: Cli):
    (code,) = documents.blocks(HOWTO / "ci-gate.md", "python")
    (newcomer.folder / "test_page.py").write_text(code, encoding="utf-8")
    plugins = ("-p", "bench.pytest_plugin", "-p", "pytest_benchmark.plugin")
    few = ("--latency-launches", "2", "--latency-no-phone", "skip")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *few, "-p", "no:cacheprovider", "test_page.py"],
        cwd=newcomer.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(documents.ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # Without a phone it is skipped, as the page says.
    assert "1 skipped" in ran.stdout or "1 passed" in ran.stdout, ran.stdout + ran.stderr
