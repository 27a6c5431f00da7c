"""Launch every variant on every target: interleaved, retried, and resumed where it stopped.

Variants are launched in shuffled blocks, every variant once per block, so that drift and heat fall
on all alike (Georges et al., "Statistically Rigorous Java Performance Evaluation", OOPSLA 2007, on
launches as the unit; asv and others interleave for the same reason). The order of a block depends
on the seed and the block's number alone: a resumed session goes on in the order it would have had.
How many blocks there are, and which variants each of them holds, says ``bench.schedule``.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench import schedule, warm_starts
from bench.errors import LOST_CLASSES, BenchError, LaunchError, TransientLaunchError
from bench.metrics.values import DeviceAnswers
from bench.targets import Progress, Target
from bench.values import Environment, Failure, Launch, Plan, StartPair, Variant, utc_now

Outcome = Launch | Failure | Environment | DeviceAnswers | StartPair
SoFar = defaultdict[str, list[Launch]]
"""Launches on one target by the variant's name, as they come."""

Note = Callable[[str, str], None]
"""Told a target's id and in a few words what it does or waits for."""

Ask = Callable[[Target, Variant, Sequence[Launch], Progress], DeviceAnswers | None]
"""Asks a target what a variant answers there, once it was launched."""


@dataclass(frozen=True)
class Job:
    """What is to be launched, what of it is done already, and a way to end it early.

    Attributes:
        variants: the baseline first.
        launches: those made in earlier sittings.
        ask: asks for answers, after each variant's first launch; None asks for none.
        answered: target and variant of those known from earlier sittings.
        started: pairs of cold and warm starts from earlier sittings.
    """

    variants: tuple[Variant, ...]
    plan: Plan
    launches: tuple[Launch, ...] = ()
    stop: threading.Event = field(default_factory=threading.Event)
    ask: Ask | None = None
    answered: frozenset[tuple[str, str]] = frozenset()
    started: tuple[StartPair, ...] = ()


def measure(targets: Sequence[Target], job: Job, note: Note) -> Iterator[Outcome]:
    """Launch all that is not done, one worker thread per target, all targets side by side.

    Yields:
        Each target's environment, then launches and failures as they happen. A failure marked
        ``discarded`` was tried again; any other is a cell without a figure.
    """
    outcomes: queue.Queue[Outcome | BaseException | None] = queue.Queue()
    threads = [
        threading.Thread(
            target=_work, args=(target, job, note, outcomes), name=target.id, daemon=True
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
        job.stop.set()
        for target in targets:
            target.cancel()
        for thread in threads:
            thread.join()


def _work(
    target: Target,
    job: Job,
    note: Note,
    outcomes: queue.Queue[Outcome | BaseException | None],
) -> None:
    """One target from its first launch to its last, in a thread of its own."""
    try:
        for outcome in _launch_all(target, job, note):
            outcomes.put(outcome)
    except BaseException as fault:
        outcomes.put(fault)  # raised again where the outcomes are read
    finally:
        outcomes.put(None)


def _launch_all(target: Target, job: Job, note: Note) -> Iterator[Outcome]:
    def progress(words: str) -> None:
        note(target.id, words)

    so_far: SoFar = defaultdict(list)
    for launch in job.launches:
        if launch.target == target.id:
            so_far[launch.variant].append(launch)
    try:
        with target:
            yield target.environment()
            target.prepare(job.variants, progress)
            hindered = list(warm_starts.hindrances(target, job.variants, job.plan, progress))
            yield from hindered
            yield from _launch_blocks(target, job, so_far, progress)
            without = {pair.variant for pair in hindered}
            left = [v for v in job.variants if so_far[v.name] and v.name not in without]
            yield from _start_pairs(target, job, left, progress)
    except BenchError as error:
        # Nothing can be launched there: all its cells fail, and the other targets go on.
        for variant in job.variants:
            if schedule.wants_more(so_far[variant.name], job.plan):
                yield _failure(target, variant, None, error)


def _launch_blocks(
    target: Target, job: Job, so_far: SoFar, progress: Callable[[str], None]
) -> Iterator[Outcome]:
    given_up: set[str] = set()
    asked = {variant for on, variant in job.answered if on == target.id}
    done = {(launch.variant, launch.block) for those in so_far.values() for launch in those}
    for block in range(schedule.most_launches(job.plan)):
        for variant in _block(job, given_up, so_far, block):
            if job.stop.is_set():
                return
            if (variant.name, block) in done:
                continue
            for outcome in _try(target, variant, block, job, progress):
                yield outcome
                if isinstance(outcome, Launch):
                    so_far[variant.name].append(outcome)
                elif not outcome.discarded:
                    if outcome.error_class in LOST_CLASSES:
                        raise LaunchError(
                            outcome.message, hint=outcome.hint, error_class=outcome.error_class
                        )
                    given_up.add(variant.name)
        yield from _ask_for_answers(target, job, so_far, asked, progress)


def _start_pairs(
    target: Target, job: Job, variants: Sequence[Variant], progress: Progress
) -> Iterator[StartPair]:
    """Cold and warm starts, after all launches: nothing that they do can touch a latency."""
    done = {
        (pair.variant, pair.number)
        for pair in job.started
        if pair.target == target.id and not pair.fault
    }
    yield from warm_starts.pairs(target, variants, job.plan, done, job.stop, progress)


def _ask_for_answers(
    target: Target, job: Job, so_far: SoFar, asked: set[str], progress: Progress
) -> Iterator[DeviceAnswers]:
    """What the target answers, of each variant that was launched and not asked about yet.

    After the first block, so that nonsense is told early: the first launch says how long it takes.
    """
    for variant in job.variants:
        if job.ask is None or variant.name in asked or not so_far[variant.name]:
            continue
        asked.add(variant.name)
        found = job.ask(target, variant, so_far[variant.name], progress)
        if job.stop.is_set():
            return
        if found is not None:
            yield found


def _block(job: Job, given_up: set[str], so_far: SoFar, block: int) -> list[Variant]:
    """What a block holds, in its order; the order of those left does not depend on the others."""
    if not job.variants:
        return []
    going = [variant for variant in job.variants if variant.name not in given_up]
    names = schedule.members(going, job.variants[0].name, so_far, job.plan, block)
    return [
        variant
        for variant in schedule.order(job.variants, job.plan, block)
        if variant.name in names
    ]


def _try(
    target: Target,
    variant: Variant,
    block: int,
    job: Job,
    progress: Callable[[str], None],
) -> Iterator[Launch | Failure]:
    """One cell: a launch, or after the last try a failure; discarded tries come before."""
    for left in reversed(range(job.plan.retries + 1)):
        if job.stop.is_set():
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


def _failure(target: Target, variant: Variant, block: int | None, error: BenchError) -> Failure:
    return Failure(
        variant=variant.name,
        target=target.id,
        block=block,
        error_class=getattr(error, "error_class", "target"),
        message=error.message,
        hint=error.hint,
        started_at=utc_now(),
    )
