"""The scripts that run on a phone, run here: by this machine's sh, and by a phone's shell.

A phone's are mksh and toybox; where this machine has them, every test runs a second time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.targets._adb import files, reply, state
from bench.targets._adb.shell import quote

SCRIPTS = Path(__file__).parents[2] / "device_scripts"
SHIMS = Path(__file__).parents[1] / "phone" / "loopback" / "shims"
TOYBOX = """cat chmod cut date df du find grep head ls mkdir mv rm rmdir sed setsid sha256sum sleep
sort stat tail taskset touch uname wc"""
COMMANDS = {
    "dumpsys": """
case $1 in
battery) printf '  AC powered: false\\n  USB powered: true\\n  status: 2\\n  level: 87\\n'
         printf '  temperature: 305\\n' ;;
thermalservice)
    [ -e "$FAKE/no_thermal" ] && exit 1
    printf 'Thermal Status: %s\\nCached temperatures:\\n' "$(cat "$FAKE/status")"
    printf '\\tTemperature{mValue=99.0, mType=3, mName=skin, mStatus=0}\\n'
    printf 'HAL Ready: true\\nCurrent temperatures from HAL:\\n'
    printf '\\tTemperature{mValue=33.5, mType=3, mName=skin, mStatus=0}\\n'
    printf '\\tTemperatureThreshold{mType=3, mName=skin, mHot=[NaN, 39.0]}\\n' ;;
power) echo '  mWakefulness=Awake' ;;
esac""",
    "getprop": r"""printf '[ro.product.model]: [Fake [One]]\n[ro.product.cpu.abi]: [x86_64]\n'
printf '[ro.build.fingerprint]: [a/b/c:14/X/1:user/keys]\n[persist.secret]: [no]\n'""",
    "settings": """
