"""``bench run`` on loopback phones, as a user types it: what is kept, said and returned."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny_models
from tests.phone.bridge import ROOT, eventually, held, tool_of, tools
from tests.phone.loopback import AdbServer, Image, Phone

REPO = Path(__file__).parents[2]
STAY_ON = "settings/global/stay_on_while_plugged_in"


class Bench:
    """The command line in a folder of its own."""

    def __init__(self, folder: Path, server: AdbServer, tool: Path) -> None:
        self.folder = folder
        self._tool = tool
        self._environment = {
            **os.environ,
            **server.environment(),
            "PYTHONPATH": str(REPO),
            "TFLITE_BENCH_BENCHMARK_MODEL": str(tool),
        }
        for name, content in (("one", tiny_models.add()), ("two", tiny_models.dense())):
            (folder / f"{name}.tflite").write_bytes(content)

    def start(
        self, *words: str, model: tuple[str, ...] = ("one.tflite", "two.tflite")
    ) -> subprocess.Popen[str]:
        settings = ["throttle_every_s=1000000", "max_slowdown=1000", "reconnect_s=6"]
        return subprocess.Popen(
            [sys.executable, "-m", "bench", "run", *model, "--runs", "5",
             "--report", "r.jsonl", *(f"--set={each}" for each in settings), *words],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def run(
        self, *words: str, model: tuple[str, ...] = ("one.tflite", "two.tflite")
    ) -> tuple[int, str, str]:
        process = self.start(*words, model=model)
        out, err = process.communicate(timeout=150)
        return process.returncode, out, err

    def records(self, kind: str) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / "r.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        records = []
        for line in lines:
            try:
                records.append(json.loads(line))
            except ValueError:
                continue  # being written
        return [each for each in records if kind in (each.get("record"), each.get("kind"))]

    def cells(self) -> Counter[tuple[str, str, int]]:
        """How often each cell was measured."""
        return Counter((r["target"], r["variant"], r["block"]) for r in self.records("launch"))


@pytest.fixture
def bench(tmp_path: Path, adb_server: AdbServer, image: Image) -> Bench:
    return Bench(tmp_path, adb_server, image.fault_tool("sleep"))


def test_phones_are_found_and_measured_side_by_side(
    two_phones: tuple[Phone, Phone], bench: Bench
) -> None:
    for phone in two_phones:
        phone.persona.set_fault(ms=100)
    code, out, err = bench.run("--launches", "2")
    assert code == 0, err
    assert "Loopback One" in out
    cells = bench.cells()
    assert len(cells) == 2 * 2 * 2
    assert set(cells.values()) == {1}


def test_a_phone_pulled_for_good_fails_and_the_other_finishes(
    two_phones: tuple[Phone, Phone], bench: Bench, adb_server: AdbServer
) -> None:
    lost, kept = two_phones
    for phone in two_phones:
        phone.persona.set_fault(ms=700)
    process = bench.start("--launches", "4", "-t", "adb")
    eventually(lambda: any(lost.serial in cell[0] for cell in bench.cells()), 60)
    lost.unplug()
    adb_server.disconnect(lost.serial)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "is gone" in out + err
    cells = bench.cells()
    assert sum(cell[0] == f"adb:{kept.serial}" for cell in cells) == 8
    assert 0 < sum(cell[0] == f"adb:{lost.serial}" for cell in cells) < 8


def test_a_phone_put_back_is_measured_to_the_end(
    phone: Phone, bench: Bench, adb_server: AdbServer
) -> None:
    phone.persona.set_fault(ms=700)
    process = bench.start("--launches", "3")
    eventually(lambda: bool(bench.cells()), 60)
    phone.unplug()
    adb_server.disconnect(phone.serial)
    process.communicate(timeout=120)
    phone.plug()
    adb_server.connect(phone)
    code, _, err = bench.run("--launches", "3")
    assert code == 0, err
    assert len(bench.cells()) == 6
    assert set(bench.cells().values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_harness_goes_on_where_it_was(phone: Phone, bench: Bench, number: int) -> None:
    phone.persona.set_fault(ms=700)
    before = phone.persona.read(STAY_ON)
    process = bench.start("--launches", "4")
    eventually(lambda: len(bench.cells()) >= 2, 60)
    tool_of(phone)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130, err
        assert not tools(phone)
        assert phone.persona.read(STAY_ON) == before
        assert not held(phone)
    done = bench.cells()
    code, _, err = bench.run("--launches", "4")
    assert code == 0, err
    assert len(bench.cells()) == 8
    assert set(bench.cells().values()) == {1}
    assert all(cell in bench.cells() for cell in done)
    assert phone.persona.read(STAY_ON) == before
    assert not tools(phone)
    assert not held(phone)


def test_two_harnesses_at_one_phone(phone: Phone, bench: Bench) -> None:
    phone.persona.set_fault(ms=2500)  # longer than another one needs to begin
    first = bench.start("--launches", "3")
    eventually(lambda: len(bench.cells()) >= 1, 60)
    code, out, err = bench.run("--launches", "1", "--report", "other.jsonl")
    assert code == 3
    assert f"process {first.pid}" in out + err
    first.communicate(timeout=90)
    assert first.returncode == 0
    assert set(bench.cells().values()) == {1}


def test_the_real_tool_from_model_to_table(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path
) -> None:
    real = Bench(tmp_path, adb_server, benchmark_model)
    code, out, err = real.run("--launches", "3", "-t", f"adb:{phone.serial}")
    assert code == 0, err
    assert "Loopback One" in out
    launches = real.records("launch")
    assert len(launches) == 6
    for each in launches:
        assert each["latency"]["runs"] == 5
        assert each["state"]["before"]["celsius"] == 33.5


def test_a_hot_phone_is_told_and_given_up(start_phone: Callable[..., Phone], bench: Bench) -> None:
    phone = start_phone()
    phone.persona.heat(44.5)
    code, out, err = bench.run("--launches", "1", "--set", "gate_timeout_s=2")
    assert code == 3
    assert "cooling 44.5 °C" in out + err


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("missing", "cannot read"),
        ("folder", "Is a directory"),
        ("text", "is not a program"),
        ("other ABI", "the phone runs"),
    ],
)
def test_a_wrong_tool_is_told_before_anything_is_built(
    phone: Phone, bench: Bench, image: Image, wrong: str, said: str
) -> None:
    tool = bench.folder / "tool"
    if wrong == "folder":
        tool.mkdir()
    elif wrong == "text":
        tool.write_text("not a program\n")
    elif wrong == "other ABI":
        content = bytearray(image.fault_tool("sleep").read_bytes())
        content[18:20] = (40).to_bytes(2, "little")  # e_machine: EM_ARM
        tool.write_bytes(content)
    # A model of Keras would be built first; that takes TensorFlow, and minutes.
    code, out, err = bench.run("-t", "adb", "--benchmark-model", "tool", model=("fashion",))
    assert code == 2
    assert said in err
    assert "TensorFlow" not in err
    assert out == ""
    assert not (bench.folder / "r.jsonl").exists()
    assert not phone.path(ROOT).exists()


def test_a_reports_folder_deleted_meanwhile_loses_nothing(phone: Phone, bench: Bench) -> None:
    phone.persona.set_fault(ms=500)
    reports = bench.folder / "reports"
    process = bench.start("--launches", "4", "--report", "reports/r.jsonl")
    eventually(lambda: len(_launches(reports / "r.jsonl")) >= 2, 60)
    shutil.rmtree(reports)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "reports/r.jsonl was deleted: all that was measured is in reports/r.jsonl" in err
    assert len(_launches(reports / "r.jsonl")) == 8
    assert "one" in out


def _launches(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text().splitlines() if '"record":"launch"' in line]
    except FileNotFoundError:
        return []
