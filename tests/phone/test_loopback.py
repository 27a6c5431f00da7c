"""The loopback phone itself: that it is safe, behaves as a phone does, and leaves nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adbutils
import pytest

from tests import tiny_models

from . import loopback
from .loopback import AdbServer, Image, LoopbackError, Phone, processes

TMP = "/data/local/tmp"


def shell(server: AdbServer, phone: Phone, command: str) -> tuple[int, str, str]:
    """Exit code and both streams of a command on the phone."""
    done = device(server, phone).shell2(command, v2=True)
    return done.returncode, done.stdout, done.stderr


def device(server: AdbServer, phone: Phone) -> Any:
    return adbutils.AdbClient(host="127.0.0.1", port=server.port).device(serial=phone.serial)


def eventually(holds: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


# Safety


def test_adbd_listens_at_one_address_alone(adb_server: AdbServer, phone: Phone) -> None:
    assert shell(adb_server, phone, "true")[0] == 0
    address, _, port = phone.serial.partition(":")
    assert processes.listeners(phone.pid) == {(address, int(port))}
    assert phone.exposed() == []


def test_no_vsock_is_open(adb_server: AdbServer, phone: Phone) -> None:
    assert shell(adb_server, phone, "true")[0] == 0
    adbd = phone.adbd()
    assert adbd is not None
    # A namespace does not contain vsock, so the host's own view of it must be empty too.
    assert "?" not in processes.sockets(adbd.pid).values()
    if shutil.which("ss"):
        listing = ["ss", "--vsock", "--all", "--numeric", "--no-header", "--processes"]
        done = subprocess.run(listing, capture_output=True, text=True, check=False)
        assert "adbd" not in done.stdout


def test_the_check_for_exposure_sees_a_strange_socket() -> None:
    if not hasattr(socket, "AF_VSOCK"):
        pytest.skip("no vsock on this system")
    try:
        opened = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    except OSError:
        pytest.skip("no vsock in this kernel")
    with opened:
        assert "?" in processes.sockets(os.getpid()).values()


def test_a_persona_cannot_make_adbd_listen_elsewhere(adb_server: AdbServer, phone: Phone) -> None:
    phone.persona.set_property("service.adb.listen_addrs", "vsock:5555")
    phone.restart_adbd()
    assert eventually(lambda: adb_server.state(phone.serial) != "device")
    adb_server.connect(phone)
    assert shell(adb_server, phone, "true")[0] == 0
    assert phone.exposed() == []


def test_the_shell_is_no_root_and_the_system_is_read_only(
    adb_server: AdbServer, phone: Phone
) -> None:
    assert shell(adb_server, phone, "id -u; id -un")[:2] == (0, "2000\nshell\n")
    assert {process.uid for process in [*phone.processes(), phone.adbd()] if process} == {2000}
    for path in ("/system/bin/sh", "/system/new", "/new", "/sys/devices/system/cpu/online"):
        code, _, error = shell(adb_server, phone, f"echo x >> {path}")
        assert code != 0, path
        assert "Read-only" in error or "Permission denied" in error or "can't create" in error
    assert shell(adb_server, phone, "kill -9 1")[0] != 0


def test_the_adb_server_listens_on_loopback_alone(adb_server: AdbServer) -> None:
    own = {place for place in processes.listeners(os.getpid()) if place[1] == adb_server.port}
    assert own
    assert own <= {("127.0.0.1", adb_server.port), ("::1", adb_server.port)}
    assert adb_server.port not in (5037, *range(5555, 5586))
    assert adb_server.devices() == {}


# A phone's ways


def test_exit_codes_and_streams_come_through(adb_server: AdbServer, phone: Phone) -> None:
    assert shell(adb_server, phone, "echo out; echo err >&2; exit 9") == (9, "out\n", "err\n")
    assert shell(adb_server, phone, "kill -SEGV $$")[0] == 128 + signal.SIGSEGV
    assert shell(adb_server, phone, "no_such_command")[0] == 127


def test_the_shell_is_a_phones(adb_server: AdbServer, phone: Phone) -> None:
    code, out, _ = shell(adb_server, phone, "echo $KSH_VERSION; echo $PATH; which sed dd")
    assert code == 0
    assert "MIRBSD KSH" in out
    assert "/usr/bin" not in out
    # What no phone has must not be found here either, or a script that needs it seems to work.
    assert shell(adb_server, phone, "which bash perl python3 wget apt-get")[1] == ""


def test_a_terminal_is_to_be_had(adb_server: AdbServer, phone: Phone) -> None:
    adb = str(loopback.adb_binary())
    done = subprocess.run(
        [adb, "-s", phone.serial, "shell", "-tt", "tty; exit 4"],
        env={**os.environ, **adb_server.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "/dev/pts/" in done.stdout
    assert done.returncode == 4


def test_push_and_pull_keep_every_byte(adb_server: AdbServer, phone: Phone, tmp_path: Path) -> None:
    content = os.urandom(8 << 20)
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(content)
    target = device(adb_server, phone)
    target.sync.push(str(source), f"{TMP}/file", mode=0o755)
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    assert shell(adb_server, phone, f"sha1sum < {TMP}/file")[1].split()[0] == digest
    assert phone.read(f"{TMP}/file") == content
    assert phone.path(f"{TMP}/file").stat().st_uid == 2000
    target.sync.pull(f"{TMP}/file", str(back))
    assert back.read_bytes() == content


def test_devices_tells_the_model(adb_server: AdbServer, two_phones: tuple[Phone, Phone]) -> None:
    listing = adb_server.request("host:devices-l")
    for phone, model in zip(two_phones, ("Loopback_One", "Loopback_Two"), strict=True):
        line = next(line for line in listing.splitlines() if line.startswith(phone.serial))
        assert f"model:{model}" in line


def test_phones_cannot_see_each_other(
    adb_server: AdbServer, two_phones: tuple[Phone, Phone]
) -> None:
    one, two = two_phones
    assert shell(adb_server, one, f"echo mine > {TMP}/file")[0] == 0
    assert shell(adb_server, two, f"cat {TMP}/file")[0] != 0
    address, _, port = two.serial.partition(":")
    assert shell(adb_server, one, f"nc -w 1 {address} {port} < /dev/null")[0] != 0


# The real tool


@pytest.mark.parametrize("model", [tiny_models.add, tiny_models.dense, tiny_models.conv])
def test_the_real_tool_runs_a_model(
    adb_server: AdbServer, phone: Phone, benchmark_model: Path, model: Callable[[], bytes]
) -> None:
    _push_tool(adb_server, phone, benchmark_model, model())
    code, out, err = shell(adb_server, phone, _launch("--num_runs=7 --min_secs=0"))
    assert code == 0, err
    assert "Inference timings in us:" in out + err
    assert "count=7 " in out + err


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (tiny_models.future_dense, "Didn't find op for builtin opcode 'FULLY_CONNECTED'"),
        (tiny_models.custom, "NoSuchOp"),
        (tiny_models.bad_schema_version, "schema version 9"),
        (tiny_models.truncated, "not a valid Flatbuffer"),
        (tiny_models.not_a_model, "not a valid Flatbuffer"),
    ],
)
def test_the_real_tool_refuses_a_bad_model(
    adb_server: AdbServer,
    phone: Phone,
    benchmark_model: Path,
    model: Callable[[], bytes],
    words: str,
) -> None:
    _push_tool(adb_server, phone, benchmark_model, model())
    code, out, err = shell(adb_server, phone, _launch("--num_runs=1 --min_secs=0"))
    assert code == 1
    assert words in out + err


def _push_tool(server: AdbServer, phone: Phone, tool: Path, model: bytes) -> None:
    device(server, phone).sync.push(str(tool), f"{TMP}/benchmark_model", mode=0o755)
    device(server, phone).sync.push(model, f"{TMP}/model.tflite")


def _launch(flags: str) -> str:
    warm_up = "--warmup_runs=1 --warmup_min_secs=0"
    return f"{TMP}/benchmark_model --graph={TMP}/model.tflite {warm_up} {flags}"


# Stand-in tools


def _run_fault(server: AdbServer, phone: Phone, image: Image, behaviour: str) -> Any:
    tool = image.fault_tool(behaviour)
    assert tool.read_bytes()[:4] == b"\x7fELF"
    device(server, phone).sync.push(str(tool), f"{TMP}/tool", mode=0o755)
    command = f"{TMP}/tool --graph=x --num_runs=20"
    return device(server, phone).shell2(command, v2=True, encoding=None, timeout=10)


def test_the_sleeping_tool_takes_its_time(
    adb_server: AdbServer, phone: Phone, image: Image
) -> None:
    phone.persona.set_fault(ms=200)
    begin = time.monotonic()
    done = _run_fault(adb_server, phone, image, "sleep")
    assert time.monotonic() - begin >= 0.2
    assert done.returncode == 0
    assert b"INFO: count=20 " in done.stdout


def test_the_noisy_tool_prints_a_megabyte_that_is_no_text(
    adb_server: AdbServer, phone: Phone, image: Image
) -> None:
    done = _run_fault(adb_server, phone, image, "noise")
    assert done.returncode == 0
    assert len(done.stdout) == 1 << 20
    with pytest.raises(UnicodeDecodeError):
        done.stdout.decode()


def test_the_crashing_tool_is_sound_again_after_its_faults(
    adb_server: AdbServer, phone: Phone, image: Image
) -> None:
    phone.persona.set_fault(left=1, ms=1)
    assert _run_fault(adb_server, phone, image, "crash").returncode == 128 + signal.SIGSEGV
    assert _run_fault(adb_server, phone, image, "crash").returncode == 0
    assert phone.persona.read("fault/left") == "0"


def test_the_hanging_tool_is_seen_among_the_processes(
    adb_server: AdbServer, phone: Phone, image: Image
) -> None:
    device(adb_server, phone).sync.push(str(image.fault_tool("hang")), f"{TMP}/tool", mode=0o755)
    assert shell(adb_server, phone, f"{TMP}/tool > /dev/null 2>&1 < /dev/null &")[0] == 0
    assert eventually(lambda: [p.command for p in phone.processes()] == [f"{TMP}/tool"])
    assert phone.processes()[0].kill()
    assert phone.processes() == []


def test_an_unknown_stand_in_is_refused(image: Image) -> None:
    with pytest.raises(LoopbackError, match="there are sleep, noise, hang, crash"):
        image.fault_tool("melt")


# Faults


def test_a_short_cut_is_survived(adb_server: AdbServer, phone: Phone) -> None:
    results: list[tuple[int, str, str]] = []
    command = "echo begun; sleep 1; echo done; exit 3"
    thread = threading.Thread(target=lambda: results.append(shell(adb_server, phone, command)))
    thread.start()
    time.sleep(0.3)
    phone.unplug()
    time.sleep(1.5)
    phone.plug()
    thread.join(20)
    assert results == [(3, "begun\ndone\n", "")]


def test_an_unplugged_phone_cannot_be_reached_until_it_is_plugged_in(
    adb_server: AdbServer, phone: Phone
) -> None:
    adb_server.disconnect(phone.serial)
    phone.unplug()
    host, _, port = phone.serial.partition(":")
    with pytest.raises(OSError, match=r"timed out|No route"):
        socket.create_connection((host, int(port)), timeout=0.5)
    phone.plug()
    adb_server.connect(phone)
    assert shell(adb_server, phone, "echo back")[1] == "back\n"


def test_a_bad_cable_delays(adb_server: AdbServer, phone: Phone) -> None:
    try:
        phone.degrade(delay_ms=100)
    except LoopbackError as error:
        pytest.skip(str(error))
    assert _seconds(lambda: shell(adb_server, phone, "true")) >= 0.2
    phone.degrade()
    assert _seconds(lambda: shell(adb_server, phone, "true")) < 0.2


def test_a_slow_cable_slows_a_push(adb_server: AdbServer, phone: Phone) -> None:
    content = os.urandom(500_000)
    target = device(adb_server, phone)
    phone.degrade(rate_kbit=4_000)
    assert _seconds(lambda: target.sync.push(content, f"{TMP}/file")) >= 0.8
    phone.degrade()
    assert _seconds(lambda: target.sync.push(content, f"{TMP}/file")) < 0.8


def _seconds(action: Callable[[], object]) -> float:
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def test_a_killed_adbd_is_gone_until_it_is_restarted(adb_server: AdbServer, phone: Phone) -> None:
    phone.kill_adbd()
    assert phone.adbd() is None
    assert eventually(lambda: adb_server.state(phone.serial) != "device")
    phone.restart_adbd()
    adb_server.connect(phone)
    assert shell(adb_server, phone, "echo again")[1] == "again\n"
    with pytest.raises(LoopbackError, match="runs already"):
        phone.start_adbd()


def test_what_a_killed_adbd_started_is_left_running(adb_server: AdbServer, phone: Phone) -> None:
    thread = threading.Thread(target=lambda: _ignore(lambda: shell(adb_server, phone, "sleep 60")))
    thread.start()
    assert eventually(lambda: any("sleep" in p.command for p in phone.processes()))
    phone.kill_adbd()
    thread.join(10)
    assert any("sleep" in process.command for process in phone.processes())
    phone.restart_adbd()  # what is left must not hold the socket
    adb_server.connect(phone)
    assert shell(adb_server, phone, "echo again")[1] == "again\n"


def test_a_hung_adbd_answers_nothing_until_it_goes_on(adb_server: AdbServer, phone: Phone) -> None:
    phone.hang()
    results: list[tuple[int, str, str]] = []
    thread = threading.Thread(target=lambda: results.append(shell(adb_server, phone, "exit 5")))
    thread.start()
    thread.join(0.5)
    assert results == []
    phone.resume()
    thread.join(10)
    assert results == [(5, "", "")]


def test_a_full_disk_fails_a_push(adb_server: AdbServer, start_phone: Callable[..., Phone]) -> None:
    phone = start_phone(data_mb=16)
    phone.fill_disk(leave_bytes=1 << 20)
    target = device(adb_server, phone)
    with pytest.raises((adbutils.AdbError, OSError)):
        target.sync.push(bytes(4 << 20), f"{TMP}/big")
    phone.free_disk()
    target.sync.push(bytes(4 << 20), f"{TMP}/big")
    assert phone.path(f"{TMP}/big").stat().st_size == 4 << 20


def test_a_killed_adb_server_comes_back_on_its_port(adb_server: AdbServer, phone: Phone) -> None:
    port = adb_server.port
    adb_server.kill()
    with pytest.raises(OSError, match="refused"):
        adb_server.devices()
    adb_server.start()
    assert adb_server.port == port
    adb_server.connect(phone)
    assert shell(adb_server, phone, "true")[0] == 0


def _ignore(action: Callable[[], object]) -> None:
    try:
        action()
    except (adbutils.AdbError, EOFError, OSError):
        return
