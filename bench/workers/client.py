"""The harness's side of a worker: start its process, ask, listen to its answers, end it.

A worker answers in JSON lines on standard output: any number of ``{"progress": […]}`` and then one
answer. What it dies of, and how long it may take, is told here in one way for all.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import errors, workers

Answer = dict[str, Any]


def error_of(answer: Mapping[str, str]) -> errors.BenchError:
    """The error that an answer names: a type of ``bench.errors``, its message and its hint."""
    kind: type[errors.BenchError] = getattr(errors, answer["error"])
    return kind(answer["message"], hint=answer["hint"])


END_S = 10.0
"""So long is waited for a process that was asked to end."""


class WorkerEndedError(Exception):
    """The process ended without an answer.

    Attributes:
        how: ``by signal 11``, or ``with exit code 1``.
    """

    def __init__(self, code: int) -> None:
        self.how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        super().__init__(self.how)


class WorkerTimeoutError(Exception):
    """No answer came in time; the process was ended."""


class Worker:
    """A worker's process.

    Args:
        module: its full name, such as ``bench.workers.launch``.
        arguments: of its command line.
        log: where its standard error is appended; None drops it.
        environment: variables beside those of this process, which win.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with (log or Path(os.devnull)).open("ab") as stderr:
            self._process = subprocess.Popen(
                [*workers.command(module), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                env={**(environment or {}), **os.environ},
            )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def ask(self, job: Mapping[str, Any]) -> None:
        """Give it a job on standard input, as one line of JSON."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died before it could read: the answer that does not come says so

    def answer(
        self, progress: Callable[..., None] | None = None, *, timeout_s: float | None = None
    ) -> Answer:
        """Wait for its next answer.

        Args:
            progress: called with what each ``progress`` line holds.
            timeout_s: how long to wait.

        Raises:
            WorkerEndedError: it ended first.
            WorkerTimeoutError: the time is over; the process was ended.
        """
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(timeout_s or 0, end)
        timer.daemon = True
        if timeout_s is not None:
            timer.start()
        try:
            answer = self._next(progress)
        finally:
            timer.cancel()
        if answer is not None:
            return answer
        code = self._process.wait()
        if late.is_set():
            raise WorkerTimeoutError
        raise WorkerEndedError(code)

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()

    def hold(self, *, still: bool) -> None:
        """Stop it where it is, or let it go on; from any thread."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    def close(self) -> None:
        """End it, and give back what it holds."""
        self.kill()
        self._process.communicate()

    def end(self) -> None:
        """Ask it to end, which is as quick, but for what listens there, such as a tracer of ours.

        One that does not end is killed.
        """
        self._process.terminate()
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.close()

    def _next(self, progress: Callable[..., None] | None) -> Answer | None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = _parse(line)
            if "progress" not in answer:
                if answer:
                    return answer
            elif progress is not None:
                progress(*answer["progress"])
        return None


def _parse(line: str) -> Answer:
    """One answer; empty for what a library printed, and for a line that was torn by a kill."""
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
