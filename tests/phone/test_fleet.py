"""Eight phones over two adb servers: one run, side by side, and one server that dies meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny_models
from tests.phone import loopback
from tests.phone.bridge import eventually
from tests.phone.loopback import AdbServer, Image, Phone

REPO = Path(__file__).parents[2]
LAUNCHES, LAUNCH_MS = 5, 2000


class Fleet:
    """Phones, the servers that know half of them each, and a folder to run in."""

    def __init__(self, folder: Path, servers: list[AdbServer], phones: list[Phone], tool: Path):
        self.folder, self.servers, self.phones, self.tool = folder, servers, phones, tool
        (folder / "m.tflite").write_bytes(tiny_models.add())

    def start(self, report: str, *words: str) -> subprocess.Popen[str]:
        options = ["throttle_every_s=1000000", "max_slowdown=1000", "reconnect_s=30"]
        return subprocess.Popen(
            [sys.executable, "-m", "bench", "run", "m.tflite", "--runs=5", "--report", report,
             f"--launches={LAUNCHES}", *(f"--set={each}" for each in options), *words],
            cwd=self.folder,
            env={
                **os.environ,
                **self.servers[0].environment(),
                "PYTHONPATH": str(REPO),
                "TFLITE_BENCH_BENCHMARK_MODEL": str(self.tool),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    @property
    def both(self) -> list[str]:
        return ["-t", "adb", *(f"--adb-server={server.address}" for server in self.servers)]

    def cells(self, report: str) -> Counter[tuple[str, int]]:
        """How often each cell was measured."""
        path = self.folder / report
        lines = path.read_text().splitlines() if path.exists() else []
        records = [json.loads(line) for line in lines if line.endswith("}")]
        return Counter((r["target"], r["block"]) for r in records if r.get("record") == "launch")


@pytest.fixture
def fleet(tmp_path: Path, image: Image) -> Iterator[Fleet]:
    with AdbServer() as one, AdbServer() as two:
        phones = [Phone("flagship", data_mb=32, image=image) for _ in range(8)]
        try:
            for number, phone in enumerate(phones):
                phone.start()
                phone.persona.set_fault(ms=LAUNCH_MS)
                (one, two)[number % 2].connect(phone)
            yield Fleet(tmp_path, [one, two], phones, image.fault_tool("sleep"))
        finally:
            loopback.stop(phones)


def test_eight_phones_take_about_as_long_as_one(fleet: Fleet) -> None:
    alone = ["-t", f"adb:{fleet.phones[0].serial}", "--adb-server", fleet.servers[0].address]
    took = {}
    for report, words in (("one.jsonl", alone), ("all.jsonl", fleet.both)):
        begin = time.monotonic()
        process = fleet.start(report, *words)
        out, err = process.communicate(timeout=180)
        took[report] = time.monotonic() - begin
        assert process.returncode == 0, err
    cells = fleet.cells("all.jsonl")
    assert len(cells) == 8 * LAUNCHES
    assert set(cells.values()) == {1}
    assert out.count("Loopback One") >= 8  # a table for each
    assert took["all.jsonl"] < 4 * took["one.jsonl"], took  # one after the other it would be eight


def test_a_server_killed_in_the_middle_loses_nothing(fleet: Fleet) -> None:
    process = fleet.start("r.jsonl", *fleet.both)
    eventually(lambda: len(fleet.cells("r.jsonl")) >= 8, 60)
    fleet.servers[1].kill()
    _, err = process.communicate(timeout=180)
    cells = fleet.cells("r.jsonl")
    assert set(cells.values()) == {1}
    finished = Counter(target for target, _ in cells)
    kept = [f"adb:{phone.serial}@{fleet.servers[0].address}" for phone in fleet.phones[::2]]
    assert [finished[target] for target in kept] == [LAUNCHES] * 4
    if process.returncode != 0:  # what could not be gone on with is named, and gone on with now
        assert process.returncode == 3
        assert "is gone" in err or "no adb server" in err
    assert len(cells) == 8 * LAUNCHES or process.returncode == 3
