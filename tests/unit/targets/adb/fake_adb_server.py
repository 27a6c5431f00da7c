"""An adb server of a few lines: it lists what it is told, and connects what it is asked to."""

from __future__ import annotations

import socket
import threading
from types import TracebackType


class FakeAdbServer:
    """Answers ``devices-l``, ``version``, ``connect`` and ``disconnect``; remembers requests.

    Attributes:
        listed: its answer to ``host:devices-l``.
        requests: all that it was asked, in order.
        on_connect: what ``listed`` becomes by a connect.
    """

    def __init__(self, listed: str = "", version: int = 41) -> None:
        self.listed = listed
        self.version = version
        self.requests: list[str] = []
        self.on_connect: str | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeAdbServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        length = connection.recv(4)
        if len(length) < 4:
            return  # only looked whether somebody is here
        request = connection.recv(int(length, 16)).decode()
        self.requests.append(request)
        kind = request.split(":", 2)[1]
        answer = {"devices-l": self.listed, "version": f"{self.version:04x}"}.get(kind, kind)
        if kind == "connect" and self.on_connect is not None:
            self.listed = self.on_connect
        content = answer.encode()
        connection.sendall(b"OKAY%04x" % len(content) + content)
