"""What stands in at a seam whose real other side is tested elsewhere (``tests/phone``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Handler = Callable[[str], "bytes | Exception"]


class FakeShell:
    """A phone's shell: ``handler`` answers each command with bytes, or with an error to raise.

    Commands are kept in ``commands``, pushed files in ``pushed`` (remote path to content); a push
    is answered by the handler too, as ``push REMOTE``. ``revivals`` says how often the phone has to
    be looked for until it is back.
    """

    def __init__(self, handler: Handler, serial: str = "FAKE1", revivals: int = 1) -> None:
        self.handler = handler
        self.serial = serial
        self.revivals = revivals
        self.commands: list[str] = []
        self.pushed: dict[str, bytes] = {}

    def run(self, command: str, stall_s: float = 1.0) -> bytes:
        self.commands.append(command)
        return self._answer(command)

    def push(self, sources: Mapping[str, Path], mode: int) -> None:
        for remote, source in sources.items():
            self._answer(f"push {remote}")
            self.pushed[remote] = source.read_bytes()

    def revive(self) -> bool:
        self.revivals -= 1
        return self.revivals <= 0

    def _answer(self, command: str) -> bytes:
        answer = self.handler(command)
        if isinstance(answer, Exception):
            raise answer
        return answer
