"""A private adb server: a port, keys and devices of its own, none of the user's touched."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import rundir
from .host import LoopbackError
from .phone import Phone

HOST = "127.0.0.1"
# 5037 is the user's own server, and servers look for emulators from 5555 to 5585 by themselves.
AVOID = {5037, *range(5555, 5586)}
REQUEST_TIMEOUT_S = 15.0  # the server itself tries to connect for ten
START_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 20.0
CONNECT_TRY_S = 3.0


def adb_binary() -> Path:
    """The adb that the adbutils wheel carries, or else the one on the path."""
    spec = importlib.util.find_spec("adbutils")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).parent / "binaries" / "adb"
        if carried.exists():
            return carried
    found = shutil.which("adb")
    if found is None:
        raise LoopbackError("no adb: install the Python package adbutils, or adb itself")
    return Path(found)


class AdbServer:
    """An adb server on a port of its own; started by `start()` or `with`."""

    def __init__(self) -> None:
        """Describe the server; nothing runs yet."""
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run_dir: Path | None = None

    @property
    def address(self) -> str:
        """HOST:PORT, as `--adb-server` takes it."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the running server."""
        if self._process is None:
            raise LoopbackError("the adb server does not run")
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """What to add to the environment so that any adb client uses this server and its keys."""
        if self._run_dir is None:
            raise LoopbackError("the adb server has not been started")
        return {
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "ANDROID_USER_HOME": str(self._run_dir),
            "HOME": str(self._run_dir),
            # No look-out for other devices: nothing but what is connected by hand.
            "ADB_MDNS": "0",
            "ADB_USB": "0",
            "ADB_EMU": "0",
        }

    def start(self) -> AdbServer:
        """Start the server; when this returns it answers."""
        if self._process is not None:
            raise LoopbackError("the adb server runs already")
        if self._run_dir is None:
            self._run_dir = rundir.new("adb")
        with (self._run_dir / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [adb_binary(), "-L", f"tcp:localhost:{self.port}", "nodaemon", "server"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )
        rundir.record(self._run_dir, self._process.pid)
        if not _holds(self._answers, START_TIMEOUT_S):
            said = (self._run_dir / "log").read_text(errors="replace")[-500:]
            self.stop()
            raise LoopbackError(f"the adb server did not come up: {said}")
        return self

    def kill(self) -> None:
        """Crash the server; `start` brings it back, on the same port, knowing no device."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill the server if it runs, and start it again."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End the server and remove its keys and log."""
        self.kill()
        if self._run_dir is not None:
            shutil.rmtree(self._run_dir)
            rundir.release()
            self._run_dir = None

    def __enter__(self) -> AdbServer:
        """Start the server unless it runs."""
        return self if self._process is not None else self.start()

    def __exit__(self, *raised: object) -> None:
        """Stop the server."""
        self.stop()

    def connect(self, phone: Phone, timeout_s: float = CONNECT_TIMEOUT_S) -> str:
        """Make the server know a phone, wait until it is ready, and return its serial."""
        serial = phone.serial
        end = time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            # What the server may still hold of a phone that went away would be taken for connected.
            self.disconnect(serial)
            self.request(f"host:connect:{serial}")
            if _holds(lambda: self.state(serial) == "device", min(left, CONNECT_TRY_S)):
                return serial
        raise LoopbackError(f"{serial} did not become ready in {timeout_s:.0f} s")

    def disconnect(self, serial: str) -> None:
        """Make the server forget a phone, whether it knows it or not."""
        try:
            self.request(f"host:disconnect:{serial}")
        except (LoopbackError, OSError):
            return

    def state(self, serial: str) -> str:
        """The state of a device as adb calls it, `unknown` where it knows of none."""
        return self.devices().get(serial, "unknown")

    def devices(self) -> dict[str, str]:
        """Every device the server knows, and its state."""
        lines = self.request("host:devices").splitlines()
        return {serial: state for serial, _, state in (line.partition("\t") for line in lines)}

    def request(self, service: str) -> str:
        """Ask the server for one service of the host and return its answer."""
        with socket.create_connection((HOST, self.port), timeout=REQUEST_TIMEOUT_S) as link:
            message = service.encode()
            link.sendall(b"%04x" % len(message) + message)
            with link.makefile("rb") as reader:
                verdict = reader.read(4)
                length = reader.read(4)
                answer = reader.read(int(length, 16) if length else 0).decode(errors="replace")
        if verdict != b"OKAY":
            raise LoopbackError(f"adb server: {answer or 'closed the connection'}")
        return answer

    def _answers(self) -> bool:
        try:
            return bool(self.request("host:version"))
        except (OSError, LoopbackError):
            return False


def _free_port() -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in AVOID:
            return port


def _holds(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Whether a condition comes to hold in time."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
