"""What ``bench doctor`` says of each kind of phone, and that ``bench run`` does just that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import tiny_models
from tests.phone.loopback import AdbServer, Image, Phone, persona

REPO = Path(__file__).parents[2]
BLIND = "tells no temperature"


@dataclass(frozen=True)
class Expected:
    """Of a persona: what it would be waited for (empty: it is fit), and a note on what it tells."""

    persona: str
    waited_for: str = ""
    note: str = ""
    celsius: float | None = None
    battery_level: int | None = None


EXPECTED = (
    Expected("flagship", celsius=33.5, battery_level=87),
    Expected(
        "android-15", note="nnapi is deprecated from Android 15 on", celsius=33.5, battery_level=87
    ),
    Expected("charging", celsius=27.9, battery_level=87),
    Expected("older", celsius=28.1, battery_level=64),
    Expected("bare", celsius=28.1, battery_level=52),
    Expected("hal-not-ready", "cooling 61.0 °C, limit 40 °C"),
    Expected("types-from-one", "cooling 43.5 °C, limit 40 °C"),
    Expected("severe-sensor", "thermal status severe (cpu-1-3)"),
    Expected("cached-only", note=BLIND),
    Expected("board", celsius=36.5),
    Expected("emulator", note="made up"),
    Expected("dock", celsius=33.5, battery_level=95),
    Expected("drained", "battery 9 %, limit 25 %"),
    Expected("blind", note=BLIND),
)


def test_every_persona_is_foretold() -> None:
    assert sorted(each.persona for each in EXPECTED) == persona.names()


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda each: each.persona)
def test_doctor_foretells_what_run_does(
    expected: Expected,
    start_phone: Callable[..., Phone],
    adb_server: AdbServer,
    image: Image,
    tmp_path: Path,
) -> None:
    phone = start_phone(expected.persona)
    phone.persona.set_fault(ms=20)

    def bench(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench", *words,
             *("--set=max_slowdown=1000", "--set=gate_timeout_s=1")],
            cwd=tmp_path,
            env={
                **os.environ,
                **adb_server.environment(),
                "PYTHONPATH": str(REPO),
                "TFLITE_BENCH_BENCHMARK_MODEL": str(image.fault_tool("sleep")),
            },
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )  # fmt: skip

    (tmp_path / "m.tflite").write_bytes(tiny_models.add())
    told = bench("doctor", "-t", f"adb:{phone.serial}")
    run = bench("run", "m.tflite", "-t", "adb", "--launches=2", "--runs=5", "--report=r.jsonl")
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    launches = [each for each in records if each.get("record") == "launch"]
    assert expected.waited_for in told.stdout
    assert expected.note in told.stdout
    if expected.waited_for:
        assert (told.returncode, run.returncode) == (3, 3), told.stdout + run.stderr
        assert expected.waited_for in run.stdout + run.stderr
        assert not launches
        return
    assert (told.returncode, run.returncode) == (0, 0), told.stdout + run.stderr
    assert len(launches) == 2
    before = launches[0]["state"]["before"]
    assert before.get("celsius") == expected.celsius
    assert before.get("battery_level") == expected.battery_level
    assert (BLIND in run.stdout) == (expected.celsius is None)
