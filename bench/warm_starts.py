"""Cold starts against warm ones: pairs of further launches, after all launches for latency.

The first launch of a pair begins with an empty cache of the delegate's and fills it, the second
begins with that cache. Pairs come in shuffled blocks as launches do, and after them, so that no
latency is measured in another way than without.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import cast

from bench import schedule
from bench.errors import LOST_CLASSES, LaunchError, TransientLaunchError
from bench.targets import Progress, StartingTarget, Target
from bench.values import Plan, StartPair, Variant, utc_now

NO_TARGET = ("this kind of target keeps no cache between launches", "measure it on a phone")


def hindrances(
    target: Target, variants: Sequence[Variant], plan: Plan, progress: Progress
) -> Iterator[StartPair]:
    """For each variant that cannot be started warm there: why.

    Raises:
        LaunchError: the target is lost.
    """
    for variant in variants if plan.warm_starts else ():
        reason, hint = NO_TARGET
        if hasattr(target, "start_pair"):
            try:
                reason, hint = cast("StartingTarget", target).no_warm_start(variant, progress)
            except LaunchError as error:
                if error.error_class in LOST_CLASSES:
                    raise
                reason, hint = error.message, error.hint
        if reason:
            yield StartPair(
                variant.name, target.id, 0, fault=reason, hint=hint, started_at=utc_now()
            )


def pairs(
    target: Target,
    variants: Sequence[Variant],
    plan: Plan,
    done: Collection[tuple[str, int]],
    stop: threading.Event,
    progress: Progress,
) -> Iterator[StartPair]:
    """Launch what is not done.

    Args:
        target: entered and prepared.
        variants: those that can be started warm there, and were launched.
        plan: how many pairs, in which order, and how often each is tried.
        done: names of variants and numbers of pairs.
        stop: ends it.
        progress: told how far it is.

    Yields:
        Each pair; one with a fault is the last of its variant. Where the target is lost, one with
        the fault for each variant that is not done.
    """
    given_up: set[str] = set()
    for number in range(plan.warm_starts):
        for variant in schedule.order(variants, plan, number):
            if stop.is_set():
                return
            if variant.name in given_up or (variant.name, number) in done:
                continue
            progress(f"{variant.name}: cold and warm start {number + 1} of {plan.warm_starts}")
            pair = _try(cast("StartingTarget", target), variant, number, plan, stop, progress)
            if pair is None:
                return
            if pair.fault:
                given_up.add(variant.name)
            yield pair
            if pair.error_class in LOST_CLASSES:
                left = [each for each in variants if each.name not in given_up]
                yield from (replace(pair, variant=each.name) for each in left)
                return


def _try(
    target: StartingTarget,
    variant: Variant,
    number: int,
    plan: Plan,
    stop: threading.Event,
    progress: Progress,
) -> StartPair | None:
    """One pair, tried as often as a launch; None where it was stopped."""
    for left in reversed(range(plan.retries + 1)):
        try:
            return target.start_pair(variant, number, progress)
        except LaunchError as error:
            if stop.is_set():
                return None
            if not (left and isinstance(error, TransientLaunchError)):
                return StartPair(
                    variant.name,
                    target.id,
                    number,
                    fault=error.message,
                    hint=error.hint,
                    error_class=error.error_class,
                    started_at=utc_now(),
                )
    raise AssertionError("a plan has at least one try")
