"""Where a variant runs. One file per kind of target; its name is the kind.

A target module offers two functions, found by the file's name::

    def discover(options: Mapping[str, str]) -> Sequence[TargetStatus]
    def open(address: str | None, plan: Plan, options: Mapping[str, str]) -> Target

``discover`` tells what is here, with a hint for what is not ready; ``open`` makes a target of one
address (a serial; None where a kind has only one place). Options are the kind's own, by name,
described in its docstring; where the module has ``OPTIONS``, their names, any other is refused.

A target that has a method ``answers`` (:class:`AnsweringTarget`) is also asked what it answers to
test samples, and that is held against this machine's interpreter. One that has ``start_pair``
(:class:`StartingTarget`) can tell a cold start from a warm one.

Reaching a device is not measuring on it: a target knows how to prepare and launch one variant, and
nothing of blocks, retries, statistics or files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bench.values import Environment, Launch, StartPair, Variant

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


@dataclass(frozen=True)
class OutputForm:
    """One output of a file as it is written: numpy's name of its type, the shape of one sample."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Questions:
    """Samples for a target to answer.

    Attributes:
        inputs: in the file's order and the types of its tensors; (samples, …).
        outputs: in the file's order.
        batches: samples of each process, in order; a batch may be larger than what is left, and
            then holds the last sample several times.
    """

    inputs: tuple[NDArray[Any], ...]
    outputs: tuple[OutputForm, ...]
    batches: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.inputs[0])


@dataclass(frozen=True, eq=False)
class RawAnswers:
    """What a target answered.

    Attributes:
        outputs: in the file's order, in the types of its tensors; empty where they are not whole.
        fault: why they are not whole, in a few words.
        processes: that it took.
    """

    outputs: tuple[NDArray[Any], ...]
    fault: str = ""
    processes: int = 0


class AnsweringTarget(Target, Protocol):
    """A target that can also be asked for a model's answers, run as its launches are run."""

    def answers(self, variant: Variant, questions: Questions, progress: Progress) -> RawAnswers:
        """Run the samples with the delegate, threads and cores that launches run with.

        Raises:
            StableLaunchError: it cannot be asked, or the same would fail again.
            TransientLaunchError: it may pass when tried again.
        """


class StartingTarget(Target, Protocol):
    """A target that can start a variant with an empty cache, and with the cache that this left."""

    def no_warm_start(self, variant: Variant, progress: Progress) -> tuple[str, str]:
        """Why it cannot with this variant, and a hint; both empty where nothing is against it.

        Raises:
            LaunchError: the target is lost.
        """

    def start_pair(self, variant: Variant, number: int, progress: Progress) -> StartPair:
        """Start it in two fresh processes, the second with what the first has kept.

        Raises:
            StableLaunchError: nothing was kept, or the same would fail again.
            TransientLaunchError: it may pass when tried again.
        """
