"""Several settings on a phone: each cell is launched with its own, and fails alone."""

from __future__ import annotations

from pathlib import Path

from tests.phone.loopback import AdbServer, Phone
from tests.phone.test_run import Bench


def test_each_cell_is_launched_with_its_own_setting(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, adb_server, benchmark_model)
    code, out, err = bench.run("-t", "adb", "--launches", "2", "--threads", "1,2")
    assert code == 0, err
    assert "4 cells (2 variants × 2 settings: 1 thread; 2 threads): 8 launches" in err
    assert "best setting: one: " in out
    made = [each["variant"] for each in bench.records("launch")]
    assert sorted(made) == sorted(
        2 * [f"{name} @ {each}" for name in ("one", "two") for each in ("1 thread", "2 threads")]
    )
    (environment,) = bench.records("environment")
    assert environment["facts"]["threads"] == [1, 2]


def test_cpus_that_are_not_there_fail_their_cells_alone(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path, has_taskset: bool
) -> None:
    bench = Bench(tmp_path, adb_server, benchmark_model)
    code, out, _ = bench.run("-t", "adb", "--launches", "2", "--affinity", "0/60")
    assert code == 3
    if not has_taskset:
        assert "has no taskset: leave --affinity away" in out
        assert not bench.records("launch")
        return
    assert "cannot bind to CPUs 60" in out
    assert {each["variant"] for each in bench.records("launch")} == {"one @ CPUs 0", "two @ CPUs 0"}
    (environment,) = bench.records("environment")
    assert environment["facts"]["affinity"] == ["0", "60"]


def test_a_delegate_that_the_tool_does_not_know_fails_its_cells_alone(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, adb_server, benchmark_model)
    code, out, _ = bench.run("-t", "adb", "--launches", "1", "--delegate", "npu,gpu")
    assert code == 3
    assert "has no delegate 'npu'" in out
    assert {each["error_class"] for each in bench.records("failure")} > {"setting"}
