"""``bench search``: the best variant within limits, with no recipe written by hand."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import FAILED, GOOD, _quantities, _shared
from bench.values import Plan

if TYPE_CHECKING:
    from bench.report.recommend import Aim
    from bench.searching.values import Goal

DESCRIPTION = (
    "Find the variant of a model that is smallest or fastest within limits. Everything is chosen "
    "on validation samples; the test samples are used once, at the end, on what was found. Every "
    "trial is kept: the same command goes on where it was interrupted."
)
_PLAN = Plan()
RECIPES = ".toml"
"""The suffix of a file of recipes, which is no format of a report."""


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.TargetArguments, _shared.OutputArguments):
    """What can be typed behind ``bench search``."""

    model: str
    by: Aim = "zipped"
    data: str | None = None
    max_loss: float = 0.01
    max_size: int | None = None
    max_zipped: int | None = None
    max_median: float | None = None
    goal: str | None = None
    budget: float | None = None
    trials: int | None = None
    target: tuple[str, ...] = ()
    launches: int = _PLAN.launches
    threads: int = _PLAN.threads
    seed: int = _PLAN.seed
    custom_objects: str | None = None
    cluster: str | None = None
    at_once: int | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, by what they are about."""
    what = parser.add_argument_group("what is searched")
    what.add_argument("model", metavar="MODEL", help=_shared.MODEL_HELP)
    what.add_argument("--data", metavar="DATA", help=_shared.DATA_HELP)
    what.add_argument(
        "--by",
        choices=["latency", "size", "zipped"],
        help="what is to be best (default: zipped)",
    )
    what.add_argument("--custom-objects", metavar="MODULE", help="your own layers, as bench run")
    what.add_argument(
        "--seed", type=_quantities.whole(0), metavar="N", help="of everything random (default: 0)"
    )
    _add_limits(parser.add_argument_group("limits"))
    _add_budget(parser.add_argument_group("how long"))
    where = parser.add_argument_group("where")
    where.add_argument(
        "-t",
        "--target",
        action="append",
        metavar="TARGET",
        help="local, adb (all phones) or adb:SERIAL; may be repeated "
        "(default: phones if any is ready, else local)",
    )
    _shared.add_target_arguments(where)
    where.add_argument(
        "--cluster",
        metavar="tcp://HOST:PORT",
        help="a Dask scheduler whose workers build and train; launches stay on this machine",
    )
    where.add_argument(
        "--at-once",
        type=_quantities.whole(1),
        metavar="N",
        help="trials at once (default: one per worker of a cluster; here as many as cores and "
        "memory bear, and one with --trials alone)",
    )
    for flag, default, text in (
        ("--launches", _PLAN.launches, "processes per variant of the front"),
        ("--threads", _PLAN.threads, "threads of the interpreter"),
    ):
        where.add_argument(
            flag, type=_quantities.whole(1), metavar="N", help=f"{text} (default: {default})"
        )
    output = parser.add_argument_group("output")
    _shared.add_output_arguments(output)


def _add_limits(group: _shared.Group) -> None:
    for flag, kind, example, text in (
        (
            "--max-loss",
            _quantities.percent,
            "1%",
            "points of accuracy that may be lost against float32 (default: 1%%)",
        ),
        ("--max-size", _quantities.size_bytes, "200kB", "of the file"),
        ("--max-zipped", _quantities.size_bytes, "100kB", "of the file zipped"),
        ("--max-median", _quantities.microseconds, "5ms", "of the median latency on each target"),
    ):
        group.add_argument(flag, type=kind, metavar=example, help=text)


def _add_budget(group: _shared.Group) -> None:
    group.add_argument(
        "--budget",
        type=_quantities.seconds,
        metavar="60min",
        help="of all sittings together, such as 10min or 2h (default: 10min without --trials)",
    )
    group.add_argument(
        "--trials", type=_quantities.whole(1), metavar="N", help="how many recipes are tried"
    )
    group.add_argument(
        "--goal",
        metavar="24x",
        help="stop as soon as it is met within the limits: so many times smaller or faster than "
        "float32, or 20kB, or 2ms",
    )


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench search``: exit 3 where nothing keeps to the limits."""
    from bench import cache, searching
    from bench.cli import _show
    from bench.observers.terminal import Terminal

    recipes, others = _split(asked.output)
    wanted = _show.outputs(others)
    with Terminal(quiet=asked.quiet) as observer:
        found = searching.search(
            asked.model,
            asked.data,
            asked.target,
            by=asked.by,
            max_loss=asked.max_loss,
            max_size=asked.max_size,
            max_zipped=asked.max_zipped,
            max_median_us=asked.max_median,
            goal=_goal(asked.goal, asked.by),
            budget_s=asked.budget,
            trials=asked.trials,
            plan=replace(_PLAN, launches=asked.launches, threads=asked.threads, seed=asked.seed),
            target_options=asked.options(),
            custom_objects=asked.custom_objects,
            observer=observer,
            command=sys.argv[1:],
            cluster=asked.cluster,
            at_once=asked.at_once,
        )
    for path in recipes:
        cache.write(path, found.to_toml().encode())
    code = _show.show(found.report, wanted, asked.columns, quiet=asked.quiet)
    return max(code, GOOD if found.chosen is not None else FAILED)


def _split(outputs: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Files of recipes, and what formats are for.

    Raises:
        UsageError: there is no such folder, or we may not write there.
    """
    from bench.cli import _show

    files = [Path(text) for text in outputs if Path(text).suffix == RECIPES]
    for path in files:
        _show.require_writable(path)
    return files, [text for text in outputs if Path(text).suffix != RECIPES]


def _goal(text: str | None, aim: Aim) -> Goal | None:
    """What ``--goal`` means.

    Raises:
        UsageError: it cannot be read.
    """
    from bench.errors import UsageError
    from bench.searching.values import Goal

    if text is None:
        return None
    try:
        if text.strip().endswith("x"):
            times = float(text.strip()[:-1])
            if not 0 < times < float("inf"):
                raise ValueError
            return Goal(times=times)
        if aim == "latency":
            return Goal(value=_quantities.microseconds(text))
        return Goal(value=_quantities.size_bytes(text))
    except (ValueError, argparse.ArgumentTypeError):
        example = "2ms" if aim == "latency" else "20kB"
        raise UsageError(f"--goal {text} cannot be read", hint=f"write 24x or {example}") from None
