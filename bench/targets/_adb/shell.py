"""Reaching one phone: a command and its whole answer, a pushed file, in spite of cut cables."""

from __future__ import annotations

import shlex
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from adbutils import AdbError

from bench.errors import StableLaunchError, TargetError
from bench.targets import Progress
from bench.targets._adb.reply import Answer, CutAnswerError, read
from bench.targets._adb.server import Server

STALL_S = 15.0
PUSH_STALL_S = 30.0
CHUNK_BYTES = 64 * 1024
POLL_S = 0.5


class DisconnectedError(Exception):
    """The phone or the adb server went away in the middle."""


class PushRefusedError(Exception):
    """The phone did not take a file, and said why."""


class Shell(Protocol):
    """The one seam between us and adb; ``tests.fakes.FakeShell`` is its other side."""

    @property
    def serial(self) -> str:
        """The phone's serial, by which alone it is addressed."""

    def run(self, command: str, stall_s: float) -> bytes:
        """All that a command prints, both streams together.

        Raises:
            DisconnectedError: nothing was heard for ``stall_s`` seconds, or the connection broke.
        """

    def push(self, sources: Mapping[str, Path], mode: int) -> None:
        """Write files there, by remote path, in place.

        Raises:
            DisconnectedError: the connection broke; a partial file may be left.
            PushRefusedError: the phone said no (full, read-only, not allowed).
        """

    def revive(self) -> bool:
        """Try once to get the phone back; whether it is ready.

        Raises:
            TargetError: there is no adb server and none can be started.
        """


class AdbShell:
    """A phone through the adb server, over the ``exec:`` service (raw bytes, Android 5 and up)."""

    def __init__(self, server: Server, serial: str) -> None:
        self._server = server
        self._serial = serial

    @property
    def serial(self) -> str:
        """See :class:`Shell`."""
        return self._serial

    def run(self, command: str, stall_s: float = STALL_S) -> bytes:
        """See :class:`Shell`."""
        with self._service(f"exec:{command}", stall_s) as conn:
            parts = []
            while part := conn.recv(CHUNK_BYTES):
                parts.append(part)
            return b"".join(parts)

    def push(self, sources: Mapping[str, Path], mode: int) -> None:
        """See :class:`Shell`.

        Not adbutils' own: that one waits without bound and forgets the reason of a refusal.
        """
        with self._service("sync:", PUSH_STALL_S) as conn:
            for remote, source in sources.items():
                _send_file(conn, source, remote, mode)

    def revive(self) -> bool:
        """See :class:`Shell`."""
        state = self._server.state(self._serial)
        if state in ("absent", "offline"):
            self._server.rejoin(self._serial)
            state = self._server.state(self._serial)
        return state == "device"

    @contextmanager
    def _service(self, service: str, stall_s: float) -> Iterator[socket.socket]:
        """A connection to one service of the phone; whatever breaks it is DisconnectedError.

        adbutils' own way in asks for the server's version first, and pauses at every close: 20 ms a
        call, which would be the most of a launch's overhead.
        """
        try:
            self._server.ensure()
            connection = self._server.client.make_connection(timeout=stall_s)
            try:
                for request in (f"host:transport:{self._serial}", service):
                    connection.send_command(request)
                    connection.check_okay()
                yield connection.conn
            finally:
                connection.conn.close()
        except (AdbError, OSError, EOFError, ValueError, TargetError) as fault:
            raise DisconnectedError(_reason(fault)) from fault


def _reason(fault: BaseException) -> str:
    return str(fault) or type(fault).__name__


def _send_file(conn: socket.socket, source: Path, remote: str, mode: int) -> None:
    """The SEND request of adb's sync protocol (AOSP, packages/modules/adb/SYNC.TXT)."""
    target = f"{remote},{0o100000 | mode}".encode()
    conn.sendall(b"SEND" + struct.pack("<I", len(target)) + target)
    try:
        with source.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                conn.sendall(b"DATA" + struct.pack("<I", len(chunk)) + chunk)
        conn.sendall(b"DONE" + struct.pack("<I", int(time.time())))
    except (BrokenPipeError, ConnectionResetError):
        pass  # a full phone says FAIL and closes while we still send: its reason is waiting
    status, length = struct.unpack("<4sI", _receive(conn, 8))
    if status != b"OKAY":
        raise PushRefusedError(_receive(conn, length).decode(errors="replace") or status.decode())


def _receive(conn: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = conn.recv(count - len(data))
        if not part:
            raise EOFError("the connection broke off")
        data += part
    return data


class Link:
    """A shell with patience: what breaks is asked again until the phone is back or the bound ends.

    So only commands may be asked that do no harm when carried out twice.

    Args:
        shell: the way to the phone.
        reconnect_s: how long to wait for a phone that went away.
        closing: set when the harness leaves; every wait then ends at once.
    """

    def __init__(self, shell: Shell, reconnect_s: float, closing: threading.Event) -> None:
        self.shell = shell
        self._reconnect_s = reconnect_s
        self._closing = closing
        self._gone = False

    def ask(self, command: str, progress: Progress, stall_s: float = STALL_S) -> Answer:
        """A command's whole answer.

        Raises:
            StableLaunchError: class ``device_lost``: the phone did not come back in time.
        """
        return self.patiently(lambda: read(self.shell.run(command, stall_s)), progress)

    def patiently(self, act: Callable[[], Answer], progress: Progress) -> Answer:
        """Do something harmless to repeat until it works. Raises as :meth:`ask`."""
        # A phone once given up gets one look, not the whole wait, until it is back.
        deadline = time.monotonic() if self._gone else None
        while True:
            try:
                answer = act()
            except (DisconnectedError, CutAnswerError) as fault:
                if deadline is None:
                    deadline = time.monotonic() + self._reconnect_s
                self._wait(deadline, str(fault), progress)
            else:
                self._gone = False
                return answer

    def _wait(self, deadline: float, why: str, progress: Progress) -> None:
        """Return when the phone is back."""
        serial, back = self.shell.serial, False
        while not self._closing.is_set():
            try:
                back = self.shell.revive()
            except TargetError as fault:
                back, why = False, fault.message
            left = deadline - time.monotonic()
            if left <= 0:
                break
            progress(
                f"waiting for {serial} to {'answer' if back else 'come back'}, {left:.0f} s left"
            )
            self._closing.wait(min(POLL_S, left))
            if back:
                return
        self._gone = True
        if back:
            raise StableLaunchError(
                f"{serial} is attached and does not answer ({why})",
                hint="restart the phone, and run the same command again: it goes on",
                error_class="device_lost",
            )
        raise StableLaunchError(
            f"{serial} is gone ({why})",
            hint="plug it in, check adb devices, and run the same command again: it goes on",
            error_class="device_lost",
        )


def quote(*words: object) -> str:
    """Words as one command for a POSIX shell, each kept whole whatever it holds."""
    return " ".join(shlex.quote(str(word)) for word in words)
