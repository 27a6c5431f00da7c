"""Until, compare, history and the pytest fixture on the loopback phone, with the real tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.records import read
from tests import tiny_models
from tests.phone.loopback import AdbServer, Phone
from tests.phone.spoiler import Spoiler, as_array

REPO = Path(__file__).parents[2]
QUIET_ENOUGH = ["--set=throttle_every_s=1000000", "--set=max_slowdown=1000"]
"""Other load on this machine is no throttling of a phone."""

QUICK = ["--runs", "20", "--warmup-s", "0", *QUIET_ENOUGH]


class Shell:
    """A folder with a small and a large model, and commands that reach the phone."""

    def __init__(self, folder: Path, server: AdbServer, tool: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            **server.environment(),
            "PYTHONPATH": str(REPO),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "TFLITE_BENCH_BENCHMARK_MODEL": str(tool),
        }
        for name, outputs in (("small", 64), ("large", 4096)):
            content = tiny_models.dense(256, outputs)
            (folder / f"{name}.tflite").write_bytes(content)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path, adb_server: AdbServer, benchmark_model: Path) -> Shell:
    return Shell(tmp_path, adb_server, benchmark_model)


def test_until_compare_and_history(phone: Phone, shell: Shell) -> None:
    target = f"adb:{phone.serial}"
    model = shell.folder / "model.tflite"
    until = ["--until", "20%", "--max-launches", "12", "-t", target, *QUICK]
    for name, source in (("base", "small"), ("head", "large")):
        model.write_bytes((shell.folder / f"{source}.tflite").read_bytes())
        ran = shell("bench", "run", "model.tflite", *until, "--report", f"reports/{name}.jsonl")
        assert ran.returncode == 0, ran.stderr
        launches = read(shell.folder / f"reports/{name}.jsonl").launches
        assert 10 <= len(launches) <= 12
        assert {launch.target for launch in launches} == {target}
        assert "until ±20 %" in ran.stdout

    files = ["reports/base.jsonl", "reports/head.jsonl"]
    compared = shell("bench", "compare", *files, "--fail-above", "5%")
    assert compared.returncode == 1, compared.stderr
    assert "regression: latency" in compared.stdout
    assert shell("bench", "compare", *reversed(files), "--fail-above", "5%").returncode == 0

    shown = shell("bench", "history", "model", "-o", "h.csv")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("Loopback One") == 1  # one table: both are of one environment
    assert len((shell.folder / "h.csv").read_text().splitlines()) == 1 + 2


def test_another_phone_is_refused_by_name(two_phones: tuple[Phone, Phone], shell: Shell) -> None:
    for name, phone in zip(("one", "two"), two_phones, strict=True):
        ran = shell("bench", "run", "small.tflite", "-t", f"adb:{phone.serial}", *QUICK,
                    "--launches", "2", "--report", f"{name}.jsonl")  # fmt: skip
        assert ran.returncode == 0, ran.stderr
    refused = shell("bench", "compare", "one.jsonl", "two.jsonl")
    assert refused.returncode == 2
    assert "fingerprint" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert shell("bench", "compare", "one.jsonl", "two.jsonl", "--across").returncode == 0


def test_the_pytest_fixture_measures_on_the_phone(phone: Phone, shell: Shell) -> None:
    (shell.folder / "test_it.py").write_text(
        "def test_latency(latency):\n    latency('small.tflite', runs=20, warmup_s=0.0)\n"
    )
    ran = shell(
        "pytest", "-p", "bench.pytest_plugin", "-p", "pytest_benchmark.plugin", "-q",
        "--latency-target=adb", "--latency-launches=3", "--latency-no-phone=skip",
        "--benchmark-json=out.json", "-rs",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    (benchmark,) = json.loads((shell.folder / "out.json").read_text())["benchmarks"]
    extra = benchmark["extra_info"]
    assert extra["target"] == f"adb:{phone.serial}"
    assert extra["environment"]["tool_sha256"]
    assert benchmark["stats"]["rounds"] == 3
    assert benchmark["stats"]["median"] * 1e6 == pytest.approx(extra["median_us"]["value"], rel=0.2)


@pytest.mark.parametrize("spoilt", [False, True])
def test_the_pytest_fixture_fails_where_the_phone_answers_wrongly(
    phone: Phone, tmp_path: Path, adb_server: AdbServer, benchmark_model: Path, spoilt: bool
) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_latency(latency):\n"
        "    latency('small.tflite', data='samples.npz', runs=5, warmup_s=0.0, phone_samples=20)\n"
    )
    drawn = np.random.default_rng(0).normal(0, 1, (20, 256)).astype("f4")
    np.savez(tmp_path / "samples.npz", x_test=drawn)
    spoil = as_array(np.zeros_like if spoilt else np.copy, "<f4", 64)
    with Spoiler(phone, benchmark_model, spoil, tmp_path) as spoiler:
        ran = Shell(tmp_path, adb_server, spoiler.tool)(
            "pytest", "-p", "bench.pytest_plugin", "-p", "pytest_benchmark.plugin", "-q",
            "--latency-target=adb", "--latency-launches=2", "--benchmark-json=out.json",
        )  # fmt: skip
    if spoilt:
        assert ran.returncode == 1
        assert "it answers wrongly there" in ran.stdout
    else:
        assert ran.returncode == 0, ran.stdout
        (benchmark,) = json.loads((tmp_path / "out.json").read_text())["benchmarks"]
        assert benchmark["extra_info"]["answers"] == "same"
