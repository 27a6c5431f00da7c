"""Launch every variant on every target: interleaved, retried, and resumed where it stopped.

Variants are launched in shuffled blocks, every variant once per block, so that drift and heat fall
on all alike (Georges et al., "Statistically Rigorous Java Performance Evaluation", OOPSLA 2007, on
launches as the unit; asv and others interleave for the same reason). The order of a block depends
on the seed and the block's number alone: a resumed session goes on in the order it would have had.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from bench.errors import BenchError, LaunchError, TransientLaunchError
from bench.targets import Target
from bench.values import Environment, Failure, Launch, Plan, Variant

Outcome = Launch | Failure | Environment
Cell = tuple[str, str, int]
"""Target id, variant name, block: what is launched once."""

Note = Callable[[str, str], None]
"""Told a target's id and in a few words what it does or waits for."""

LOST_CLASSES = ("device_lost", "device_busy", "gate", "disk_full")
"""After one of these, further launches on that target would only wait for the same bound again."""


@dataclass(frozen=True)
class Work:
    """What is to be launched, what of it is done already, and a way to end it early."""

    variants: tuple[Variant, ...]
    plan: Plan
    done: frozenset[Cell] = frozenset()
    stop: threading.Event = field(default_factory=threading.Event)


def order(variants: Sequence[Variant], plan: Plan, block: int) -> list[Variant]:
    """The variants of one block, shuffled from the plan's seed and the block's number."""
    shuffled = list(variants)
    random.Random(f"{plan.seed} {block}").shuffle(shuffled)
    return shuffled


def measure(targets: Sequence[Target], work: Work, note: Note) -> Iterator[Outcome]:
    """Launch all that is not done, one worker thread per target, all targets side by side.

    Yields:
        Each target's environment, then launches and failures as they happen. A failure marked
        ``discarded`` was tried again; any other is a cell without a figure.
    """
    outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue()
    threads = [
        threading.Thread(
            target=_work, args=(target, work, note, outcomes), name=target.id, daemon=True
        )
        for target in targets
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            outcome = outcomes.get()
            if outcome is None:
                running -= 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                yield outcome
    finally:
        # Also after Ctrl-C: each target is left by its own thread, which undoes its settings.
        work.stop.set()
        for target in targets:
            target.cancel()
        for thread in threads:
            thread.join()


def _work(
    target: Target,
    work: Work,
    note: Note,
    outcomes: queue.Queue[Outcome | BaseException | None],
) -> None:
    """One target from its first launch to its last, in a thread of its own."""
    try:
        for outcome in _launch_all(target, work, note):
            outcomes.put(outcome)
    except BaseException as fault:
        outcomes.put(fault)  # raised again where the outcomes are read
    finally:
        outcomes.put(None)


def _launch_all(target: Target, work: Work, note: Note) -> Iterator[Outcome]:
    def progress(words: str) -> None:
        note(target.id, words)

    try:
        with target:
            yield target.environment()
            target.prepare(work.variants, progress)
            yield from _launch_blocks(target, work, progress)
    except BenchError as error:
        # Nothing can be launched there: all its cells fail, and the other targets go on.
        for variant in work.variants:
            if any(cell not in work.done for cell in _cells(target, variant, work.plan)):
                yield _failure(target, variant, None, error)


def _launch_blocks(
    target: Target, work: Work, progress: Callable[[str], None]
) -> Iterator[Outcome]:
    given_up: set[str] = set()
    for block in range(work.plan.launches):
        for variant in order(work.variants, work.plan, block):
            if work.stop.is_set():
                return
            if variant.name in given_up or (target.id, variant.name, block) in work.done:
                continue
            for outcome in _try(target, variant, block, work, progress):
                yield outcome
                if isinstance(outcome, Failure) and not outcome.discarded:
                    if outcome.error_class in LOST_CLASSES:
                        raise LaunchError(
                            outcome.message, hint=outcome.hint, error_class=outcome.error_class
                        )
                    given_up.add(variant.name)


def _try(
    target: Target,
    variant: Variant,
    block: int,
    work: Work,
    progress: Callable[[str], None],
) -> Iterator[Launch | Failure]:
    """One cell: a launch, or after the last try a failure; discarded tries come before."""
    for left in reversed(range(work.plan.retries + 1)):
        if work.stop.is_set():
            return
        try:
            yield target.launch(variant, block, progress)
        except TransientLaunchError as error:
            yield replace(_failure(target, variant, block, error), discarded=left > 0)
        except LaunchError as error:
            yield _failure(target, variant, block, error)
            return
        else:
            return


def _cells(target: Target, variant: Variant, plan: Plan) -> list[Cell]:
    return [(target.id, variant.name, block) for block in range(plan.launches)]


def _failure(target: Target, variant: Variant, block: int | None, error: BenchError) -> Failure:
    return Failure(
        variant=variant.name,
        target=target.id,
        block=block,
        error_class=getattr(error, "error_class", "target"),
        message=error.message,
        hint=error.hint,
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
