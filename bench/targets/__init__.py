"""Where a variant runs. One file per kind of target; its name is the kind.

A target module offers two functions, found by the file's name::

    def discover(options: Mapping[str, str]) -> Sequence[TargetStatus]
    def open(address: str | None, plan: Plan, options: Mapping[str, str]) -> Target

``discover`` tells what is here, with a hint for what is not ready; ``open`` makes a target of one
address (a serial; None where a kind has only one place). Options are the kind's own, by name,
described in its docstring; where the module has ``OPTIONS``, their names, any other is refused.

Reaching a device is not measuring on it: a target knows how to prepare and launch one variant, and
nothing of blocks, retries, statistics or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.values import Environment, Launch, Variant

Progress = Callable[[str], None]
"""Told in a few words what a target waits for or does, such as ``cooling 41.2 °C``."""


@dataclass(frozen=True)
class TargetStatus:
    """One line of ``bench targets``.

    Attributes:
        target: as ``-t`` takes it.
        state: in a word.
        label: for people.
        hint: what to do about it; empty where the target is ready.
        meant: whether the kind's name alone means it, among others.
        broken: no target, but a way to targets (a server) that was asked for and does not work.
    """

    target: str
    state: str
    label: str
    hint: str = ""
    meant: bool = True
    broken: bool = False

    @property
    def ready(self) -> bool:
        """Whether a launch can start there now."""
        return not self.hint


class Target(Protocol):
    """A place where variants are launched, as a context manager.

    Entering connects, takes the device for us alone and applies settings; leaving undoes them,
    whatever happened between. All methods raise errors of ``bench.errors`` only.
    """

    @property
    def id(self) -> str:
        """``local`` or ``adb:SERIAL``."""

    def __enter__(self) -> Target: ...

    def __exit__(self, *raised: object) -> None: ...

    def environment(self) -> Environment:
        """What must be equal for two figures to be compared."""

    def prepare(self, variants: Sequence[Variant], progress: Progress) -> None:
        """Bring the variants to the target once, before the first launch."""

    def launch(self, variant: Variant, block: int, progress: Progress) -> Launch:
        """Run one fresh process.

        Raises:
            StableLaunchError: the same launch would fail again.
            TransientLaunchError: it may pass when tried again.
        """

    def cancel(self) -> None:
        """End the running launch, from another thread: it raises TransientLaunchError there."""
