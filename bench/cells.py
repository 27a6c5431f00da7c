"""Cells: what is launched is a variant under a setting, and a plan may ask for several settings.

A cell is a copy of its variant with a name of its own, such as ``quantize:int8 @ 2 threads``, so
that blocks, pairing and statistics take it as they take any variant. Its file is built and
evaluated once, under the name of the variant (``base_of``). With one setting there is nothing to
tell apart, and variants are launched as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from bench.affinity import ALL, canonical
from bench.errors import UsageError
from bench.values import Facts, Plan, Setting, Variant

NO_CPUS: Mapping[str, str] = {}


def cross(
    threads: Sequence[int], delegates: Sequence[str | None], affinities: Sequence[str | None]
) -> tuple[Setting, ...]:
    """Every combination, threads last to change; the first of each make the first one.

    Raises:
        UsageError: one of them is named twice.
    """
    for flag, values in (
        ("--threads", threads),
        ("--delegate", delegates),
        ("--affinity", affinities),
    ):
        twice = [value for index, value in enumerate(values) if value in values[:index]]
        if twice:
            raise UsageError(f"{flag} names {twice[0]} twice", hint="name each value once")
    return tuple(Setting(*each) for each in product(threads, delegates, affinities))


def normalised(plan: Plan) -> Plan:
    """The plan with one text for one set of CPUs, as the command line has it.

    Raises:
        TargetError: an affinity cannot be read.
        UsageError: a setting is there twice.
    """
    settings = normalised_settings(plan)
    for index, setting in enumerate(settings):
        if setting in settings[:index]:
            raise UsageError(
                f"the plan has the setting {words(setting)} twice", hint="give each setting once"
            )
    return replace(
        plan,
        threads=settings[0].threads,
        delegate=settings[0].delegate,
        affinity=settings[0].affinity,
        settings=tuple(settings) if len(settings) > 1 else (),
    )


def normalised_settings(plan: Plan) -> list[Setting]:
    """All settings of a plan, each set of CPUs by one text. Raises TargetError: it is none."""
    return [replace(each, affinity=_canonical(each.affinity)) for each in settings_of(plan)]


def _canonical(affinity: str | None) -> str | None:
    return None if affinity in (None, ALL) else canonical(affinity)


def settings_of(plan: Plan) -> tuple[Setting, ...]:
    """All settings of a plan, at least one."""
    return plan.settings or (Setting(plan.threads, plan.delegate, plan.affinity),)


def setting_of(variant: Variant | None, plan: Plan) -> Setting:
    """What a variant is launched and asked with: the one way that targets learn it."""
    if variant is not None and variant.setting is not None:
        return variant.setting
    return Setting(plan.threads, plan.delegate, plan.affinity)


def plan_of(variant: Variant | None, plan: Plan) -> Plan:
    """The plan as if its setting were that of the variant alone."""
    mine = setting_of(variant, plan)
    return replace(
        plan, threads=mine.threads, delegate=mine.delegate, affinity=mine.affinity, settings=()
    )


def base_of(variant: Variant) -> str:
    """The name of the variant that a cell is of."""
    return variant.base or variant.name


def cell_of(variant: Variant, plan: Plan) -> tuple[str, Setting]:
    """By what cells of two reports are matched, whatever other settings each report has."""
    setting = setting_of(variant, plan)
    return base_of(variant), replace(setting, affinity=_canonical(setting.affinity))


def expand(variants: Iterable[Variant], plan: Plan) -> tuple[Variant, ...]:
    """The cells of each variant, one after the other; the variants themselves for one setting."""
    settings = settings_of(plan)
    if len(settings) == 1:
        return tuple(variants)
    return tuple(
        replace(
            variant,
            name=f"{variant.name} @ {words(setting, settings)}",
            setting=setting,
            base=variant.name,
        )
        for variant in variants
        for setting in settings
    )


def files_of(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """The variants that cells are of, each once and under its own name."""
    once = {base_of(variant): variant for variant in reversed(tuple(variants))}
    return tuple(
        replace(variant, name=name, setting=None, base="")
        for name, variant in reversed(list(once.items()))
    )


SETTING_FACTS = ("threads", "delegate", "affinity")
"""Facts of an environment that tell settings, which cells are matched by themselves."""


def setting_facts(
    plan: Plan, cpus: Mapping[str, str] = NO_CPUS, default: str = "default"
) -> dict[str, object]:
    """For an environment: threads, delegate and affinity; of several settings, lists of them.

    Args:
        plan: with its settings.
        cpus: that an affinity means there, by the text of the user.
        default: what the runtime's own delegate is called.
    """
    settings = settings_of(plan)
    return {
        # The names are those of SETTING_FACTS.
        "threads": _one_or_all(each.threads for each in settings),
        "delegate": _one_or_all(each.delegate or default for each in settings),
        "affinity": _one_or_all(
            None if each.affinity is None else cpus.get(each.affinity, each.affinity)
            for each in settings
        ),
    }


USABLE = "usable_cpus"
"""Of an environment's facts: by the text of an affinity (empty for none), CPUs of a launch."""


def beyond_cpus(plan: Plan, facts: Facts) -> Iterable[tuple[Setting, int]]:
    """Settings with more threads than CPUs, each with its number of CPUs.

    Args:
        plan: with its settings.
        facts: of the environment; where they do not tell the CPUs, nothing is known.
    """
    usable = facts.get(USABLE)
    for setting in settings_of(plan):
        number = usable.get(setting.affinity or "") if isinstance(usable, Mapping) else None
        if isinstance(number, int) and 0 < number < setting.threads:
            yield setting, number


def _one_or_all(values: Iterable[object]) -> object:
    once = list(dict.fromkeys(values))
    return once[0] if len(once) == 1 else once


def words(setting: Setting, among: Sequence[Setting] = ()) -> str:
    """``2 threads, gpu, CPUs 0-3``; of several settings only what differs among them."""
    parts = []
    if _differs(each.threads for each in among):
        parts.append(f"{setting.threads} {'thread' if setting.threads == 1 else 'threads'}")
    if _differs(each.delegate for each in among):
        named = {None: "default delegate", "none": "no delegate"}
        parts.append(named.get(setting.delegate, str(setting.delegate)))
    if _differs(each.affinity for each in among):
        parts.append(_cpus(setting.affinity))
    return ", ".join(parts)


def _cpus(affinity: str | None) -> str:
    if affinity is None:
        return "all CPUs"
    return f"{affinity} CPUs" if affinity in ("big", "little") else f"CPUs {affinity}"


def _differs(values: Iterable[object]) -> bool:
    return len(set(values)) != 1
