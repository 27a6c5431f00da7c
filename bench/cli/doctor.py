"""``bench doctor``: is all there that measuring on a phone needs?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import FAILED, GOOD, _shared
from bench.errors import BenchError, TargetError
from bench.values import Plan

if TYPE_CHECKING:
    from bench.targets.adb import AdbTarget
    from bench.values import Environment

DESCRIPTION = (
    "Look at all that measuring on a phone needs, and say what to do about each fault. "
    "Exit 3 where there is one."
)


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.PhoneArguments):
    """What can be typed behind ``bench doctor``; ``fetch`` may be a flag without its version."""

    fetch: str | None = None
    abi: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    _shared.add_phones(parser)
    _shared.add_target_arguments(parser)
    parser.add_argument(
        "--fetch",
        nargs="?",
        const="",
        metavar="VERSION",
        help="get benchmark_model for each phone's ABI from its published address: "
        "tflite-nightly (default), litert-latest or litert-X.Y.Z",
    )
    parser.add_argument("--abi", action="append", help="fetch for this ABI, without a phone")


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench doctor``: exit 3 where something is to be done."""
    from bench.cli import _show
    from bench.pipeline import choose
    from bench.targets import adb

    options = asked.options()
    named = _named(asked.target)
    statuses = [each for each in adb.discover(options) if not named or each.target in named]
    rows = [(status.target, status.state, status.hint) for status in statuses]
    if not statuses and not named:
        rows.append(("phones", "none", "plug one in and turn on USB debugging"))
    rows += _servers(options)
    meant = named or [status.target for status in statuses if status.ready and status.meant]
    for each in meant:
        address = choose.split(each)[1]
        if asked.fetch is not None:
            _fetch(adb.abis(address, options)[0], asked.fetch)
        rows += _look(address, options)
    for abi in asked.abi:
        if asked.fetch is not None:
            _fetch(abi, asked.fetch)
        rows.append(_tool_row(options, (abi,)))
    _show.rows([dict(zip(("what", "state", "hint"), row, strict=True)) for row in rows])
    return FAILED if any(hint for _, _, hint in rows) else GOOD


def _named(texts: Sequence[str]) -> list[str]:
    """The phones that were named one by one; none where all are meant.

    Raises:
        TargetError: one is no phone.
    """
    from bench.pipeline import choose
    from bench.targets import adb

    for text in texts:
        if choose.split(text)[0] != adb.KIND:
            raise TargetError(f"{text} needs nothing that could be missing", hint="name a phone")
    return [] if adb.KIND in texts else list(dict.fromkeys(texts))


def _servers(options: Mapping[str, str]) -> list[tuple[str, str, str]]:
    from bench.targets import adb

    try:
        found = adb.versions(options)
    except TargetError:
        return []  # what is no address has a row of its own
    return [
        (
            f"adb server {each.server.address}",
            f"version {each.version}",
            ""
            if each.clashing is None
            else f"adb on the PATH has version {each.clashing} and ends servers of others: leave "
            "it alone while measuring, or update the older one",
        )
        for each in found
    ]


def _look(address: str | None, options: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """One phone: can it be entered, with a tool that fits, and is it fit to be measured on?"""
    from bench.targets import adb

    name = f"adb:{address}"
    try:
        with adb.open(address, Plan(), options) as target:
            environment = target.environment()
            return [
                (f"{name} phone", environment.label, ""),
                *_facts(name, environment),
                *_storage(name, target),
                *_fitness(name, target),
            ]
    except BenchError as error:
        return [(name, error.message, error.hint)]


def _facts(name: str, environment: Environment) -> list[tuple[str, str, str]]:
    from bench import benchmark_model

    facts = environment.facts
    version = facts.get("tool_version") or "version unknown"
    tool = f"{version}, sha256 {str(facts['tool_sha256'])[:12]}"
    deprecated = benchmark_model.deprecated_on(facts.get("sdk"))
    return [
        (f"{name} benchmark_model", tool, ""),
        *(
            (f"{name} note", f"{delegate} is deprecated from {since} on: measured, and marked", "")
            for delegate, since in deprecated.items()
        ),
    ]


def _storage(name: str, target: AdbTarget) -> list[tuple[str, str, str]]:
    from bench.text import size

    lacking = target.short_of_bytes()
    if not lacking:
        return []
    hint = "free some storage on the phone, or bench clean -t adb to remove what is ours"
    return [(f"{name} storage", f"{size(lacking)} too little for benchmark_model", hint)]


def _fitness(name: str, target: AdbTarget) -> list[tuple[str, str, str]]:
    """What a launch would wait for, and what of the phone's state is not known."""
    found = target.fitness()
    state = found.state
    sensor, celsius = state.hottest or ("", None)
    level = state.battery.level if state.battery.believed else None
    told = [
        "" if celsius is None else f"{sensor} {celsius:.1f} °C",
        "" if level is None else f"battery {level:.0f} %",
    ]
    well = ", ".join(["fit", *filter(None, told)])
    return [
        (f"{name} state", "; ".join(found.reasons) or well, found.hint),
        *((f"{name} note", note, "") for note in found.notes),
    ]


def _tool_row(options: Mapping[str, str], abis: tuple[str, ...]) -> tuple[str, str, str]:
    from bench.benchmark_model import binary

    given = options.get("benchmark_model")
    try:
        tool = binary.find(Path(given) if given else None, abis)
    except TargetError as error:
        return (f"benchmark_model for {abis[0]}", error.message, error.hint)
    return (f"benchmark_model for {abis[0]}", f"{tool.version or 'version unknown'}", "")


def _fetch(abi: str, version: str) -> None:
    from bench.benchmark_model import binary
    from bench.observers.terminal import Terminal
    from bench.text import size

    with Terminal() as progress:
        wanted = version or binary.DEFAULT_VERSION
        tool = binary.fetch(abi, wanted, lambda words: progress.note(f"{abi} {wanted}", words))
    print(f"fetched {tool.path} ({size(tool.size_bytes)}, sha256 {tool.sha256})", file=sys.stderr)
