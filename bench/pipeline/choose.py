"""Which targets a user means: those named, else every phone that is ready, else this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bench import plugins
from bench.errors import TargetError
from bench.targets import Target, TargetStatus
from bench.values import Plan

Targets = str | Target | Sequence[str | Target]
"""Texts such as ``adb`` or ``adb:SERIAL``, or targets made by hand."""

Address = tuple[str, str | None]
"""Kind and address; None is the only place that a kind has."""

LOCAL: Address = ("local", None)

OURS = "samples"
"""The option that the harness itself gives."""


def open_targets(targets: Targets, plan: Plan, options: Mapping[str, str]) -> list[Target]:
    """The targets that are meant, each once.

    Raises:
        TargetError: no such kind, or no target of it is ready.
    """
    given = [targets] if isinstance(targets, str) or not isinstance(targets, Sequence) else targets
    kinds = {split(each)[0] for each in given if isinstance(each, str)}
    check_options(options, kinds or plugins.names("targets"))
    opened: dict[str, Target] = {}
    if not given:
        addresses = list(_phones(options)) or [LOCAL]
        given = [_open(*address, plan, options) for address in addresses]
    for each in given:
        if isinstance(each, str):
            for address in named([each], options):
                target = _open(*address, plan, options)
                opened[target.id] = target
        else:
            opened[each.id] = each
    return list(opened.values())


def check_options(options: Mapping[str, str], kinds: Collection[str]) -> None:
    """See that each option is one of a target that is meant, so that none is ignored.

    Raises:
        TargetError: one is not; the hint names the nearest.
    """
    known: set[str] = set()
    for kind in kinds:
        own = getattr(plugins.load("targets", kind), "OPTIONS", None)
        if own is None:
            return  # it checks its options itself
        known.update(own)
    for key in options:
        if key not in known and key != OURS:
            raise TargetError(
                f"no option {key!r} for {' or '.join(sorted(kinds))}",
                hint=plugins.nearest(key, sorted(known)),
            )


def named(texts: Sequence[str], options: Mapping[str, str]) -> Iterator[Address]:
    """The addresses of those names; a kind alone is every ready target of it.

    Raises:
        TargetError: as :func:`open_targets`.
    """
    for text in texts:
        kind, address = split(text)
        if kind == "local" or address is not None:
            yield kind, address
        else:
            yield from _all_ready(kind, options)


def split(text: str) -> Address:
    """``adb:SERIAL`` as kind and address.

    Raises:
        TargetError: there is no such kind.
    """
    kind, colon, address = text.partition(":")
    if kind not in plugins.names("targets"):
        raise TargetError(
            f"no target is called {text!r}", hint=plugins.nearest(kind, plugins.names("targets"))
        )
    if colon and not address:
        raise TargetError(f"{text!r} names no device", hint=f"write {kind} or {kind}:SERIAL")
    return kind, address or None


def ready_phones(options: Mapping[str, str], kinds: Sequence[str] = ()) -> list[str]:
    """The ids of all targets but this machine that can be launched on now and are meant.

    Args:
        options: of targets.
        kinds: to look among; none is all.

    Raises:
        TargetError: a server that was asked for does not answer, or a variable such as
            ANDROID_SERIAL means a target that is not here, though others are.
    """
    found: list[str] = []
    for kind in plugins.names("targets"):
        if kind != "local" and (not kinds or kind in kinds):
            statuses = plugins.load("targets", kind).discover(options)
            if any(status.ready or status.broken for status in statuses):
                found += _meant(kind, statuses)
    return found


def _open(kind: str, address: str | None, plan: Plan, options: Mapping[str, str]) -> Target:
    opened: Target = plugins.load("targets", kind, TargetError).open(address, plan, options)
    return opened


def _phones(options: Mapping[str, str]) -> Iterator[Address]:
    yield from map(split, ready_phones(options))


def _all_ready(kind: str, options: Mapping[str, str]) -> Iterator[Address]:
    yield from map(split, _meant(kind, plugins.load("targets", kind).discover(options)))


def _meant(kind: str, statuses: Sequence[TargetStatus]) -> list[str]:
    """The ready targets that a kind's name means.

    Raises:
        TargetError: there is none; or a server that was asked for does not answer: which targets
            are missing, nobody knows.
    """
    faults = [status for status in statuses if not status.ready and status.meant]
    for status in faults:
        if status.broken:
            raise TargetError(status.label, hint=status.hint)
    ready = [status.target for status in statuses if status.ready and status.meant]
    if not ready:
        hints = "; ".join(f"{each.target} is {each.state}: {each.hint}" for each in faults)
        raise TargetError(
            f"no {kind} target is ready", hint=hints or "plug in a phone with USB debugging on"
        )
    return ready
