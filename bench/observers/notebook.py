"""Progress in a notebook: what is going on, brought up to date, and lines that stay."""

from __future__ import annotations

import html
import threading
from typing import Any

from bench.observers import Observer


class Notebook(Observer):
    """Shows what is being done in the output of the cell that runs; needs IPython alone.

    ::

        bench.run("model.keras", observer=Notebook())

    Raises:
        ImportError: there is no IPython, and so no notebook.
    """

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._going: dict[str, str] = {}
        self._handle: Any = display(HTML(""), display_id=True)

    def step(self, what: str, done: int, total: int) -> None:
        """A bar, gone when all is done."""
        with self._lock:
            if total and done >= total:
                self._going.pop(what, None)
            else:
                bar = f"<progress value={done} max={total}></progress> {done} of {total}"
                self._going[what] = bar if total else ""
            self._show()

    def note(self, what: str, words: str) -> None:
        """A few words instead of the bar."""
        with self._lock:
            self._going[what] = html.escape(words)
            self._show()

    def finish(self, prefix: str = "") -> None:
        """Take away what begins so."""
        with self._lock:
            self._going = {k: v for k, v in self._going.items() if not k.startswith(prefix)}
            self._show()

    def inform(self, words: str) -> None:
        """A line that stays."""
        with self._lock:
            self._lines.append(html.escape(words))
            self._show()

    def warn(self, words: str) -> None:
        """A line that stays, in bold."""
        with self._lock:
            self._lines.append(f"<b>{html.escape(words)}</b>")
            self._show()

    def _show(self) -> None:
        going = [f"{html.escape(what)} {how}" for what, how in self._going.items()]
        self._handle.update(self._html("<br>".join([*self._lines, *going])))
