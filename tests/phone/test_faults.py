"""What may go wrong between a harness and a phone, done to the loopback phone for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.targets import adb
from bench.values import Plan, Variant
from tests import tiny_models
from tests.phone.bridge import (
    PLAN,
    ROOT,
    Words,
    background,
    eventually,
    later,
    options,
    tool_of,
    tools,
    variant_of,
)
from tests.phone.loopback import AdbServer, Image, Phone

QUIET = Words()
STAY_ON = "settings/global/stay_on_while_plugged_in"


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    path = tmp_path / "add.tflite"
    path.write_bytes(tiny_models.add())
    return variant_of(path)


@pytest.fixture
def sleeper(image: Image) -> Path:
    """A tool that takes as long as the phone's fault/ms says, and prints what a real one does."""
    return image.fault_tool("sleep")


def opened(server: AdbServer, tool: Path, plan: Plan = PLAN, **more: str) -> adb.AdbTarget:
    return adb.open(None, plan, options(server, tool, **more))


def runs_begun(phone: Phone) -> int:
    """How many launches the phone has seen: each has a folder until the next one's answer."""
    return len(list(phone.path(f"{ROOT}/runs").iterdir()))


# The cable


def test_cable_pulled_before_a_launch_and_put_back(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        phone.unplug()
        later(5, phone.plug)
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


def test_cable_pulled_in_a_launch_and_put_back(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=3000)
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool = tool_of(phone)
            phone.unplug()
            later(5, phone.plug)
            launch = future.result(60)
        assert not tool.alive()
        assert launch.facts["tool_s"] == pytest.approx(3, abs=1)
        assert runs_begun(phone) == 1  # it was collected, not run again


def test_cable_pulled_so_long_that_the_connection_is_dead(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=3000)
    words = Words()
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, words) as future:
            tool_of(phone)
            phone.unplug()
            adb_server.disconnect(phone.serial)  # as the server does after its own bound
            words.wait_for("to come back")
            phone.plug()
            launch = future.result(60)
        assert launch.facts["tool_s"] == pytest.approx(3, abs=1)
        assert runs_begun(phone) == 1


