"""Progress on standard error: bars on a terminal, one line per stage elsewhere, or nothing."""

from __future__ import annotations

import re
import sys
import threading
from typing import Any

from bench.observers import Observer

_NUMBER = re.compile(r"[\d.,]+")


class Terminal(Observer):
    """Shows what is being done, as a context manager; safe to call from several threads.

    Args:
        quiet: tell of faults alone.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._lock = threading.Lock()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._quiet = quiet
        self._plain = not quiet and not sys.stderr.isatty()
        self._said: set[str] = set()
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )

    def __enter__(self) -> Terminal:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def step(self, what: str, done: int, total: int) -> None:
        """So much of something is done; ``total`` 0 means that nobody knows how much there is."""
        with self._lock:
            if self._bars is not None:
                task = self._task(what)
                self._bars.update(task, completed=done, total=total or None)
                if total and done >= total:
                    self._bars.remove_task(self._tasks.pop(what))
            elif self._plain and what not in self._said:
                self._said.add(what)
                print(what, file=sys.stderr, flush=True)

    def note(self, what: str, words: str) -> None:
        """A few words beside a bar: what is being waited for."""
        with self._lock:
            if self._bars is not None:
                self._bars.update(self._task(what), note=words)
                return
            # A log is told once what is waited for, not again at each new temperature.
            said = _NUMBER.sub("", f"{what}: {words}")
            if self._plain and words and said not in self._said:
                self._said.add(said)
                print(f"{what}: {words}", file=sys.stderr, flush=True)

    def inform(self, words: str) -> None:
        """One line that stays, above any bars; not when quiet."""
        if not self._quiet:
            self.warn(words)

    def warn(self, words: str) -> None:
        """One line that stays, above any bars; also when quiet, since it tells of a fault."""
        with self._lock:
            if self._bars is not None:
                self._bars.console.print(words, markup=False, highlight=False, soft_wrap=True)
            else:
                print(words, file=sys.stderr, flush=True)

    def finish(self, prefix: str = "") -> None:
        """Take away all bars whose description begins so."""
        with self._lock:
            for what in [name for name in self._tasks if name.startswith(prefix)]:
                self._bars.remove_task(self._tasks.pop(what))

    def _task(self, what: str) -> Any:
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=None, note="")
        return self._tasks[what]
