"""Finding phones: all that the adb servers know, or the one that is meant.

With one server a phone's address is its serial. With several it is ``SERIAL@HOST:PORT``, since
phones of two hosts may bear one serial, as cheap boards do.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.errors import TargetError
from bench.targets import TargetStatus
from bench.targets._adb.address import VARIABLES
from bench.targets._adb.devices import Attached
from bench.targets._adb.options import Options
from bench.targets._adb.server import Server, clashing_version

SERIAL = "ANDROID_SERIAL"


@dataclass(frozen=True)
class Found:
    """A device, where it was found, and what it is called here."""

    device: Attached
    server: Server
    address: str

    @property
    def ready(self) -> bool:
        """Whether commands can be run there."""
        return not self.device.hint


def named_servers(options: Options) -> bool:
    """Whether somebody asked for a server, by option or by one of adb's own variables."""
    return bool(options.adb_server) or any(os.environ.get(name) for name in VARIABLES)


def servers(options: Options) -> list[Server]:
    """Those named, else the one that adb's own environment variables mean. Raises TargetError."""
    named = list(dict.fromkeys(options.adb_server))
    return [Server(address) for address in named] if named else [Server()]


def on(server: Server, *, several: bool) -> list[Found]:
    """The devices of one server. Raises TargetError where it does not answer."""
    return [
        Found(each, server, f"{each.serial}@{server.address}" if several else each.serial)
        for each in server.devices()
    ]


def every(options: Options) -> list[Found]:
    """The devices of all servers. Raises TargetError where one does not answer."""
    asked = servers(options)
    return [found for server in asked for found in on(server, several=len(asked) > 1)]


def meant(found: Sequence[Found]) -> list[Found]:
    """What ``adb`` without a serial means: all, or the one that ANDROID_SERIAL names."""
    serial = os.environ.get(SERIAL)
    return [each for each in found if _is(each, serial)] if serial else list(found)


def _is(found: Found, name: str) -> bool:
    return name in (found.address, found.device.serial)


def choose(address: str | None, options: Options) -> Found:
    """The phone of that address, or the only one that is meant and ready.

    Raises:
        TargetError: no such phone, not ready, or several to choose from.
    """
    found = every(options)
    if address is None:
        return _only(found)
    device = _one([each for each in found if _is(each, address)], f"called {address!r}")
    if device is None:
        known = ", ".join(each.address for each in found) or "none"
        raise TargetError(f"no phone is called {address!r}", hint=f"attached: {known}")
    return _ready(device)


def _only(found: Sequence[Found]) -> Found:
    candidates = meant(found)
    serial = os.environ.get(SERIAL)
    if serial and not candidates:
        known = ", ".join(each.address for each in found) or "none"
        raise TargetError(
            f"{SERIAL} names {serial!r}, which is not attached",
            hint=f"unset it or attach that phone; attached: {known}",
        )
    ready = [each for each in candidates if each.ready]
    if not ready and len(candidates) == 1:
        return _ready(candidates[0])
    device = _one(ready, "attached")
    if device is None:
        raise TargetError(
            "no phone is attached",
            hint="plug one in and turn on USB debugging in its developer options",
        )
    return device


def _one(candidates: Sequence[Found], name: str) -> Found | None:
    if len(candidates) > 1:
        known = ", ".join(each.address for each in candidates)
        raise TargetError(
            f"{len(candidates)} phones are {name} ({known})",
            hint=f"choose one: adb:{candidates[0].address}",
        )
    return candidates[0] if candidates else None


def _ready(found: Found) -> Found:
    if not found.ready:
        raise TargetError(f"{found.address} is {found.device.state}", hint=found.device.hint)
    return found


def unmet(found: Sequence[Found]) -> Iterator[str]:
    """The serial in ANDROID_SERIAL, where none of these phones bears it."""
    serial = os.environ.get(SERIAL)
    if serial and not meant(found):
        yield serial


def statuses(kind: str, options: Options) -> list[TargetStatus]:
    """One line for each device, and one for each server that does not answer."""
    asked_for = named_servers(options)
    found: list[Found] = []
    broken: list[TargetStatus] = []
    try:
        asked = servers(options)
    except TargetError as fault:
        return [TargetStatus(kind, "no adb server", fault.message, fault.hint, broken=asked_for)]
    for server in asked:
        try:
            found += on(server, several=len(asked) > 1)
        except TargetError as fault:
            state = f"no adb server at {server.address}"
            broken.append(TargetStatus(kind, state, fault.message, fault.hint, broken=asked_for))
    named = meant(found)
    missing = [
        TargetStatus(f"{kind}:{serial}", "absent", SERIAL, "attach it, or unset the variable")
        for serial in unmet(found)
    ]
    return [*(_status(kind, each, each in named) for each in found), *missing, *broken]


def _status(kind: str, found: Found, named: bool) -> TargetStatus:
    device = found.device
    model = device.tags.get("model", "").replace("_", " ")
    state = device.state if device.hint else "ready" if named else f"not {SERIAL}'s"
    name = f"{kind}:{found.address}"
    return TargetStatus(name, state, model or device.serial, device.hint, meant=named)


@dataclass(frozen=True)
class ServerVersion:
    """A server that answers.

    Attributes:
        server: which.
        version: of its protocol.
        clashing: the version of the ``adb`` on the PATH, if each use of it would end that server.
    """

    server: Server
    version: int
    clashing: int | None


def versions(options: Options) -> Iterator[ServerVersion]:
    """Of each server that answers. Raises TargetError for what is no address."""
    for server in servers(options):
        with contextlib.suppress(TargetError):  # whoever lists phones is told
            version = server.version()
            clash = clashing_version(version) if server.address.local else None
            yield ServerVersion(server, version, clash)