def test_cable_pulled_for_good_fails_soon_and_only_once_slowly(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    with opened(adb_server, sleeper, reconnect_s="3") as target:
        target.prepare([variant], QUIET)
        phone.unplug()
        adb_server.disconnect(phone.serial)
        for _ in range(2):
            with pytest.raises(StableLaunchError, match="is gone") as caught:
                target.launch(variant, 0, QUIET)
            assert caught.value.error_class == "device_lost"
        phone.plug()
        eventually(lambda: _works_again(target, variant))


def _works_again(target: adb.AdbTarget, variant: Variant) -> bool:
    try:
        return target.launch(variant, 0, QUIET).latency.runs == PLAN.runs
    except StableLaunchError:
        return False


# Daemons


def test_adbd_killed_in_a_launch_loses_and_repeats_nothing(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=3000)
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            phone.restart_adbd()
            launch = future.result(60)
        assert launch.facts["tool_s"] == pytest.approx(3, abs=1)
        assert runs_begun(phone) == 1


def test_adbd_that_hangs_is_noticed(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=1000)
    with opened(adb_server, sleeper, reconnect_s="40") as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            phone.hang()
            later(8, phone.resume)
            assert future.result(90).latency.runs == PLAN.runs


def test_adb_server_killed_in_a_launch(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=3000)
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            adb_server.restart()
            launch = future.result(60)
        assert launch.facts["tool_s"] == pytest.approx(3, abs=1)
        assert runs_begun(phone) == 1


def test_an_adb_server_that_is_not_there_is_started(
    phone: Phone, adb_server: AdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in adb_server.environment().items():
        monkeypatch.setenv(name, value)
    adb_server.kill()
    try:
        assert adb.discover({"adb_server": adb_server.address}) == []
        assert adb_server.request("host:version")
    finally:
        adb_server.request("host:kill")


def test_no_adb_server_on_another_machine_is_named() -> None:
    (status,) = adb.discover({"adb_server": "127.0.0.2:1"})
    assert not status.ready
    assert "127.0.0.2:1" in status.label


# The tool


def test_a_full_phone_fails_that_variant_and_not_the_others(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant, tmp_path: Path
) -> None:
    big = tmp_path / "big.tflite"
    big.write_bytes(os.urandom(8_000_000))
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        phone.fill_disk(leave_bytes=3_000_000)
        target.prepare([variant, variant_of(big, "big")], QUIET)
        with pytest.raises(StableLaunchError, match="is full") as caught:
            target.launch(variant_of(big, "big"), 0, QUIET)
        assert caught.value.error_class == "disk_full"
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs
        assert not list(phone.path(ROOT).glob("push-*"))


def test_a_push_cut_in_the_middle_is_done_again(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant, tmp_path: Path
) -> None:
    big = tmp_path / "big.tflite"
    big.write_bytes(os.urandom(6_000_000))
    large = variant_of(big, "big")
    phone.degrade(rate_kbit=20_000)
    with opened(adb_server, sleeper) as target:
        cut = threading.Thread(target=_restart_adbd_in_a_push, args=(phone,))
        cut.start()
        target.prepare([large], QUIET)
        cut.join()
        phone.degrade()
        assert target.launch(large, 0, QUIET).latency.runs == PLAN.runs
    assert phone.read(f"{ROOT}/files/{large.sha256}.tflite") == big.read_bytes()


def _restart_adbd_in_a_push(phone: Phone) -> None:
    eventually(lambda: any(path.stat().st_size for path in phone.path(ROOT).glob("push-*")))
    phone.restart_adbd()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_tool_ended_by_a_signal(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant, number: int
) -> None:
    phone.persona.set_fault(ms=20_000)
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone).kill(number)
            with pytest.raises((TransientLaunchError, StableLaunchError), match="SIG") as caught:
                future.result(30)
        assert caught.value.error_class in ("crash", "out_of_memory")
        phone.persona.set_fault(ms=100)
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


def test_a_tool_that_crashes_by_itself(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    with opened(adb_server, image.fault_tool("crash")) as target:
        target.prepare([variant], QUIET)
        with pytest.raises((TransientLaunchError, StableLaunchError), match="SIGSEGV"):
            target.launch(variant, 0, QUIET)


def test_a_tool_that_hangs_is_ended_in_time(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    plan = Plan(runs=5, timeout_s=2)
    with opened(adb_server, image.fault_tool("hang"), plan) as target:
        target.prepare([variant], QUIET)
        with pytest.raises(StableLaunchError, match="longer than 2 s") as caught:
            target.launch(variant, 0, QUIET)
        assert caught.value.error_class == "timeout"
        assert not tools(phone)


def test_a_megabyte_of_noise_is_no_result(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    with opened(adb_server, image.fault_tool("noise")) as target:
        target.prepare([variant], QUIET)
        with pytest.raises((TransientLaunchError, StableLaunchError)) as caught:
            target.launch(variant, 0, QUIET)
    assert caught.value.error_class == "no_result"


@pytest.mark.parametrize(
    "content",
    [b"", b"TFL3 no, not really" * 10, tiny_models.add()[:200]],
    ids=["empty", "text", "cut"],
)
def test_a_model_that_the_tool_cannot_read(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with opened(adb_server, benchmark_model) as target:
        bad = variant_of(path)
        target.prepare([bad], QUIET)
        with pytest.raises(StableLaunchError) as caught:
            target.launch(bad, 0, QUIET)
    assert caught.value.error_class == "model_unreadable"


def test_an_unknown_flag_is_a_failure(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    plan = Plan(runs=5, tool_args=("--use_gpuu=true",))
    with opened(adb_server, benchmark_model, plan) as target:
        target.prepare([variant], QUIET)
        with pytest.raises(StableLaunchError, match="use_gpuu") as caught:
            target.launch(variant, 0, QUIET)
    assert caught.value.error_class == "unknown_flag"


def test_a_delegate_that_did_not_run_the_model_is_a_failure(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    # The stand-in takes every flag and says nothing of a delegate, as a CPU fallback does.
    with opened(adb_server, sleeper, Plan(runs=5, delegate="gpu")) as target:
        target.prepare([variant], QUIET)
        with pytest.raises(StableLaunchError, match="gpu was asked for") as caught:
            target.launch(variant, 0, QUIET)
    assert caught.value.error_class == "delegate_not_applied"


def test_files_that_vanish_are_brought_again(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        for path in phone.path(f"{ROOT}/files").iterdir():
            path.unlink()
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


# The phone's state


def test_a_hot_phone_is_waited_for(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    words = Words()
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        phone.persona.heat(44.5, status=2)
        time.sleep(0.1)
        later(10, phone.persona.cool)
        launch = target.launch(variant, 0, words)
    assert "cooling 44.5 °C, limit 40 °C; thermal status moderate" in words.said
    assert 8 < launch.state["waited_s"] < 25
    assert launch.state["before"]["celsius"] == 33.5


def test_a_phone_hot_for_ever_is_given_up(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    with opened(adb_server, sleeper, gate_timeout_s="3") as target:
        target.prepare([variant], QUIET)
        phone.persona.heat(44.5)
        for _ in range(2):
            with pytest.raises(StableLaunchError, match=r"cooling 44\.5 °C") as caught:
                target.launch(variant, 0, QUIET)
            assert caught.value.error_class == "gate"
        assert not tools(phone)
        phone.persona.cool()
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


def test_a_drained_phone_is_given_up(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_battery(level=9, charging=False)
    with opened(adb_server, sleeper, gate_timeout_s="1") as target:
        target.prepare([variant], QUIET)
        with pytest.raises(StableLaunchError, match="battery 9 %, limit 25 %"):
            target.launch(variant, 0, QUIET)


# The harness itself

HARNESS = """
import sys
from bench.targets import adb
from tests.phone.bridge import PLAN, Words, variant_of
from pathlib import Path
variant = variant_of(Path(sys.argv[1]))
with adb.open(None, PLAN, dict(pair.split("=", 1) for pair in sys.argv[2:])) as target:
    target.prepare([variant], Words())
    print("begin", flush=True)
    print(target.launch(variant, 0, Words()).latency.runs, flush=True)
"""


def test_a_killed_harness_leaves_nothing_for_long(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    phone.persona.set_fault(ms=25_000)
    before = phone.persona.read(STAY_ON)
    given = options(adb_server, sleeper, reconnect_s="600")
    words = [f"{key}={value}" for key, value in given.items()]
    with subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(variant.path), *words],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as harness:
        tool = tool_of(phone)
        harness.kill()
    assert tool.alive()
    assert phone.persona.read(STAY_ON) == "7"
    # Started again, it takes the dead one's place at once, ends its tool and knows what it changed.
    phone.persona.set_fault(ms=100)
    with opened(adb_server, sleeper) as target:
        assert not tool.alive()
        assert not tools(phone)
        target.prepare([variant], QUIET)
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs
    assert phone.persona.read(STAY_ON) == before
    assert phone.persona.read("power/fixed_performance") == "false"


def test_the_tool_of_a_killed_harness_ends_by_itself(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    given = options(adb_server, image.fault_tool("hang"), reconnect_s="5")
    words = [f"{key}={value}" for key, value in given.items()]
    with subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(variant.path), *words],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as harness:
        tool = tool_of(phone)
        harness.kill()
    eventually(lambda: not tool.alive(), 25)
    eventually(lambda: not phone.processes())


def test_a_phone_taken_over_is_told_to_the_first(
    phone: Phone, adb_server: AdbServer, sleeper: Path, variant: Variant
) -> None:
    with opened(adb_server, sleeper) as target:
        target.prepare([variant], QUIET)
        lock = phone.path(f"{ROOT}/lock")
        for holder in lock.glob("holder-*"):
            holder.rename(lock / "holder-somebody")
        with pytest.raises(StableLaunchError, match="took") as caught:
            target.launch(variant, 0, QUIET)
        assert caught.value.error_class == "device_busy"
    assert list(lock.glob("holder-*"))  # another's lock is not ours to remove


def test_a_phone_that_is_not_there_is_named(phone: Phone, adb_server: AdbServer) -> None:
    with pytest.raises(TargetError, match="no phone is called 'R5CT20'"):
        adb.open("R5CT20", PLAN, {"adb_server": adb_server.address})


def test_no_phone_at_all(adb_server: AdbServer, image: Image) -> None:
    with pytest.raises(TargetError, match="no phone is attached"):
        adb.open(None, PLAN, {"adb_server": adb_server.address})


def test_an_offline_phone_is_told_with_its_cure(
    start_phone: Callable[..., Phone], adb_server: AdbServer
) -> None:
    phone = start_phone()
    phone.kill_adbd()
    eventually(lambda: adb_server.state(phone.serial) != "device")
    for status in adb.discover({"adb_server": adb_server.address}):
        assert not status.ready
        assert status.hint