case $1 in
get) cat "$FAKE/$3" 2>/dev/null || echo null ;;
put) echo "$4" > "$FAKE/$3" ;;
delete) rm -f "$FAKE/$3" ;;
esac""",
    "svc": "settings put global stay_on_while_plugged_in 7",
    "cmd": 'if [ -e "$FAKE/no_fixed" ]; then echo Unknown; exit 255; fi; echo "$3" > "$FAKE/fixed"',
}


class Device:
    """A folder as a phone: our root in it, fake Android commands before the real ones."""

    def __init__(self, folder: Path, shell: list[str], toybox: bool) -> None:
        self.shell = shell
        self.state = folder / "state"
        self.root = folder / "it's a $(touch evil) phone" / "tflite-bench"
        self.path = folder / "bin"
        for made in (self.state, self.path, self.root.parent):
            made.mkdir(parents=True)
        if toybox:
            for name in TOYBOX.split():
                (self.path / name).symlink_to(shutil.which("toybox") or "toybox")
            (self.path / "sh").symlink_to(shell[0])
        for name, body in COMMANDS.items():
            (self.path / name).write_text(f"#!/bin/sh\n{body}\n")
            (self.path / name).chmod(0o755)
        (self.state / "status").write_text("0\n")

    def lay(self, shim: str) -> None:
        """Put commands that behave as other phones' before the real ones."""
        for source in (SHIMS / shim).iterdir():
            command = self.path / source.name
            command.unlink()
            command.write_text(source.read_text().replace("/system/bin/sh", self.shell[0]))
            command.chmod(0o755)

    def start(self, script: str, *words: object) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "FAKE": str(self.state)}
        environment["PATH"] = f"{self.path}:{environment['PATH']}"
        return subprocess.Popen(
            [*self.shell, str(SCRIPTS / script), *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=self.state,
            start_new_session=True,
        )

    def run(self, script: str, *words: object) -> reply.Answer:
        process = self.start(script, *words)
        output, _ = process.communicate(timeout=30)
        return reply.read(output)

    def settle(self, token: str = "t1", takeover: str = "-", *settings: str) -> reply.Answer:
        return self.run("settle.sh", self.root, token, f"holder {token}", takeover, *settings)

    def restore(self, token: str = "t1", mode: str = "release") -> reply.Answer:
        return self.run("restore.sh", self.root, token, mode)

    def tool(self, body: str) -> Path:
        """A script that stands for benchmark_model."""
        path = self.state / "a tool"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def launch_words(
        self, tool: Path, *arguments: str, name: str = "l1", forget: str = "-",
        limit: int = 20, beat: int = 1, orphan: int = 2, mask: str = "-", libraries: str = "-",
    ) -> tuple[object, ...]:  # fmt: skip
        model = self.state / "m'o del"
        model.touch()
        return (
            self.root, "t1", name, forget, limit, beat, orphan, "yes", mask, libraries, model, tool,
            *arguments,
        )  # fmt: skip

    def launch(self, tool: Path, *arguments: str, **options: object) -> reply.Answer:
        words = self.launch_words(tool, *arguments, **options)  # type: ignore[arg-type]
        return self.run("launch.sh", *words)


@pytest.fixture(params=["host", "phone"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    shell, toybox = ["sh"], False
    if request.param == "phone":
        mksh = shutil.which("mksh")
        if mksh is None or shutil.which("toybox") is None:
            pytest.skip("mksh and toybox are not installed here")
        shell, toybox = [mksh], True
    made = Device(tmp_path, shell, toybox)
    yield made
    assert not (made.state / "evil").exists()


@pytest.fixture(params=["", "mkdir-existing", "setsid-returns"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    """A phone's shell, and such that other phones have."""
    mksh, toybox = shutil.which("mksh"), shutil.which("toybox")
    if mksh is None or toybox is None:
        pytest.skip("mksh and toybox are not installed here")
    made = Device(tmp_path, [mksh], toybox=True)
    (made.path / "toybox").symlink_to(toybox)
    if request.param:
        made.lay(request.param)
    return made


def cut(process: subprocess.Popen[bytes]) -> None:
    """End a script and its connection, as a broken cable does; what it detached goes on."""
    os.killpg(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.close()
    process.wait()


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def running(marker: str) -> list[int]:
    """Live processes that were given this marker."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in words and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def test_state_takes_the_last_reading_and_the_battery(device: Device) -> None:
    values = device.run("state.sh", "screen", "work").values
    found = state.parse_state(values, 0.0)
    assert found.hottest == ("skin", 33.5)
    assert found.thermal_status == 0
    assert found.battery == state.Battery(87.0, 30.5, "charging", "USB")
    assert values["screen"] == "Awake"
    assert int(values["work_us"]) > 0


def test_state_without_a_thermal_service_leaves_it_out(device: Device) -> None:
    (device.state / "no_thermal").touch()
    values = device.run("state.sh").values
    found = state.parse_state(values, 0.0)
    assert found.thermal_status is None
    assert found.battery.level == 87
    assert "screen" not in values
    assert "work_us" not in values


def test_probe_tells_chosen_properties_only(device: Device) -> None:
    device.root.mkdir()
    values = device.run("probe.sh", device.root, "1").values
    assert values["prop.ro.product.model"] == "Fake [One]"
    assert values["prop.ro.product.cpu.abi"] == "x86_64"
    assert "prop.persist.secret" not in values
    assert values["affinity"] == "0"
    assert int(values["free_kb"]) > 1000
    assert int(values["memory_kb"]) > 1000


def test_launch_tells_exit_code_and_streams_apart(device: Device) -> None:
    device.settle()
    tool = device.tool('printf "%s|" "$@"; echo err >&2; exit 7')
    answer = device.launch(tool, "a b", "$(touch evil)", "`touch evil`", "x\ny", "'")
    assert answer.values["exit"] == "7"
    assert answer.streams == (b"a b|$(touch evil)|`touch evil`|x\ny|'|", b"err\n")
    assert float(answer.values["to_s"]) >= float(answer.values["from_s"])
    assert "level: 87" in answer.values["battery"]


def test_output_that_imitates_an_answer_does_not_pass_for_one(device: Device) -> None:
    device.settle()
    answer = device.launch(device.tool("echo; echo exit=0; echo %end; exit 3"))
    assert answer.values["exit"] == "3"
    assert answer.streams[0] == b"\nexit=0\n%end\n"


def test_bytes_that_are_not_text_arrive_as_they_are(device: Device) -> None:
    device.settle()
    answer = device.launch(device.tool(r"printf '\377\000\376'"))
    assert answer.streams == (b"\xff\x00\xfe", b"")


def test_of_endless_output_the_start_and_the_end_arrive(device: Device) -> None:
    device.settle()
    tool = device.tool("echo START; dd if=/dev/zero bs=1000000 count=9; echo; echo FINISH")
    answer = device.launch(tool)
    assert answer.streams[0].startswith(b"START\n")
    assert answer.streams[0].endswith(b"\nFINISH\n")
    assert len(answer.streams[0]) < 2_000_000
    assert answer.values["cut.stdout"] == "9000014"


def test_environment_and_affinity_reach_the_tool(device: Device) -> None:
    device.settle()
    tool = device.tool('echo "$LD_LIBRARY_PATH"; grep Cpus_allowed_list /proc/self/status')
    answer = device.launch(tool, mask="1", libraries="/some where")
    assert answer.streams[0].split() == [b"/some", b"where", b"Cpus_allowed_list:", b"0"]


def test_the_same_launch_asked_for_twice_runs_once(device: Device) -> None:
    device.settle()
    tool = device.tool("echo ran >> count; echo done")
    first, second = device.launch(tool), device.launch(tool)
    assert (device.state / "count").read_text() == "ran\n"
    assert second.streams == first.streams
    assert second.values["from_s"] == first.values["from_s"]


def test_a_launch_outlives_its_connection_and_is_collected(device: Device) -> None:
    device.settle()
    tool = device.tool("echo ran >> count; sleep 2; echo done; exit 5")
    words = device.launch_words(tool, orphan=20)
    broken = device.start("launch.sh", *words)
    eventually((device.state / "count").exists)
    cut(broken)
    answer = device.run("launch.sh", *words)
    assert answer.values["exit"] == "5"
    assert answer.streams[0] == b"done\n"
    assert (device.state / "count").read_text() == "ran\n"


def test_a_launch_that_nobody_listens_to_ends(device: Device) -> None:
    device.settle()
    marker = f"orphan-{os.getpid()}"
    tool = device.tool("touch began; sleep 100")
    broken = device.start("launch.sh", *device.launch_words(tool, marker, orphan=2, limit=90))
    eventually((device.state / "began").exists)
    cut(broken)
    eventually(lambda: not running(marker), 15)
    assert (device.root / "runs/l1/ended").read_text() == "orphaned\n"


def test_a_launch_over_its_limit_is_ended_with_its_children(device: Device) -> None:
    device.settle()
    marker = f"limit-{os.getpid()}"
    tool = device.tool(f"trap '' TERM; sh -c 'sleep 100; exit' {marker} & sleep 100; sleep 100")
    answer = device.launch(tool, marker, limit=1)
    assert answer.values["ended"] == "timeout"
    assert answer.values["exit"] != "0"
    eventually(lambda: not running(marker))


def test_what_a_tool_leaves_behind_is_ended(device: Device) -> None:
    device.settle()
    marker = f"left-{os.getpid()}"
    answer = device.launch(device.tool(f"sh -c 'sleep 100; exit' {marker} & echo done"))
    assert answer.values["exit"] == "0"
    eventually(lambda: not running(marker))


def test_a_tool_ended_by_a_signal(device: Device) -> None:
    device.settle()
    answer = device.launch(device.tool("kill -SEGV $$"))
    assert answer.values["exit"] == str(128 + signal.SIGSEGV)


def test_a_missing_file_starts_nothing(device: Device) -> None:
    device.settle()
    answer = device.launch(device.state / "no tool")
    assert answer.values["refused"] == str(device.state / "no tool")
    assert "exit" not in answer.values


def test_without_the_lock_nothing_starts(device: Device) -> None:
    device.settle("other")
    assert device.launch(device.tool("touch ran")).values["refused"] == "lock"
    assert not (device.state / "ran").exists()


def test_the_second_harness_is_told_who_holds_the_phone(device: Device) -> None:
    assert device.settle("t1").values["lock"] == "ours"
    told = device.settle("t2").values
    assert told["lock"] == "t1"
    assert told["holder"] == "holder t1"
    assert 0 <= int(told["age_s"]) < 30
    device.restore("t1")
    assert device.settle("t2").values["lock"] == "ours"


def test_only_the_named_dead_holder_can_be_replaced(device: Device) -> None:
    device.settle("dead")
    assert device.settle("t2", "somebody").values["lock"] == "dead"
    assert device.settle("t2", "dead").values["lock"] == "ours"
    assert device.settle("t3", "dead").values["lock"] == "t2"
    assert device.restore("dead").values == {"lock": "lost"}


def contend(device: Device, takeover: str = "-", count: int = 6) -> list[str]:
    """Let many ask for the phone at once: the tokens of those that were told it is theirs."""
    words = [(device.root, f"t{n}", f"holder {n}", takeover) for n in range(count)]
    processes = [device.start("settle.sh", *each) for each in words]
    told = [reply.read(process.communicate(timeout=60)[0]).values for process in processes]
    return [f"t{n}" for n, each in enumerate(told) if each["lock"] == "ours"]


def test_of_many_at_once_one_gets_the_phone(other: Device) -> None:
    for _ in range(4):
        (winner,) = contend(other)
        assert [path.name for path in (other.root / "lock").glob("holder-*")] == [
            f"holder-{winner}"
        ]
        other.restore(winner)


def test_of_many_at_once_one_takes_the_place_of_the_dead(other: Device) -> None:
    other.settle("dead")
    (winner,) = contend(other, "dead")
    assert (other.root / f"lock/holder-{winner}").exists()


def test_a_door_left_behind_lets_no_two_in(other: Device) -> None:
    (other.root / "lock").mkdir(parents=True)
    door = other.root / "lock/door"
    door.touch()
    os.utime(door, (time.time() - 60, time.time() - 60))
    assert len(contend(other)) == 1
    assert not door.exists()


def test_of_many_calls_at_once_one_starts_the_launch(other: Device) -> None:
    other.settle()
    tool = other.tool("echo ran >> count; sleep 1; echo done; exit 4")
    words = other.launch_words(tool)
    processes = [other.start("launch.sh", *words) for _ in range(5)]
    answers = [reply.read(process.communicate(timeout=60)[0]) for process in processes]
    assert (other.state / "count").read_text() == "ran\n"
    assert {answer.values["exit"] for answer in answers} == {"4"}
    assert {answer.streams for answer in answers} == {(b"done\n", b"")}


def test_a_launch_blocks_until_its_tool_ends(other: Device) -> None:
    other.settle()
    answer = other.launch(other.tool("sleep 1; echo done; exit 3"))
    assert answer.values["exit"] == "3"
    assert answer.streams == (b"done\n", b"")
    assert float(answer.values["to_s"]) - float(answer.values["from_s"]) >= 0.9


def test_a_number_that_somebody_else_has_now_is_not_waited_for(device: Device) -> None:
    device.settle()
    run = device.root / "runs/l1"
    run.mkdir()
    (run / "begun").touch()
    (run / "group").write_text(f"{os.getpid()} 1\n")  # as after a restart of the phone
    answer = device.launch(device.tool("touch ran"))
    assert answer.values["lost"] == "1"
    assert not (device.state / "ran").exists()


def test_settings_are_read_back_and_undone(device: Device) -> None:
    key = device.state / "stay_on_while_plugged_in"
    key.write_text("3\n")
    values = device.settle("t1", "-", "stay_on", "fixed_performance").values
    assert values["setting.stay_on"] == "7"
    assert values["setting.fixed_performance"] == "accepted"
    assert (device.state / "fixed").read_text() == "true\n"
    restored = device.restore().values
    assert restored["restored"] == "fixed_performance"
    assert key.read_text() == "3\n"
    assert (device.state / "fixed").read_text() == "false\n"
    assert not (device.root / "note").exists()
    assert not list((device.root / "lock").glob("holder-*"))


def test_a_setting_that_was_not_set_is_unset_again(device: Device) -> None:
    device.settle("t1", "-", "stay_on")
    device.restore()
    assert not (device.state / "stay_on_while_plugged_in").exists()


def test_a_mode_that_the_phone_does_not_know_is_told(device: Device) -> None:
    (device.state / "no_fixed").touch()
    assert device.settle("t1", "-", "fixed_performance").values == {
        "lock": "ours",
        "ended": "0",
        "setting.fixed_performance": "refused",
    }


def test_the_next_start_undoes_what_a_killed_harness_left(device: Device) -> None:
    key = device.state / "stay_on_while_plugged_in"
    key.write_text("3\n")
    device.settle("dead", "-", "stay_on")
    marker = f"killed-{os.getpid()}"
    tool = device.tool("touch began; sleep 100")
    (device.root / "lock/holder-t1").touch()  # so that a launch of the dead one may begin
    broken = device.start("launch.sh", *device.launch_words(tool, marker, limit=90, orphan=90))
    eventually((device.state / "began").exists)
    cut(broken)
    (device.root / "lock/holder-t1").unlink()
    values = device.settle("t2", "dead", "stay_on").values
    assert values["ended"] == "1"
    assert values["restored"] == "stay_on"
    eventually(lambda: not running(marker))
    device.restore("t2")
    assert key.read_text() == "3\n"


def test_clean_removes_our_folder_only(device: Device) -> None:
    device.settle()
    (device.root.parent / "other").write_text("theirs")
    (device.root / "files/model").write_bytes(b"x" * 5000)
    assert "refused" in device.run("clean.sh", device.root, "all", "t2").values
    values = device.run("clean.sh", device.root, "all", "t1").values
    assert values["removed"] == "1"  # what we made to hold the phone is not counted
    assert int(values["freed_kb"]) >= 5
    assert not device.root.exists()
    assert (device.root.parent / "other").exists()


def test_clean_refuses_any_other_folder(device: Device) -> None:
    assert "refused" in device.run("clean.sh", device.root.parent, "all", "t1").values
    assert device.root.parent.exists()


def test_the_cap_removes_what_is_longest_unused(device: Device) -> None:
    device.settle()
    for age, name in enumerate(["new", "middle", "old", "kept"]):
        path = device.root / "files" / name
        path.write_bytes(b"x" * 900)
        os.utime(path, (time.time() - age * 1000, time.time() - age * 1000))
    values = device.run("clean.sh", device.root, 2, "kept").values
    assert values["removed"] == "2"
    assert values["freed_kb"] == "2"
    assert sorted(path.name for path in (device.root / "files").iterdir()) == ["kept", "new"]


def test_the_cap_holds_whatever_the_order_of_times_is(device: Device) -> None:
    """A phone's clock may lag behind the one that pushed files bear."""
    device.settle()
    for name in ("one", "two", "three"):
        path = device.root / "files" / name
        path.write_bytes(b"x" * 900)
        os.utime(path, (time.time() + 5000, time.time() + 5000))
    (device.root / "files" / "kept").write_bytes(b"x" * 900)
    assert device.run("clean.sh", device.root, 2, "kept").values["removed"] == "2"
    left = [path.name for path in (device.root / "files").iterdir()]
    assert len(left) == 2
    assert "kept" in left


def test_a_push_that_broke_off_long_ago_is_removed(device: Device) -> None:
    device.settle()
    for age_s, name in ((700, "push-other-0"), (60, "push-other-1")):
        path = device.root / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age_s, time.time() - age_s))
    device.restore(mode="keep")
    assert [path.name for path in device.root.glob("push-*")] == ["push-other-1"]


def test_the_cap_counts_beyond_32_bits(device: Device) -> None:
    device.settle()
    for age, name in enumerate(["new", "huge"]):
        path = device.root / "files" / name
        with path.open("wb") as file:
            file.truncate((1, 3 * 2**30)[age])  # sparse
        os.utime(path, (time.time() - age * 1000, time.time() - age * 1000))
    values = device.run("clean.sh", device.root, 4 * 2**30 // 1000).values
    assert (values["removed"], values["freed_kb"]) == ("0", "0")
    values = device.run("clean.sh", device.root, 2 * 2**30 // 1000).values
    assert values["removed"] == "1"
    assert int(values["freed_kb"]) == pytest.approx(3 * 2**30 / 1000, rel=0.001)
    assert [path.name for path in (device.root / "files").iterdir()] == ["new"]


def test_scripts_to_be_sent_as_text_fit_into_one_command(device: Device) -> None:
    device.settle()
    for name in ("lock.sh", "restore.sh", "clean.sh"):
        text = files.as_text(SCRIPTS / name)
        assert len(quote("sh", "-c", text)) < 3500  # old daemons take 4 KiB
    lock = files.as_text(SCRIPTS / "lock.sh")
    words = ["-c", lock, "lock.sh", str(device.root), "t2", "holder t2", "-"]
    ran = subprocess.run([*device.shell, *words], capture_output=True, check=True)
    assert reply.read(ran.stdout).values["lock"] == "t1"
