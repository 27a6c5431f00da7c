"""That a loopback phone starts fast, and leaves nothing however its harness ends."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import loopback
from .loopback import AdbServer, Image, LoopbackError, Phone, network, processes, rundir
from .loopback.image import build, recipe_key


def _links() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def _cables() -> set[str]:
    """Numbers of links: a name may meanwhile be that of another test's cable."""
    found = set()
    for path in Path("/sys/class/net").glob("*/ifindex"):
        with contextlib.suppress(OSError):  # one of another test's that goes meanwhile
            found.add(path.read_text())
    return found


def _namespaces() -> set[str]:
    """The network and pid namespaces that some process is in."""
    found = set()
    for kind in ("net", "pid"):
        for path in Path("/proc").glob(f"[0-9]*/ns/{kind}"):
            try:
                found.add(str(path.readlink()))
            except OSError:
                continue
    return found


def test_stop_leaves_nothing(image: Image) -> None:
    mounts = Path("/proc/mounts").read_text()
    with contextlib.ExitStack() as pinned:
        with loopback.running(2, ["flagship", "older"]) as phones:
            folders = [phone.persona.folder.parent for phone in phones]
            cables = {Path(f"/sys/class/net/{each.link}/ifindex").read_text() for each in phones}
            pids = [p.pid for phone in phones for p in processes.in_namespace_of(phone.pid)]
            spaces = [
                Path(f"/proc/{phone.pid}/ns/{kind}") for phone in phones for kind in ("net", "pid")
            ]
            own = {str(path.readlink()) for path in spaces}
            for path in spaces:  # held, so that no phone of another test gets their numbers
                pinned.enter_context(path.open())
            assert len(pids) == 4
            assert len(own) == 4
            assert cables <= _cables()
            assert Path("/proc/mounts").read_text() == mounts  # they are in the phones' namespaces
        assert not any(processes.find(pid) for pid in pids)
        assert not own & _namespaces()
    assert not cables & _cables()
    assert Path("/proc/mounts").read_text() == mounts
    assert not any(folder.exists() for folder in folders)


def test_stop_twice_and_use_after_stop(image: Image) -> None:
    phone = Phone(image=image).start()
    with pytest.raises(LoopbackError, match="runs already"):
        phone.start()
    phone.stop()
    phone.stop()
    with pytest.raises(LoopbackError, match="does not run"):
        phone.unplug()
    with phone:
        assert phone.adbd() is not None


HOLD = """
import sys, time
from tests.phone.loopback import AdbServer, Phone
phone, server = Phone().start(), AdbServer().start()
server.connect(phone)
print(phone.pid, server.pid, phone.link, phone.persona.folder, flush=True)
time.sleep(60)
"""


@pytest.fixture
def own_cache(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what runs, the built image shared: others sweep and stop, too."""
    cache = tmp_path / "tflite-bench" / "loopback"
    cache.mkdir(parents=True)
    (cache / "images").symlink_to(image.folder.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache


@pytest.mark.usefixtures("own_cache")
def test_a_harness_killed_with_9_leaves_nothing_after_the_next_start() -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        pid, server_pid, link, folder = holder.stdout.readline().split()
        phone, server = processes.find(int(pid)), processes.find(int(server_pid))
        assert phone is not None
        assert server is not None
        holder.kill()
        holder.wait()
    # The phone ends by itself, with the pipe that its harness held.
    end = time.monotonic() + 10
    while (phone.alive() or link in _links()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not phone.alive()
    assert link not in _links()
    assert server.alive()
    assert Path(folder).exists()
    rundir.sweep()
    assert not server.alive()
    assert not Path(folder).parent.parent.exists()


def test_a_sweep_leaves_what_is_in_use(adb_server: AdbServer, phone: Phone) -> None:
    rundir.sweep()
    assert phone.adbd() is not None
    assert adb_server.state(phone.serial) == "device"


def test_the_guard_route_comes_and_goes_with_the_phones(image: Image) -> None:
    show = ["ip", "route", "show", "type", "unreachable", network.RANGE]
    with Phone(image=image):
        assert subprocess.run(show, capture_output=True, text=True, check=True).stdout
    if not any(name.startswith("lbphone") for name in _links()):
        assert not subprocess.run(show, capture_output=True, text=True, check=True).stdout


def test_a_second_build_takes_no_time(image: Image) -> None:
    begin = time.monotonic()
    assert build().folder == image.folder
    assert time.monotonic() - begin < 1.0
    assert image.folder.name == recipe_key()


def test_the_command_line_starts_tells_and_stops(own_cache: Path) -> None:
    def loopback_command(*args: str) -> str:
        command = [sys.executable, "-m", "tests.phone.loopback", *args]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    assert "no phone runs" in loopback_command("status")
    said = loopback_command("start", "--count", "2", "--persona", "older")
    try:
        assert said.count("  older  ") == 2
        assert "--adb-server 127.0.0.1:" in said
        assert loopback_command("status").splitlines() == said.splitlines()[:-1]
        (facts_file,) = (own_cache / "run").glob("*/phones.json")
        folders = [phone["state"] for phone in json.loads(facts_file.read_text())["phones"]]
        assert all(Path(folder).exists() for folder in folders)
    finally:
        assert "stopped 2 phones" in loopback_command("stop")
    assert list((own_cache / "run").iterdir()) == []


def test_run_ends_cleanly_with_ctrl_c(image: Image) -> None:
    command = [sys.executable, "-m", "tests.phone.loopback", "run"]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        state = Path(holder.stdout.readline().split()[-1])
        assert state.is_dir()
        holder.send_signal(signal.SIGINT)
        assert holder.wait(10) == 0
    assert not state.parent.parent.exists()
