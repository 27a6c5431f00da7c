"""A newcomer types what the README shows, in order, and each command works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import readme
from tests.integration.conftest import Cli
from tests.integration.make_models import CLASSES, SIZE

MAKEFILE = readme.README.with_name("Makefile")


@pytest.fixture
def newcomer(cli: Cli, models: Path) -> Cli:
    """A folder with the files that the README speaks of."""
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


def test_the_readme_begins_with_two_commands():
    assert readme.commands()[:2] == ["make run", "make test"]


def test_every_make_target_is_there():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE.read_text(encoding="utf-8"), re.M))
    shown = {line.split()[1] for line in readme.commands() if line.startswith("make ")}
    assert shown
    assert shown <= targets


def test_every_command_works(newcomer: Cli):
    commands = [
        line
        for line in readme.commands()
        if line.startswith("bench ") and not readme.needs_phone(line)
    ]
    assert len(commands) >= 7
    for command in commands:
        arguments = shlex.split(command)[1:]
        if arguments[0] == "compare":
            shutil.copy(newcomer.folder / "run.jsonl", newcomer.folder / "old.jsonl")
            shutil.copy(newcomer.folder / "run.jsonl", newcomer.folder / "new.jsonl")
        ran = newcomer(*arguments)
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    assert "| variant" in (newcomer.folder / "table.md").read_text(encoding="utf-8")


def test_a_line_that_is_no_command_would_be_seen():
    known = ("make ", "bench ", "python -m ")
    assert [line for line in readme.commands() if not line.startswith(known)] == []


def test_modules_named_in_the_text_are_there():
    named = re.findall(r"`python -m (tests[\w.]+)", readme.README.read_text(encoding="utf-8"))
    for module in named:
        path = readme.README.parent / Path(*module.split("."))
        assert path.with_suffix(".py").is_file(), module


def test_make_knows_each_target_without_running_it():
    for line in readme.commands():
        if line.startswith("make "):
            dry = ["make", "-n", "-C", str(readme.README.parent), *line.split()[1:]]
            assert subprocess.run(dry, capture_output=True, check=False).returncode == 0, line
