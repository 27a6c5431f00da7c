"""Who is told what a run does while it does it: nobody, a terminal, a notebook, or your own class.

:func:`bench.run` prints nothing. It tells an observer, which shows what it likes::

    class Fastest(bench.Observer):
        def outcome(self, value):
            if isinstance(value, bench.Launch):
                print(value.variant, value.latency.median_us)

    bench.run("model.keras", observer=Fastest())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.metrics.values import Accuracy, DeviceAnswers
    from bench.values import Environment, Failure, Launch, StartPair, Variant

    Outcome = Variant | Accuracy | Environment | Launch | DeviceAnswers | StartPair | Failure


class Observer:
    """Told what a run does; does nothing with it. The base of all others.

    Methods may be called from several threads, one per target.
    """

    def step(self, what: str, done: int, total: int) -> None:
        """So much of something is done; ``total`` 0 means that nobody knows how much there is."""

    def note(self, what: str, words: str) -> None:
        """What ``what`` waits for or does at the moment; it replaces the note before it."""

    def finish(self, prefix: str = "") -> None:
        """Everything whose ``what`` begins so is over."""

    def inform(self, words: str) -> None:
        """Something the user should know: a line that stays."""

    def warn(self, words: str) -> None:
        """Something that went wrong: a line that stays, also where little is wanted to be told."""

    def outcome(self, value: Outcome) -> None:
        """A variant was built, evaluated, launched, asked or started, a target reached, or one
        failed.
        """


SILENT = Observer()
"""Tells nobody: the default of :func:`bench.run`."""
