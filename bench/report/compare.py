"""Two report files side by side: what became slower, larger or less accurate, and for certain?

Variants are matched by recipe, setting and target: one setting is found among several of the other
file, and what only one file has is left out by name. Environments that differ in anything that a
latency depends on are refused by name, unless asked for: such a comparison tells the phones apart
and not the models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.cells import (
    SETTING_FACTS,
    USABLE,
    base_of,
    cell_of,
    files_of,
    normalised_settings,
    words,
)
from bench.errors import UsageError
from bench.metrics.values import Score
from bench.records import Records
from bench.report.changed_scores import accuracy_losses
from bench.report.losses import ROUNDING, Verdict, judge_all
from bench.stats import stopping
from bench.stats.summary import compare_unpaired
from bench.values import Comparison, Environment, Plan, Variant

INCIDENTAL_FACTS = frozenset(
    {"python", "serial", "battery_level", "celsius", USABLE, *SETTING_FACTS}
)
"""Facts of an environment that two comparable figures may differ in; settings are matched alone."""

DECISIVE_FIELDS = (
    "input_shapes",
    "input_ranges",
    "real_inputs",
    "signature",
    "tool_args",
    "profile",
)
"""Of a plan, what changes what is measured, and not only how surely; besides its settings."""


@dataclass(frozen=True)
class Tolerances:
    """What counts as a regression, each None where it does not.

    Attributes:
        latency: fraction by which a median may grow, 0.05 for 5 %.
        size: fraction by which a file may grow.
        accuracy: how much of the metric that decides may be lost, 0.01 for one point (of an error:
            by how much it may grow, 0.01 for 1 %).
    """

    latency: float | None = None
    size: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Change:
    """One variant on one target, old against new.

    Attributes:
        latency: new time over old, with interval; None where one side has no launches.
        gate: ``pass``, ``regression`` or ``can't tell`` against the limit (or against no change).
        more_launches: how many would tell, None where none would or none are needed.
        size_ratio: new bytes over old.
        losses: what the new one loses against the old one, per output; empty where not known.
        accuracy: the losses against their limit, None without a limit.
        not_compared: why accuracies cannot be compared; empty where they are.
        regressions: what lies for certain beyond its limit: ``latency``, ``size``, ``accuracy``.
    """

    variant: str
    target: str
    latency: Comparison | None
    gate: stopping.GateResult
    more_launches: int | None
    size_ratio: float
    losses: tuple[Score, ...]
    accuracy: Verdict | None
    not_compared: str
    regressions: tuple[str, ...]


def changes(old: Records, new: Records, limits: Tolerances, *, across: bool) -> tuple[Change, ...]:
    """Compare all variants that both files have.

    Args:
        across: compare though the environments differ; targets are then matched by their kind
            where their ids differ.

    Raises:
        UsageError: nothing to match, other models, or environments that cannot be compared.
    """
    if not across:
        _check_models(old, new)
    pairs = list(_matched_targets(old, new, across=across))
    if not across:
        for before, after in pairs:
            _check_comparable(before, after)
        _check_plans(old, new)
    shared = _matched_cells(old, new, across=across)
    together = len(files_of(variant for _, variant in shared))
    found = [
        _change(old, new, before, after, cells, limits, together)
        for before, after in pairs
        for cells in shared
    ]
    if not found:
        raise UsageError(
            f"{old.path} and {new.path} share no variant on a target",
            hint="measure the same recipes on the same target, or use --across",
        )
    return tuple(found)


def left_out(old: Records, new: Records, *, across: bool) -> tuple[str, ...]:
    """What only one of two files has, a line for each file; empty where both have the same."""
    shared = _matched_cells(old, new, across=across)
    notes = []
    for records, matched in (
        (old, {a.name for a, _ in shared}),
        (new, {b.name for _, b in shared}),
    ):
        alone = [each.name for each in records.session.variants if each.name not in matched]
        if alone:
            notes.append(f"left out, in {records.path} alone: {', '.join(alone)}")
    return tuple(notes)


def _matched_cells(
    old: Records, new: Records, *, across: bool
) -> Sequence[tuple[Variant, Variant]]:
    """Each variant under each setting that both files have, as the old one has it and the new one.

    Across environments, where no setting is shared, by name alone.
    """
    theirs = {cell_of(each, old.session.plan): each for each in old.session.variants}
    mine = [(cell_of(each, new.session.plan), each) for each in new.session.variants]
    found = [(theirs[cell], each) for cell, each in mine if cell in theirs]
    if found or not across:
        return found
    by_name = {each.name: each for each in old.session.variants}
    return [(by_name[each.name], each) for _, each in mine if each.name in by_name]


def comparable_facts(environment: Environment) -> dict[str, object]:
    """The facts of an environment that must be equal for two latencies to be compared."""
    return {name: fact for name, fact in environment.facts.items() if name not in INCIDENTAL_FACTS}


def differences(before: Environment, after: Environment) -> list[str]:
    """What makes two environments incomparable, each as ``name (one against other)``."""
    old, new = comparable_facts(before), comparable_facts(after)
    return [
        f"{name} ({_short(old, name)} against {_short(new, name)})"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def measured_alike(plan: Plan) -> dict[str, object]:
    """The fields of a plan that must be equal for two latencies to be compared."""
    return {name: getattr(plan, name) for name in DECISIVE_FIELDS}


def _matched_targets(
    old: Records, new: Records, *, across: bool
) -> Iterable[tuple[Environment, Environment]]:
    by_id = {environment.target: environment for environment in old.environments}
    by_kind = {environment.kind: environment for environment in old.environments}
    for after in new.environments:
        before = by_id.get(after.target)
        if before is None:
            # Another serial of the same kind: named as a difference, unless that is wanted.
            before = by_kind.get(after.kind)
        if before is not None and (across or before.kind == after.kind):
            yield before, after


def _check_comparable(before: Environment, after: Environment) -> None:
    different = differences(before, after)
    if different:
        raise UsageError(
            f"{before.target} and {after.target} differ in {', '.join(different)}",
            hint="measure both in the same environment, or compare all the same with --across",
        )


def _check_models(old: Records, new: Records) -> None:
    """Two states of one model have one name; their content may well differ."""
    before, after = old.session.model, new.session.model
    if before.name != after.name:
        raise UsageError(
            f"two models: {old.path} is of {before.name}, {new.path} of {after.name}",
            hint="compare two reports of one model, or compare all the same with --across",
        )


def _check_plans(old: Records, new: Records) -> None:
    before, after = measured_alike(old.session.plan), measured_alike(new.session.plan)
    for name in DECISIVE_FIELDS:
        if before[name] != after[name]:
            raise UsageError(
                f"the files differ in {name} ({before[name]} against {after[name]})",
                hint="measure both alike, or compare all the same with --across",
            )
    first, second = (normalised_settings(records.session.plan) for records in (old, new))
    if set(first).isdisjoint(second):
        every = (*first, *second)
        told = ("; ".join(words(each, every) for each in side) for side in (first, second))
        raise UsageError(
            f"the files share no setting ({' against '.join(told)})",
            hint="measure both alike, or compare all the same with --across",
        )


def _short(facts: Mapping[str, object], name: str) -> str:
    text = str(facts.get(name, "none"))
    return text if len(text) <= 60 else f"{text[:57]}…"


def _change(
    old: Records,
    new: Records,
    before: Environment,
    after: Environment,
    cells: tuple[Variant, Variant],
    limits: Tolerances,
    together: int,
) -> Change:
    theirs, variant = cells
    first = old.launches_of(before.target, theirs.name)
    second = new.launches_of(after.target, variant.name)
    latency = None
    gate: stopping.GateResult = "can't tell"
    more = None
    if first and second:
        latency = compare_unpaired(first, second)
        gate = stopping.gate(latency, limits.latency or 0.0)
        if gate == "can't tell":
            more = stopping.launches_to_know(latency)
            more = more or stopping.launches_to_tell(latency, limits.latency or 0.0)
    size_ratio = variant.size_bytes / theirs.size_bytes
    lost, samples, not_compared = accuracy_losses(old, new, base_of(variant))
    accuracy = None
    if limits.accuracy is not None:
        accuracy = judge_all(lost, samples, limits.accuracy, together * max(len(lost), 1))
    beyond = {
        "latency": limits.latency is not None and gate == "regression",
        "size": limits.size is not None and size_ratio > 1.0 + limits.size + ROUNDING,
        "accuracy": accuracy is not None and accuracy.answer == "broken",
    }
    return Change(
        variant=max(theirs.name, variant.name, key=len),  # where one of them tells the setting
        target=after.target,
        latency=latency,
        gate=gate,
        more_launches=more,
        size_ratio=size_ratio,
        losses=lost,
        accuracy=accuracy,
        not_compared=not_compared,
        regressions=tuple(name for name, is_beyond in beyond.items() if is_beyond),
    )


def verdict(change: Change, limits: Tolerances) -> str:
    """What a change means against the limits, in words; without any, what is known of the time."""
    if change.regressions:
        return f"regression: {', '.join(change.regressions)}"
    if limits == Tolerances() and change.latency is not None:
        told = change.latency.verdict
        more = change.more_launches if told == "no clear change" else None
        return f"{told}: about {more} more launches would tell" if more else told
    unsure = [*_unsure_of_latency(change, limits), *_unsure_of_accuracy(change)]
    return f"can't tell: {'; '.join(unsure)}" if unsure else "pass"


def _unsure_of_latency(change: Change, limits: Tolerances) -> Iterable[str]:
    if limits.latency is None or change.gate == "pass":
        return
    if change.latency is None:
        yield "one side has no launches"
    elif change.more_launches is None:
        yield "the change in latency lies at the limit"
    else:
        yield f"about {change.more_launches} more launches would"


def _unsure_of_accuracy(change: Change) -> Iterable[str]:
    if change.accuracy is None or change.accuracy.answer != "can't tell":
        return
    if change.not_compared:
        yield f"accuracy: {change.not_compared}"
    elif change.accuracy.more_samples is None:
        yield "the loss lies at the limit, or its interval is not known"
    else:
        yield f"about {change.accuracy.more_samples:,} more samples would"
