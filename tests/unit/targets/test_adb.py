"""The parts of the Android target that can be proven without a phone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.targets._adb import files, lock, options, probe, readiness, reply, server
from bench.targets._adb.command import command_line, mask
from bench.targets._adb.shell import DisconnectedError, Link, PushRefusedError, quote
from bench.tflite.facts import read_facts
from bench.values import MeasuredInput, Plan
from tests import examples, tflite_files
from tests.fake_target import FakeShell


def silent(_: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.targets._adb.shell.POLL_S", 0.01)


# Answers


def test_an_answer_holds_values_streams_and_noise() -> None:
    raw = b".\n.\nsh: a complaint\nexit=0\n%streams 5 3\na\n%en=b\n\nkey=1\nkey=2\n%end\nlater=1\n"
    answer = reply.read(raw)
    assert answer.values == {"exit": "0", "key": "2"}
    assert answer.streams == (b"a\n%en", b"=b\n")
    assert answer.noise == ("sh: a complaint",)


def test_no_beginning_of_an_answer_passes_for_a_whole_one() -> None:
    raw = b"exit=0\n%streams 8 2\n%end\n...ab\nstate=1\n%end\n"
    assert reply.read(raw).streams == (b"%end\n...", b"ab")
    for length in range(len(raw) - 1):
        with pytest.raises(reply.CutAnswerError):
            reply.read(raw[:length].removesuffix(b"%end"))


@pytest.mark.parametrize("word", ["a b", "$(touch x)", "'", "x\ny", "", "`id`", "-rf *"])
def test_quoted_words_stay_whole(word: str) -> None:
    import shlex

    assert shlex.split(quote("sh", word)) == ["sh", word]


# Options


def test_options_are_read_by_their_kind() -> None:
    read = options.read_options(
        {"max_celsius": "38.5", "min_battery": "0", "stay_on": "no", "libraries": "a.so,b.so"}
    )
    assert read.max_celsius == 38.5
    assert (read.min_battery, read.stay_on) == (0, False)
    assert read.libraries == (Path("a.so"), Path("b.so"))
    assert options.read_options({"samples": "other.npz"}) == options.Options()


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("max_celcius", "40", "did you mean max_celsius"),
        ("max_celsius", "hot", "not a number"),
        ("max_celsius", "-1", "not a number"),
        ("max_celsius", "nan", "not a number"),
        ("min_battery", "2.5", "whole number"),
        ("stay_on", "maybe", "neither yes nor no"),
    ],
)
def test_a_bad_option_names_the_cure(key: str, text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        options.read_options({key: text})
    assert said in str(caught.value)


def test_every_option_is_explained() -> None:
    from bench.targets import adb

    assert adb.__doc__ is not None
    for name in options.Options.__dataclass_fields__:
        assert f"``{name}``" in adb.__doc__


# Devices

LISTED = """\
R5CT20               device usb:1-2 product:dm1q model:SM_S911B device:dm1q transport_id:3
ABC unauthorized usb:1-3 transport_id:4
DEF offline transport_id:5
0123456789 no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:3
GHI recovery product:x model:y device:z transport_id:6
10.0.0.2:5555 device product:a model:Pixel_8 device:b transport_id:7
"""


def test_devices_and_their_cures() -> None:
    devices = {each.serial: each for each in server.parse_devices(LISTED)}
    assert {serial: each.state for serial, each in devices.items()} == {
        "R5CT20": "device",
        "ABC": "unauthorized",
        "DEF": "offline",
        "0123456789": "no permissions",
        "GHI": "recovery",
        "10.0.0.2:5555": "device",
    }
    assert devices["R5CT20"].tags["model"] == "SM_S911B"
    assert devices["R5CT20"].hint == ""
    assert "udev" in devices["0123456789"].hint
    assert "adb -s GHI reboot" in devices["GHI"].hint
    assert "accept" in devices["ABC"].hint


@pytest.mark.parametrize("address", ["host", "host:", ":5037", "host:http", "host:99999"])
def test_a_bad_server_address_is_refused(address: str) -> None:
    with pytest.raises(TargetError, match="address of an adb server"):
        server.Server(address)


# State and gates


def reading(**values: str) -> readiness.DeviceState:
    return readiness.parse_state(
        {key.replace("__", "."): text for key, text in values.items()}, 0.0
    )


def test_the_hottest_skin_sensor_counts_else_the_battery() -> None:
    skin = reading(
        temperature__3__skin="33.5", temperature__3__skin2="36.0", battery_decicelsius="281"
    )
    assert skin.celsius == 36.0
    assert skin.temperatures["battery"] == 28.1
    assert reading(temperature__0__cpu="80.0", battery_decicelsius="281").celsius == 28.1
    assert reading(temperature__0__cpu="80.0").celsius is None


@pytest.mark.parametrize(("raw", "celsius"), [("33500", 33.5), ("335", 33.5), ("33", 33.0)])
def test_zones_come_in_three_units(raw: str, celsius: float) -> None:
    values = {"zone.skin-therm": raw}
    assert readiness.parse_state(values, 0.0).celsius == celsius


def test_what_a_phone_does_not_tell_is_left_out() -> None:
    empty = reading()
    assert empty.facts() == {}
    assert readiness.unfit(empty, options.Options(), None) == []


def test_each_gate_has_its_words() -> None:
    bad = reading(battery_decicelsius="412", thermal_status="2", battery_level="9", work_us="1200")
    assert readiness.unfit(bad, options.Options(), 1000) == [
        "cooling 41.2 °C, limit 40 °C",
        "thermal status moderate",
        "throttled, fixed work 20% slower than when cool",
        "battery 9 %, limit 25 %",
    ]
    edge = reading(
        battery_decicelsius="400", thermal_status="0", battery_level="25", work_us="1100"
    )
    assert readiness.unfit(edge, options.Options(), 1000) == []


class Phone:
    """A clock, and a state that changes with it."""

    def __init__(self, *changes: tuple[float, Mapping[str, str]]) -> None:
        self.now = 100.0
        self.changes = changes
        self.looks: list[bool] = []
        self.closing = threading.Event()
        self.closing.wait = self._wait  # type: ignore[method-assign]

    def _wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False

    def look(self, full: bool, progress: Callable[[str], None]) -> readiness.DeviceState:
        self.looks.append(full)
        values = [values for since, values in self.changes if self.now - 100.0 >= since][-1]
        values = dict(values) if full else {k: v for k, v in values.items() if k != "work_us"}
        return readiness.parse_state(values, self.now)

    def gate(self, **more: float) -> readiness.Gate:
        given = replace(options.Options(), **more)  # type: ignore[arg-type]
        return readiness.Gate(self.look, given, self.closing, lambda: self.now)


COOL = {"battery_decicelsius": "300", "work_us": "1000"}
HOT = {"battery_decicelsius": "450", "work_us": "1000"}
SLOW = {"battery_decicelsius": "300", "work_us": "1300"}


def test_a_hot_phone_is_waited_for_and_that_is_told() -> None:
    phone, said = Phone((0, HOT), (10, COOL)), []
    ready, waited_s = phone.gate().wait(said.append)
    assert ready.celsius == 30.0
    assert 10 <= waited_s <= 12
    assert set(said) == {"cooling 45.0 °C, limit 40 °C"}


def test_a_phone_hot_for_ever_is_given_up_and_then_looked_at_once() -> None:
    phone = Phone((0, HOT), (60, COOL))
    gate = phone.gate(gate_timeout_s=5.0)
    for _ in range(2):
        with pytest.raises(StableLaunchError, match=r"cooling 45\.0 °C") as caught:
            gate.wait(silent)
        assert caught.value.error_class == "gate"
    assert phone.now == pytest.approx(105.0, abs=0.5)
    phone.now = 170.0
    gate.wait(silent)


def test_a_throttled_phone_is_timed_again_until_it_is_quick() -> None:
    phone = Phone((0, COOL), (40, SLOW), (50, COOL))
    gate = phone.gate()
    gate.wait(silent)
    phone.now += 41
    _, waited_s = gate.wait(silent)
    assert waited_s >= 8
    assert gate.cool_work_us == 1000


def test_a_phone_that_begins_hot_does_not_set_what_cool_means() -> None:
    phone = Phone((0, {**HOT, "work_us": "900"}), (5, COOL))
    gate = phone.gate()
    gate.wait(silent)
    assert gate.cool_work_us == 1000


def test_a_fresh_reading_is_used_again_and_an_old_one_is_not() -> None:
    phone = Phone((0, COOL))
    gate = phone.gate()
    gate.wait(silent)
    phone.now += 1
    gate.wait(silent)
    assert phone.looks == [True]
    phone.now += 5
    gate.wait(silent)
    assert phone.looks == [True, False]
    phone.now += 30
    gate.wait(silent)
    assert phone.looks == [True, False, True]


# The link


def link_of(shell: FakeShell, reconnect_s: float = 0.2) -> Link:
    return Link(shell, reconnect_s, threading.Event())


def test_a_cut_answer_is_asked_for_again() -> None:
    given = iter([b"a=1\n", DisconnectedError("gone"), b"a=2\n%end\n"])
    shell = FakeShell(lambda command: next(given))
    assert link_of(shell, 5.0).ask("x", silent).values == {"a": "2"}
    assert shell.commands == ["x"] * 3


def test_a_phone_that_stays_away_is_given_up_and_taken_back() -> None:
    there = False

    def handler(command: str) -> bytes | Exception:
        return b"%end\n" if there else DisconnectedError("device not found")

    shell = FakeShell(handler, revivals=10**6)
    link = link_of(shell)
    for _ in range(2):
        with pytest.raises(StableLaunchError, match="FAKE1 is gone") as caught:
            link.ask("x", silent)
        assert caught.value.error_class == "device_lost"
    assert len(shell.commands) == 2
    there = True
    link.ask("x", silent)


# Files


@pytest.fixture
def artefact(tmp_path: Path) -> files.Artefact:
    import hashlib

    path = tmp_path / "m.tflite"
    path.write_bytes(b"content")
    return files.by_content(path, hashlib.sha256(b"content").hexdigest(), 7, ".tflite")


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ("", True),
        ("{name}=sha256sum:{sha}\n", False),
        ("{name}=sha256sum:{other}\n", True),
        ("{name}=sha1sum:040f06fd774092478d450774f5ba30c5da78acc8\n", False),
        ("{name}=sha1sum:{other}\n", True),
        ("{name}=size:7\n", False),
        ("{name}=size:8\n", True),
    ],
)
def test_what_is_there_with_its_content_is_not_pushed(
    artefact: files.Artefact, found: str, missing: bool
) -> None:
    text = found.format(name=artefact.name, sha=artefact.sha256, other="0" * 64)
    shell = FakeShell(lambda command: f"{text}%end\n".encode())
    assert bool(files.missing(link_of(shell), [artefact, artefact], silent)) is missing
    assert len(shell.commands) == 1


def test_no_name_of_this_machine_reaches_the_phone(artefact: files.Artefact) -> None:
    shell = FakeShell(lambda command: b"taken.0=1\n%end\n")
    files.push(link_of(shell), [artefact], "token", silent)
    assert "m.tflite" not in " ".join(shell.commands)
    assert shell.pushed == {f"{files.ROOT}/push-token-0": b"content"}


def test_a_damaged_push_may_be_tried_again(artefact: files.Artefact) -> None:
    shell = FakeShell(lambda command: b"%end\n")
    with pytest.raises(TransientLaunchError, match="arrived damaged"):
        files.push(link_of(shell), [artefact], "token", silent)


@pytest.mark.parametrize(
    ("said", "error_class"),
    [("couldn't write: No space left on device", "disk_full"), ("denied", "device_lost")],
)
def test_a_refused_push_says_why(artefact: files.Artefact, said: str, error_class: str) -> None:
    def handler(command: str) -> bytes | Exception:
        return PushRefusedError(said) if command.startswith("push ") else b"%end\n"

    shell = FakeShell(handler)
    with pytest.raises(StableLaunchError, match=said) as caught:
        files.push(link_of(shell), [artefact], "token", silent)
    assert caught.value.error_class == error_class
    assert f"rm -f {files.ROOT}/push-token-*" in shell.commands[-1]


def test_scripts_share_a_name_made_of_all_their_content(tmp_path: Path) -> None:
    for name in ("a.sh", "b.sh"):
        (tmp_path / name).write_text(name)
    before = [each.name for each in files.scripts(tmp_path)]
    (tmp_path / "b.sh").write_text("changed")
    after = [each.name for each in files.scripts(tmp_path)]
    assert [name.rpartition("/")[2] for name in before] == ["a.sh", "b.sh"]
    assert not set(before) & set(after)


# The lock


def test_a_living_holder_of_this_machine_is_alive_however_silent() -> None:
    us = lock.ourselves()
    assert lock.read(us.line()) == us
    assert not lock.is_dead(us, 10**6)


def test_a_holder_whose_number_was_used_again_is_dead() -> None:
    us = lock.ourselves()
    assert lock.is_dead(replace(us, born=us.born + 1), 0.0)
    assert lock.is_dead(replace(us, pid=2**22 + 1), 0.0)


def test_a_holder_of_another_machine_is_dead_only_after_long_silence() -> None:
    other = replace(lock.ourselves(), machine="elsewhere", pid=2**22 + 1)
    assert not lock.is_dead(other, 60.0)
    assert lock.is_dead(other, 10**4)


@pytest.mark.parametrize("line", ["", "holder t1", "{}", '{"host": "x", "pid": "many"}'])
def test_a_line_that_is_no_holder_is_told_by_its_silence(line: str) -> None:
    assert lock.read(line) is None
    assert not lock.is_dead(None, 1.0)


# What a phone is


def test_a_probe_becomes_facts() -> None:
    phone = probe.parse_probe(
        "S1",
        {
            "prop.ro.product.model": "SM-S911B",
            "prop.ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
            "prop.ro.build.version.release": "14",
            "prop.ro.soc.model": "SM8550",
            "machine": "aarch64",
            "memory_kb": "1000",
            "free_kb": "10",
            "has.taskset": "1",
            "cpu.0": "walt 300000 1800000",
            "cpu.1": "walt 300000 1800000",
            "cpu.2": "walt 500000 3300000",
            "cpu.10": "walt 300000 1800000",
        },
    )
    assert phone.label == "SM-S911B (S1) · Android 14 · arm64-v8a"
    assert phone.abis == ("arm64-v8a", "armeabi-v7a")
    assert phone.facts["cores"] == {
        "0-1": "walt 300000-1800000",
        "2": "walt 500000-3300000",
        "10": "walt 300000-1800000",
    }
    assert phone.free_bytes == 10240
    assert "taskset" in phone.commands


def test_a_phone_without_properties_is_known_by_its_machine() -> None:
    phone = probe.parse_probe("S1", {"machine": "aarch64"})
    assert phone.abis == ("arm64-v8a",)
    assert phone.label == "unknown phone (S1) · arm64-v8a"


# The command


def test_affinity_becomes_a_mask() -> None:
    assert mask(None) == "-"
    assert mask("0,2-3") == "d"
    assert mask("0xf0") == "f0"


def test_the_plan_becomes_the_tools_words(artefact: files.Artefact) -> None:
    plan = Plan(runs=7, warmup_s=0.25, threads=4, tool_args=("--x=$(id)",))
    ids = MeasuredInput("ids", "ids", "int32", (1, 4), bounds=(0, 9))
    variant = replace(examples.FLOAT32, inputs=(ids,))
    words = command_line(artefact, artefact, plan, "tflite", variant)
    assert words[0] == artefact.remote
    assert {"--num_runs=7", "--num_threads=4", "--warmup_min_secs=0.25"} < set(words)
    assert "--input_layer_value_range=ids,0,8" in words  # the tool draws the highest too
    assert words[-1] == "--x=$(id)"


@pytest.mark.parametrize(
    ("signature", "dialect", "named"),
    [("first", "tflite", False), ("second", "tflite", True), ("first", "litert", True)],
)
def test_a_signature_is_named_where_the_tool_would_run_another(
    artefact: files.Artefact, tmp_path: Path, signature: str, dialect: Any, named: bool
) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(tflite_files.two_signatures())
    variant = replace(examples.FLOAT32, facts=read_facts(file), signature=signature)
    words = command_line(artefact, artefact, Plan(), dialect, variant)
    assert (f"--signature_to_run_for={signature}" in words) is named
