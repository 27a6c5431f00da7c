"""Cold and warm starts on the phone: the real tool, and a wrapper of it that keeps a cache."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import LaunchError
from bench.records import read
from bench.report import assemble
from bench.targets import adb
from bench.values import Plan, Setting
from tests import tflite_files
from tests.phone.bridge import ROOT, Words, eventually, files, options, variant_of
from tests.phone.keeper import Behaviour, keeper, seen
from tests.phone.loopback import AdbServer, Phone

PLAN = Plan(launches=1, runs=5, warmup_runs=1, warmup_s=0.0, timeout_s=30, delegate="xnnpack")

Open = Callable[[Behaviour, Plan], adb.AdbTarget]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite_files.add())
    return path


@pytest.fixture
def opened(tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path) -> Open:
    def open_with(behaviour: Behaviour, plan: Plan) -> adb.AdbTarget:
        tool = keeper(phone, benchmark_model, tmp_path, behaviour)
        return adb.open(None, plan, options(adb_server, tool))

    return open_with


@pytest.mark.parametrize("delegate", ["xnnpack", "gpu"])
def test_the_second_start_has_the_cache_of_the_first_and_the_next_pair_an_empty_one(
    opened: Open, model: Path, phone: Phone, delegate: str
) -> None:
    words, variant = Words(), variant_of(model)
    with opened("keeps", replace(PLAN, delegate=delegate)) as target:
        target.prepare([variant], words)
        assert target.no_warm_start(variant, words) == ("", "")
        pairs = [target.start_pair(variant, number, words) for number in range(2)]
        caches = seen(phone)
        assert not any("cache" in path for path in files(phone))
    for pair in pairs:
        assert pair.cold_init_us is not None
        assert pair.warm_init_us is not None
        # Which is greater is not told by one pair on a machine that does other work.
        assert pair.cold_init_us > 0
        assert pair.warm_init_us > 0
        assert pair.cache_bytes == len("weights\n")
    first, second = caches[:2], caches[2:]
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]
    assert all(path.startswith(f"{ROOT}/runs/") for path in caches)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("ignores", "nothing of XNNPACK's packed weights was kept"),
        ("rewrites", "wrote it again"),
        ("crashes when warm", "SIGSEGV"),
    ],
)
def test_a_start_that_is_not_warm_is_never_a_figure(
    opened: Open, model: Path, phone: Phone, behaviour: Behaviour, words: str
) -> None:
    variant = variant_of(model)
    with opened(behaviour, PLAN) as target:
        target.prepare([variant], Words())
        with pytest.raises(LaunchError, match=words):
            target.start_pair(variant, 0, Words())
        assert not any("cache" in path for path in files(phone))


def test_what_the_real_tool_cannot_do_is_told_before_the_first_launch(
    model: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    settings = (Setting(), Setting(delegate="none"), Setting(delegate="xnnpack"))
    plan = replace(PLAN, delegate=None, settings=settings)
    with adb.open(None, plan, options(adb_server, benchmark_model)) as target:
        cells = [replace(variant_of(model), name=str(n), setting=s) for n, s in enumerate(settings)]
        target.prepare(cells, Words())
        reasons = [target.no_warm_start(cell, Words())[0] for cell in cells]
    assert "only for a delegate that is named" in reasons[0]
    assert "without a delegate" in reasons[1]
    assert "has no --xnnpack_weight_cache_file_path" in reasons[2]


def test_a_run_has_cold_and_warm_columns(
    tmp_path: Path, model: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    tool = keeper(phone, benchmark_model, tmp_path)
    asked = _command(options(adb_server, tool), model, "--delegate", "none,xnnpack")
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "no warm start measured: without a delegate" in done.stderr
    assert "cold init" in done.stdout
    records = read(tmp_path / "r.jsonl")
    without, kept = (row.starts for row in assemble(records).tables[0].rows)
    assert without is not None
    assert (without.pairs, bool(without.fault)) == (0, True)
    assert kept is not None
    assert kept.cold_init_us is not None
    assert kept.warm_init_us is not None
    assert (kept.pairs, kept.fault) == (3, "")
    assert kept.cold_init_us.value > kept.warm_init_us.value
    assert records.end is not None


def test_what_a_killed_harness_has_kept_is_cleaned_away(
    tmp_path: Path, model: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    here = options(adb_server, keeper(phone, benchmark_model, tmp_path, "hangs when warm"))
    asked = _command(here, model, "--delegate", "xnnpack")
    harness = subprocess.Popen(asked, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: len(seen(phone)) == 2)
    finally:
        harness.kill()
        harness.wait()
    assert any("-cache/" in path for path in files(phone))
    clean = [sys.executable, "-m", "bench", "clean", "-t", "adb"]
    subprocess.run([*clean, "--adb-server", here["adb_server"]], check=True, capture_output=True)
    assert files(phone) == {}


def _command(here: dict[str, str], model: Path, *more: str) -> Sequence[str]:
    given = [f"--set={key}={value}" for key, value in here.items()]
    fixed = ("--launches", "2", "--runs", "5", "--warmup-s", "0", "--report", "r.jsonl")
    more = (*fixed, *more, "--warm-starts", "3")
    return [sys.executable, "-m", "bench", "run", str(model), "-t", "adb", *given, *more]
