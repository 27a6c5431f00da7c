"""Stand-ins for the seams whose real counterparts need a process or a phone: target and shell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.errors import BenchError
from bench.targets import Progress
from bench.values import Environment, Launch, Variant
from tests.examples import launch

Handler = Callable[[str, int], Launch | BenchError | None]
"""Told a variant's name and a block; gives a launch, an error to raise, or None for a good one."""


class FakeTarget:
    """A target that answers as its handler says and writes down what is asked of it."""

    def __init__(
        self,
        target_id: str = "local",
        handler: Handler = lambda variant, block: None,
        *,
        on_enter: BenchError | None = None,
    ) -> None:
        self._id = target_id
        self._handler = handler
        self._on_enter = on_enter
        self.launched: list[tuple[str, int]] = []
        self.entered = self.left = 0
        self.cancelled = threading.Event()

    @property
    def id(self) -> str:
        return self._id

    def __enter__(self) -> FakeTarget:
        if self._on_enter is not None:
            raise self._on_enter
        self.entered += 1
        return self

    def __exit__(self, *raised: object) -> None:
        self.left += 1

    def environment(self) -> Environment:
        return Environment(self._id, "local", "a fake")

    def prepare(self, variants: Sequence[Variant], progress: Progress) -> None:
        progress("preparing")

    def launch(self, variant: Variant, block: int, progress: Progress) -> Launch:
        self.launched.append((variant.name, block))
        answer = self._handler(variant.name, block)
        if isinstance(answer, BenchError):
            raise answer
        return answer or launch(variant.name, block, target=self._id)

    def cancel(self) -> None:
        self.cancelled.set()


ShellHandler = Callable[[str], "bytes | Exception"]
"""Told a command; gives what it prints, or an error to raise."""


class FakeShell:
    """A phone's shell: ``handler`` answers each command with bytes, or with an error to raise.

    Commands are kept in ``commands``, pushed files in ``pushed`` (remote path to content); a push
    is answered by the handler too, as ``push REMOTE``. ``revivals`` says how often the phone has to
    be looked for until it is back.
    """

    def __init__(self, handler: ShellHandler, serial: str = "FAKE1", revivals: int = 1) -> None:
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
