"""The adb server on the host: found or started, asked for its devices, and ended if it was ours.

Nothing here compares versions: a client that does so, as every ``adb`` command, ends a server of
another version, and with it what others measure. So a server is started by the words that ``adb``
itself uses for that, which fail where the port is taken, and never by ``adb start-server``.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from adbutils import AdbClient, AdbConnection, AdbError
from adbutils._utils import adb_path

from bench.errors import TargetError
from bench.targets._adb.address import Address, of_environment, parse_address
from bench.targets._adb.devices import Attached, by_network, parse_devices

CONNECT_S = 3.0
START_S = 30.0
READY_S = 10.0
POLL_S = 0.05

_START = 'exec 3>"$1"; shift; "$@" fork-server server --reply-fd 3 </dev/null >/dev/null 2>&1 &'
"""AOSP, packages/modules/adb/adb.cpp, launch_server: it answers OK, or why not, at that number."""

_lock = threading.Lock()  # one start at a time, when several phones find their server gone
_ours: dict[Address, socket.socket] = {}
"""Servers that this process started, each with a connection that breaks when it ends."""


class _Connection(AdbConnection):  # type: ignore[misc]  # adbutils tells no types
    """adbutils' connection, but for what it does where none answers: ``adb start-server``.

    That would start a server at another port than the one asked for, or end one of another version.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        super().__init__(*address)

    def _safe_connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, CONNECT_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


class _Client(AdbClient):  # type: ignore[misc]  # adbutils tells no types
    """adbutils' client on such connections."""

    def make_connection(self, timeout: float | None = None) -> AdbConnection:
        """See adbutils. Raises OSError where no server answers."""
        connection = _Connection(Address(self.host, self.port))
        connection.conn.settimeout(timeout)
        return connection


class Server:
    """An adb server; one on this machine is started when there is none.

    Args:
        address: ``HOST:PORT``; by default what adb's own environment variables say.
    """

    def __init__(self, address: str | None = None) -> None:
        """Raises TargetError for what is no address."""
        self.address = of_environment() if address is None else parse_address(address)
        self.client = _Client(*self.address)

    def ensure(self) -> None:
        """Make sure that it answers.

        Raises:
            TargetError: it does not, and could not be started.
        """
        # adbutils would start a server here even if the one asked for is on another machine.
        if self._answers():
            return
        if not self.address.local:
            raise TargetError(
                f"no adb server answers at {self.address}",
                hint="start it there with: adb -a nodaemon server start; and check the firewall",
            )
        try:
            adb = adb_path()
        except AdbError as fault:
            raise TargetError(
                "there is no adb program here", hint="install Android's platform-tools"
            ) from fault
        with _lock:
            said = "" if self._answers() else self._start(adb)
        if not self._answers():
            raise TargetError(
                f"the adb server did not start at {self.address} ({said or 'it said nothing'})",
                hint=f"run {adb} -P {self.address.port} start-server and see what it says",
            )

    def _start(self, adb: str) -> str:
        """Start it with its look-out for paired phones (mDNS), or without if it hangs in that."""
        said = self._start_once(adb, dict(os.environ))
        if not self._answers() and "ADB_MDNS" not in os.environ:
            said = self._start_once(adb, {**os.environ, "ADB_MDNS": "0"}) or said
        if self._answers():
            _remember(self.address)
        return said

    def _start_once(self, adb: str, env: dict[str, str]) -> str:
        """What it said when it did not come up."""
        with tempfile.TemporaryDirectory(prefix="tflite-bench-") as folder:
            reply = Path(folder) / "reply"
            where = f"tcp:localhost:{self.address.port}"
            command = ["sh", "-c", _START, "sh", str(reply), adb, "-L", where]
            if os.name == "nt":
                command = [adb, "-P", str(self.address.port), "start-server"]
            try:
                subprocess.run(
                    command,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=START_S,
                    start_new_session=True,  # Ctrl-C here must not end everybody's server
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as fault:
                return str(fault)
            # It listens some seconds before it has looked for phones and answers: OK comes last.
            deadline = time.monotonic() + READY_S
            said = ""
            while not said and time.monotonic() < deadline and os.name != "nt":
                said = reply.read_text(errors="replace").strip() if reply.exists() else ""
                time.sleep(POLL_S)
            return said.splitlines()[-1] if said else ""

    def _answers(self) -> bool:
        try:
            with socket.create_connection(self.address, CONNECT_S):
                return True
        except OSError:
            return False

    def devices(self) -> list[Attached]:
        """Every device with its state.

        Raises:
            TargetError: no server, and none could be started.
        """
        self.ensure()
        return parse_devices(self._ask("host:devices-l"))

    def version(self) -> int:
        """Of the protocol that it speaks, 41 since 2018. Raises as :meth:`devices`."""
        self.ensure()
        return int(self._ask("host:version"), 16)

    def _ask(self, request: str) -> str:
        try:
            with self.client.make_connection(timeout=CONNECT_S) as connection:
                connection.send_command(request)
                connection.check_okay()
                return str(connection.read_string_block())
        except (AdbError, OSError, EOFError, ValueError) as fault:
            raise TargetError(
                f"the adb server at {self.address} broke off ({fault})",
                hint="restart it: adb kill-server, adb start-server",
            ) from fault

    def state(self, serial: str) -> str:
        """The state of one device, ``absent`` if it is not there. Raises as :meth:`devices`."""
        return next((each.state for each in self.devices() if each.serial == serial), "absent")

    def rejoin(self, serial: str) -> None:
        """Connect a network phone again, by address or mDNS name; one on USB comes by itself."""
        if not by_network(serial):
            return
        try:
            # While it is listed as offline, connecting would only say "already connected".
            self.client.disconnect(serial)
            self.client.connect(serial, timeout=CONNECT_S)
        except (AdbError, OSError, EOFError, ValueError):
            return  # the caller looks at the state, and tries until its bound


def clashing_version(server: int) -> int | None:
    """The version of the ``adb`` on the PATH if it is not the server's; each use would end that."""
    adb = shutil.which("adb")
    if adb is None:
        return None
    try:
        said = subprocess.run(
            [adb, "version"], capture_output=True, text=True, timeout=CONNECT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Android Debug Bridge version \d+\.\d+\.(\d+)", said)
    return int(found[1]) if found and int(found[1]) != server else None


def _remember(address: Address) -> None:
    """Keep a connection to a server that we started, and end it when this process ends."""
    if not _ours:
        atexit.register(_end_ours)
    try:
        _ours[address] = socket.create_connection(address, CONNECT_S)
    except OSError:
        return  # gone again already


def _end_ours() -> None:
    """End the servers that we started, unless somebody else is connected or they ended before."""
    for address, connection in _ours.items():
        with connection:
            if _lives(connection) and _connections(address) == 1:
                _kill(address)
    _ours.clear()


def _lives(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _connections(address: Address) -> int:
    """How many connections a server of this machine has, ours included; 0 where nobody can tell.

    Where that is unknown (outside Linux) the server stays, as one that ``adb`` started would.
    """
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            # sl, local address, remote address, state: 01 is ESTABLISHED
            _, local, _, state, *_ = line.split()
            count += local.endswith(f":{address.port:04X}") and state == "01"
    return count


def _kill(address: Address) -> None:
    try:
        with _Client(*address).make_connection(timeout=CONNECT_S) as connection:
            connection.send_command("host:kill")
    except (AdbError, OSError, EOFError):
        return  # it ended by itself
