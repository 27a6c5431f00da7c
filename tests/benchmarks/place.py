"""Whether the place of a launch within its block matters: the same file, by where it ran.

A block runs every variant once, in an order drawn from the seed. If the first of a block, or the
one after the largest, is always a little slower, then a session whose seed puts one name there more
often sees a difference between two names of one file. Over seeds that evens out; with the same
seeds each time, the same sessions raise the same alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench import schedule
from bench.stats.intervals import Floats, quantile_interval
from bench.stats.summary import compare_paired
from bench.values import Launch, Plan, Variant

Launches = Mapping[str, Sequence[Launch]]
"""Of one session, by the variant's name."""


@dataclass(frozen=True)
class Placed:
    """One session: two names of one file, and where they ran.

    Attributes:
        seed: that the order was drawn from.
        differences: logarithm of the second's level over the first's, by block.
        earlier: whether the second ran before the first, by block.
        after_other: whether each ran right after the third variant: (blocks, 2), first and second.
        alarm: whether a difference was called.
    """

    seed: int
    differences: Floats
    earlier: NDArray[np.bool_]
    after_other: NDArray[np.bool_]
    alarm: bool


def placed(files: Sequence[Variant], plan: Plan, made: Launches, same: tuple[str, str]) -> Placed:
    """The order is not kept with a launch: it follows from the seed and the block's number."""
    first, second = ({launch.block: launch for launch in made[name]} for name in same)
    blocks = sorted(first.keys() & second.keys())
    orders = [[file.name for file in schedule.order(files, plan, block)] for block in blocks]
    after = [
        [order.index(name) > 0 and order[order.index(name) - 1] not in same for name in same]
        for order in orders
    ]
    return Placed(
        seed=plan.seed,
        differences=np.array([_level(second[b]) - _level(first[b]) for b in blocks]),
        earlier=np.array([order.index(same[1]) < order.index(same[0]) for order in orders]),
        after_other=np.array(after),
        alarm=compare_paired(made[same[0]], made[same[1]]).verdict != "no clear change",
    )


def _level(launch: Launch) -> float:
    return math.log(launch.latency.median_us or launch.latency.mean_us)


def report(made: Sequence[Placed]) -> Iterator[str]:
    """What place does, and where the alarms were, as Markdown."""
    later = np.concatenate([np.where(s.earlier, -s.differences, s.differences) for s in made])
    follower = np.concatenate([_follower(session) for session in made])
    yield f"- the later of the two in a block: {_effect(later)}"
    yield f"- right after the third file, against not: {_effect(follower)}"
    yield ""
    yield "| blocks in which the second name ran first | sessions | alarms |"
    yield "|---|---|---|"
    for low, high in ((0.0, 0.35), (0.35, 0.65), (0.65, 1.01)):
        those = [s for s in made if low <= s.earlier.mean() < high]
        alarms = sum(session.alarm for session in those)
        yield f"| {low:.0%} to {min(high, 1.0):.0%} | {len(those)} | {alarms} |"
    yield ""
    for session in made:
        if session.alarm:
            ratio = math.exp(float(np.median(session.differences)))
            first = int(session.earlier.sum())
            yield f"- seed {session.seed}: {ratio:.4f}, {first} of {len(session.earlier)} first"


def _follower(session: Placed) -> Floats:
    """How much slower the one that ran after the third file was, where only one of the two did."""
    first, second = session.after_other.T
    signs = second.astype(int) - first.astype(int)
    followers: Floats = (session.differences * signs)[signs != 0]
    return followers


def _effect(differences: Floats) -> str:
    """The median of logarithms of ratios, with its 95 % interval."""
    if len(differences) < 6:
        return "too few blocks"
    value, low, high = (float(np.expm1(end)) for end in quantile_interval(differences, 0.5))
    return f"{value:+.2%} [{low:+.2%}, {high:+.2%}] ({len(differences)} blocks)"
