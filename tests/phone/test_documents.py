"""The pages' commands for a phone, typed at the loopback phone."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests import documents
from tests.phone.loopback import AdbServer, Phone
from tests.tiny_models import conv


def test_every_command_for_a_phone_works(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path, has_taskset: bool
) -> None:
    (tmp_path / "model.tflite").write_bytes(conv())
    samples = np.random.default_rng(0).normal(0, 1, (20, 8, 8, 1)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x_test=samples)
    environment = {
        **os.environ,
        "PYTHONPATH": str(documents.ROOT),
        "ANDROID_ADB_SERVER_PORT": str(adb_server.port),
        "TFLITE_BENCH_BENCHMARK_MODEL": str(benchmark_model),
        "TFLITE_BENCH_CACHE": str(tmp_path / "cache"),
    }
    commands = [
        line
        for page in documents.PAGES
        for line in documents.commands(page)
        if line.startswith("bench ") and documents.needs_phone(line)
    ]
    assert len(commands) >= 2
    for command in commands:
        # The long way with `fashion` is tested elsewhere; the words are what counts here.
        with_samples = "model.tflite --data samples.npz --launches 2"
        typed = command.replace("run fashion", f"run {with_samples}")
        typed = typed.replace("run model.keras --data samples.npz", f"run {with_samples}")
        typed = typed.replace("model.keras --data samples.npz", "model.tflite")
        arguments = shlex.split(typed)[1:]
        ran = subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in ran.stderr
        if "--fetch" in arguments:
            # Nothing is published for this machine's ABI, and one clear line says so.
            assert ran.returncode in (0, 2), ran.stderr
        elif "--affinity" in arguments and not has_taskset:
            assert "has no taskset: leave --affinity away" in ran.stdout
        else:
            assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
