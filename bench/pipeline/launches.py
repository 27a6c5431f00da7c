"""Launch all that a report file does not hold yet, each outcome saved the moment it is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from bench.errors import LOST_CLASSES, StoreError
from bench.measure import Ask, Job, Outcome, measure
from bench.metrics.values import Accuracy, DeviceAnswers
from bench.observers import Observer
from bench.pipeline.tally import Tally
from bench.records import End, Writer, read
from bench.report.setting_warnings import setting_warnings
from bench.targets import Target
from bench.text import duration
from bench.values import Environment, Failure, Launch, Plan, StartPair

_WORDS = {"wrong": "wrong", "differs": "others than here"}


def launch_all(
    writer: Writer,
    known: Sequence[Accuracy | Failure],
    targets: Sequence[Target],
    observer: Observer,
    ask: Ask | None = None,
) -> None:
    """Save what is known, then launch what the file's session wants and the file does not hold.

    Args:
        writer: of the report file; its session says which variants are launched and how.
        known: what was evaluated, and what could not be built or evaluated.
        targets: those of the session, not entered.
        observer: told how far each target is.
        ask: asks targets what variants answer there; None asks for nothing.

    Raises:
        KeyboardInterrupt: passed on; what was launched is in the file.
    """
    try:
        _launch_all(writer, known, targets, observer, ask)
    except KeyboardInterrupt:
        with contextlib.suppress(StoreError):
            count = len(read(writer.path).launches)
            observer.warn(
                f"interrupted: {count} launches are kept in {writer.path}; the same command goes on"
            )
        raise


def _launch_all(
    writer: Writer,
    known: Sequence[Accuracy | Failure],
    targets: Sequence[Target],
    observer: Observer,
    ask: Ask | None,
) -> None:
    records = read(writer.path)
    for item in known:
        if item not in (*records.accuracies, *records.failures):
            writer.append(item)
    begin = time.perf_counter()
    launches_s = 0.0
    left = False  # whether a target was left before all its cells were tried: to be gone on with
    answered = {(a.target, a.variant) for a in records.answers if a.verdict != "not known"}
    job = Job(
        records.session.variants,
        records.session.plan,
        records.launches,
        ask=ask,
        answered=frozenset(answered),
        started=records.starts,
    )
    tally = Tally(records)
    told: set[str] = set()
    for outcome in measure(targets, job, lambda target, words: observer.note(_bar(target), words)):
        writer.append(outcome)
        observer.outcome(outcome)
        if isinstance(outcome, Launch):
            # What a phone's tool took is told apart from the way there and back.
            launches_s += outcome.facts.get("tool_s", outcome.wall_s)
            tally.add(outcome)
            if left_s := tally.left_s(outcome.target, time.perf_counter() - begin):
                observer.inform(f"{outcome.target}: about {duration(left_s)} to go")
        if isinstance(outcome, DeviceAnswers | StartPair):
            launches_s += outcome.wall_s
        if isinstance(outcome, Environment | Launch):
            tally.show(outcome.target, _bar(outcome.target), observer)
        left = left or _is_left(outcome)
        _tell(outcome, told, records.session.plan, observer)
    if left:
        return
    wall_s = time.perf_counter() - begin
    # Targets are measured side by side: one second of the wall's is one second of each of theirs.
    writer.append(End(wall_s=wall_s, launches_s=launches_s / len(targets)))


def _is_left(outcome: Outcome) -> bool:
    """Whether a target was left before all was tried there."""
    if isinstance(outcome, StartPair):
        return outcome.error_class in LOST_CLASSES
    return isinstance(outcome, Failure) and outcome.block is None


def _tell(outcome: Outcome, told: set[str], plan: Plan, observer: Observer) -> None:
    """Odd settings, bad answers, and why there is no warm start: once if true of several."""
    if isinstance(outcome, Environment):
        for warning in setting_warnings(plan, outcome):
            observer.warn(f"{warning.target}: {warning.message}: {warning.hint}")
    if isinstance(outcome, DeviceAnswers) and outcome.is_bad:
        who = f"{outcome.variant} on {outcome.target}"
        observer.warn(f"{who}: its answers are {_WORDS[outcome.verdict]}: {outcome.reason}")
    if isinstance(outcome, StartPair) and outcome.fault:
        words = f"{outcome.target}: no warm start measured: {outcome.fault}: {outcome.hint}"
        if words not in told:
            told.add(words)
            observer.inform(words)


def _bar(target: str) -> str:
    return f"measuring {target}"
