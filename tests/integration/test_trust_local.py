"""Numbers that can be trusted, with real launches: until, compare, history, one after the other."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import schedule
from bench.records import read
from bench.stats import stopping
from tests.flatbuffer_models import dense
from tests.integration.conftest import Cli, wait_for_launches

QUICK = ("-t", "local", "--runs", "5", "--warmup-runs", "1", "--warmup-s", "0")


@pytest.fixture
def files(cli: Cli) -> list[str]:
    """A small and a large model; the large one takes so long that they cannot be mistaken."""
    for name, width in (("small", 64), ("large", 1024)):
        (cli.folder / f"{name}.tflite").write_bytes(dense(np.ones((width, width), np.float32)))
    return ["small.tflite", "large.tflite"]


def counts(path: Path) -> Counter:
    return Counter((launch.variant, launch.block) for launch in read(path).launches)


def test_until_goes_on_until_it_is_known_or_bounded(cli, files):
    ran = cli(
        "run", *files, *QUICK, "--until", "10%", "--max-launches", "14", "--report", "r.jsonl"
    )
    assert ran.returncode == 0, ran.stderr
    records = read(cli.folder / "r.jsonl")
    plan = records.session.plan
    assert (plan.until, plan.max_launches) == (0.1, 14)
    for name in ("small", "large"):
        launches = [launch for launch in records.launches if launch.variant == name]
        assert [launch.block for launch in launches] == list(range(len(launches)))
        assert 10 <= len(launches) <= 14
        assert len(launches) == 14 or stopping.enough(launches, 0.1)
        assert not schedule.wants_more(launches, plan)
    assert re.search(r"until ±10 %: [012] of 2 medians known after \d+ launches", ran.stdout)
    assert "±10 %: 0 of 2 known" in ran.stderr
    again = cli("report", "r.jsonl")
    assert again.stdout == ran.stdout


def test_until_resumes_with_every_launch_once(cli, files, started):
    command = ("run", *files, "-t", "local", "--runs", "3", "--warmup-s", "0.2",
               "--until", "50%", "--max-launches", "12", "--report", "r.jsonl")  # fmt: skip
    path = cli.folder / "r.jsonl"
    process = started(cli.start(*command))
    wait_for_launches(path, 5, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = counts(path)
    assert 5 <= sum(kept.values()) < 20
    ran = cli(*command)
    assert ran.returncode == 0, ran.stderr
    assert set(counts(path).values()) == {1}
    assert {("small", block) for block in range(10)} <= counts(path).keys()
    assert kept <= counts(path)


def test_a_gate_lets_the_same_file_pass_and_catches_the_slower_one(cli, files):
    """As a pull request would: the same name, first the small file, then the large one."""
    model = cli.folder / "model.tflite"
    model.write_bytes((cli.folder / "small.tflite").read_bytes())
    for name in ("base", "same"):
        assert cli("run", "model.tflite", *QUICK, "--report", f"{name}.jsonl").returncode == 0
    model.write_bytes((cli.folder / "large.tflite").read_bytes())
    assert cli("run", "model.tflite", *QUICK, "--report", "head.jsonl").returncode == 0

    same = cli("compare", "base.jsonl", "same.jsonl", "--fail-above", "300%", "--fail-size", "0%")
    assert same.returncode == 0, same.stdout
    assert "pass" in same.stdout
    slower = cli("compare", "base.jsonl", "head.jsonl", "--fail-above", "5%", "--fail-size", "5%")
    assert slower.returncode == 1
    assert "regression: latency, size" in slower.stdout
    threads = cli("run", "model.tflite", *QUICK, "--threads", "2", "--report", "threads.jsonl")
    assert threads.returncode == 0
    refused = cli("compare", "head.jsonl", "threads.jsonl")
    assert refused.returncode == 2
    assert "share no setting (1 thread against 2 threads)" in refused.stderr
    assert cli("compare", "head.jsonl", "threads.jsonl", "--across").returncode == 0


def test_a_history_of_real_reports(cli, files):
    pytest.importorskip("matplotlib")
    for _ in range(3):
        assert cli("run", *files, *QUICK, "--launches", "2").returncode == 0
    ran = cli("history", "small+large", "-o", "h.png", "-o", "h.svg", "-o", "h.csv")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("small+large on this machine (")
    assert (cli.folder / "h.png").read_bytes().startswith(b"\x89PNG")
    assert "small+large · 3 reports" in (cli.folder / "h.svg").read_text(encoding="utf-8")
    assert len((cli.folder / "h.csv").read_text().splitlines()) == 1 + 2 * 3
