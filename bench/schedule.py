"""Which variants want more launches, block by block, and what ``--until`` spent and saved.

With a fixed plan every variant is launched in each of ``launches`` blocks. With ``until`` launches
go on, in the same shuffled blocks, but a block holds only the variants whose median is not known
well enough yet (``bench.stats.stopping``), and with them the baseline: a launch without a partner
in its block says nothing of the ratio. What a block holds depends on the launches of the blocks
before it alone, so that a resumed session goes on as it would have. Each target goes its own way.
The order within a block depends on the seed and the block's number alone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.stats import stopping
from bench.values import Launch, Plan, Variant

ByVariant = Mapping[str, Sequence[Launch]]
"""Launches on one target so far, by the variant's name; a name may lack."""


def order(variants: Sequence[Variant], plan: Plan, block: int) -> list[Variant]:
    """The variants of one block, shuffled from the plan's seed and the block's number."""
    shuffled = list(variants)
    random.Random(f"{plan.seed} {block}").shuffle(shuffled)
    return shuffled


def most_launches(plan: Plan) -> int:
    """How many launches a variant gets on a target, at most."""
    return plan.launches if plan.until is None else plan.max_launches


def least_launches(plan: Plan) -> int:
    """How many launches a variant gets on a target if none fails, at least."""
    if plan.until is None:
        return plan.launches
    return max(plan.launches, stopping.MIN_LAUNCHES)


def wants_more(launches: Sequence[Launch], plan: Plan) -> bool:
    """Whether launches of one variant on one target are to go on, for its own sake."""
    if len(launches) >= most_launches(plan):
        return False
    if plan.until is None or len(launches) < plan.launches:
        return True
    return not stopping.enough(launches, plan.until)


def members(
    variants: Sequence[Variant], baseline: str, launches: ByVariant, plan: Plan, block: int
) -> frozenset[str]:
    """The names of the variants that a block holds; none of them where all is done.

    Args:
        variants: those that have not failed.
        baseline: goes along with every other one, if it has not failed itself.
        launches: on this target; only those of earlier blocks are looked at.
        plan: fixed, or with ``until``.
        block: its number.
    """
    if plan.until is None:
        return frozenset(variant.name for variant in variants if block < plan.launches)
    names = {
        variant.name
        for variant in variants
        if wants_more([x for x in launches.get(variant.name, ()) if x.block < block], plan)
    }
    if names:
        names |= {baseline} & {variant.name for variant in variants}
    return frozenset(names)


def still_wanted(variants: Sequence[Variant], launches: ByVariant, plan: Plan) -> dict[str, int]:
    """About how many launches more each variant will get, the baseline (the first) with them."""
    more = {
        variant.name: _still_wanted(launches.get(variant.name, ()), plan) for variant in variants
    }
    if plan.until is not None and more:
        baseline = variants[0].name
        room = plan.max_launches - len(launches.get(baseline, ()))
        more[baseline] = min(max(more.values()), room)
    return more


def _still_wanted(launches: Sequence[Launch], plan: Plan) -> int:
    if not wants_more(launches, plan):
        return 0
    least = plan.launches - len(launches)
    if plan.until is None:
        return least
    about = max(stopping.needed(launches, plan.until), least)
    return min(about, plan.max_launches - len(launches))


@dataclass(frozen=True)
class Spent:
    """What launching until the medians are known took on one target.

    Attributes:
        precision: that was asked for, 0.02 for 2 %.
        launches: of all variants together.
        fewest, most: launches of one variant.
        short: names of the variants whose median is not known well enough.
    """

    precision: float
    launches: int
    fewest: int
    most: int
    variants: int
    short: tuple[str, ...]

    @property
    def fixed(self) -> int:
        """Launches of the fixed plan that is as sure of each median.

        It does not know which variant is the noisy one: all get as many as that one took.
        """
        return self.most * self.variants

    @property
    def saved(self) -> int:
        """Launches that the fixed plan would have made besides."""
        return self.fixed - self.launches


def spent(launches: ByVariant, plan: Plan) -> Spent | None:
    """What ``until`` took and saved; None for a fixed plan, and where nothing was launched."""
    counts = [len(those) for those in launches.values() if those]
    if plan.until is None or not counts:
        return None
    return Spent(
        precision=plan.until,
        launches=sum(counts),
        fewest=min(counts),
        most=max(counts),
        variants=len(counts),
        short=tuple(
            name
            for name, those in launches.items()
            if those and not stopping.enough(those, plan.until)
        ),
    )
