"""The adb server on the host: found or started, asked for its devices and their states."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import adbutils
from adbutils import AdbClient, AdbError
from adbutils._utils import adb_path

from bench.errors import TargetError

CONNECT_S = 3.0
START_S = 30.0

HINTS: Mapping[str, str] = {
    "unauthorized": "unlock the phone and accept “Allow USB debugging”; if it does not ask, revoke "
    "the USB debugging authorisations in its developer options and plug it in again",
    "offline": "unplug it and plug it in again; over the network: adb disconnect, adb connect",
    "no permissions": "install your system's Android udev rules, or join the group plugdev, "
    "then unplug the phone and plug it in again",
    "recovery": "reboot it into Android: adb -s SERIAL reboot",
    "sideload": "leave the sideload screen, or: adb -s SERIAL reboot",
    "rescue": "reboot it into Android: adb -s SERIAL reboot",
    "bootloader": "reboot it into Android: fastboot -s SERIAL reboot",
    "authorizing": "wait a moment and try again; accept the dialogue on the phone if it shows one",
    "connecting": "wait a moment and try again",
    "host": "this is not a phone: name another serial",
}
"""What to do about each state but ``device``."""


@dataclass(frozen=True)
class Attached:
    """One line of ``adb devices -l``."""

    serial: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def hint(self) -> str:
        """What to do about its state; empty where it is ready."""
        if self.state == "device":
            return ""
        hint = HINTS.get(self.state, "unplug it, reboot it and plug it in again")
        return hint.replace("SERIAL", self.serial)


def parse_devices(text: str) -> list[Attached]:
    """Read the answer to ``host:devices-l``: a serial, a state of one or more words, tags."""
    devices = []
    for line in text.splitlines():
        serial, _, rest = line.strip().partition(" ")
        if not serial or not rest.strip():
            continue
        tags = dict(re.findall(r"\b(usb|product|model|device|transport_id):(\S+)", rest))
        state = rest.strip()
        # "no permissions (user in plugdev group; …); see [http://…]" and "unauthorized usb:1-2 …"
        state = "no permissions" if state.startswith("no perm") else state.split()[0]
        devices.append(Attached(serial, state, tags))
    return devices


class Server:
    """An adb server at ``host:port``; one on this machine is started when there is none."""

    def __init__(self, address: str | None = None) -> None:
        """Args: address: ``HOST:PORT``; by default what adb's own environment variables say."""
        host, _, port = (address or "").rpartition(":")
        self.host = host or os.environ.get("ANDROID_ADB_SERVER_HOST", "127.0.0.1")
        text = port or os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
        whole = address is None or (bool(host) and bool(port))
        if not whole or not text.isdigit() or not 0 < int(text) < 65536:
            raise TargetError(
                f"{address or text!r} is not the address of an adb server",
                hint="write HOST:PORT, such as 192.168.1.20:5037",
            )
        self.port = int(text)
        self.client = AdbClient(self.host, self.port)

    @property
    def local(self) -> bool:
        """Whether it is on this machine, so that we may start it."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    def ensure(self) -> None:
        """Make sure that it answers.

        Raises:
            TargetError: it does not, and could not be started.
        """
        # adbutils would start a server here even if the one asked for is on another machine.
        if self._answers():
            return
        where = f"{self.host}:{self.port}"
        if not self.local:
            raise TargetError(
                f"no adb server answers at {where}",
                hint="start it there with: adb -a nodaemon server start; and check the firewall",
            )
        try:
            adb = adb_path()
        except AdbError as fault:
            raise TargetError(
                "there is no adb program here", hint="install Android's platform-tools"
            ) from fault
        said = self._start(adb)
        if not self._answers():
            raise TargetError(
                f"the adb server did not start at {where} ({said or 'it said nothing'})",
                hint=f"run {adb} -P {self.port} start-server and see what it says",
            )

    def _start(self, adb: str) -> str:
        env = dict(os.environ)
        if Path(adb).is_relative_to(Path(adbutils.__file__).parent):
            # The program in the wheel looks for phones on the network, and may hang in that.
            env.setdefault("ADB_MDNS", "0")
        try:
            done = subprocess.run(
                [adb, "-P", str(self.port), "start-server"],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_S,
                start_new_session=True,  # Ctrl-C here must not end everybody's server
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            return str(fault)
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), CONNECT_S):
                return True
        except OSError:
            return False

    def devices(self) -> list[Attached]:
        """Every device with its state.

        Raises:
            TargetError: no server, and none could be started.
        """
        self.ensure()
        try:
            with self.client.make_connection(timeout=CONNECT_S) as connection:
                connection.send_command("host:devices-l")
                connection.check_okay()
                return parse_devices(connection.read_string_block())
        except (AdbError, OSError, EOFError, ValueError) as fault:
            raise TargetError(
                f"the adb server at {self.host}:{self.port} broke off ({fault})",
                hint="restart it: adb kill-server, adb start-server",
            ) from fault

    def state(self, serial: str) -> str:
        """The state of one device, ``absent`` if it is not there. Raises as :meth:`devices`."""
        return next((each.state for each in self.devices() if each.serial == serial), "absent")

    def rejoin(self, serial: str) -> None:
        """Connect a network phone again; one on USB comes back by itself."""
        if not re.fullmatch(r"\S+:\d+", serial):
            return
        try:
            # While it is listed as offline, connecting would only say "already connected".
            self.client.disconnect(serial)
            self.client.connect(serial, timeout=CONNECT_S)
        except (AdbError, OSError, EOFError, ValueError):
            return  # the caller looks at the state, and tries until its bound
