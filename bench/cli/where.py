"""Which targets a command means: those named, else every phone that is ready, else local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench import plugins
from bench.cli import options
from bench.errors import TargetError
from bench.targets import TargetStatus

Address = tuple[str, str | None]
"""Kind and address; None is the only place that a kind has."""

LOCAL: Address = ("local", None)


def chosen(texts: Sequence[str], settings: Mapping[str, str]) -> list[Address]:
    """The targets named, or what a user would expect where none is.

    Raises:
        TargetError: no such kind, or no target of it is ready.
    """
    if texts:
        return list(named(texts, settings))
    return list(_phones(settings)) or [LOCAL]


def named(texts: Sequence[str], settings: Mapping[str, str]) -> Iterator[Address]:
    """The targets of those names; a kind alone is every ready target of it.

    Raises:
        TargetError: as :func:`chosen`.
    """
    for text in texts:
        kind, address = options.split_target(text)
        if kind == "local" or address is not None:
            yield kind, address
        else:
            yield from _all_ready(kind, settings)


def _phones(settings: Mapping[str, str]) -> Iterator[Address]:
    for kind in plugins.names("targets"):
        if kind != "local":
            statuses = plugins.load("targets", kind).discover(settings)
            if any(status.ready or status.broken for status in statuses):
                yield from _meant(kind, statuses)


def _all_ready(kind: str, settings: Mapping[str, str]) -> Iterator[Address]:
    yield from _meant(kind, plugins.load("targets", kind).discover(settings))


def _meant(kind: str, statuses: Sequence[TargetStatus]) -> Iterator[Address]:
    """The ready targets that a kind's name means.

    Raises:
        TargetError: there is none; or a server that was asked for does not answer: which targets
            are missing, nobody knows.
    """
    ready = [status for status in statuses if status.ready and status.meant]
    faults = [status for status in statuses if not status.ready and status.meant]
    for status in faults:
        if status.broken:
            raise TargetError(status.label, hint=status.hint)
    if not ready:
        hints = "; ".join(f"{each.target} is {each.state}: {each.hint}" for each in faults)
        raise TargetError(
            f"no {kind} target is ready", hint=hints or "plug in a phone with USB debugging on"
        )
    for status in ready:
        yield options.split_target(status.target)
