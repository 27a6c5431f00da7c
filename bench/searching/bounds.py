"""Limits and goals that cannot be meant, or that nothing can keep: told before any training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import workers
from bench.build.builder import QUANTIZER
from bench.errors import UsageError
from bench.report.recommend import Aim
from bench.searching.bits import in_words
from bench.searching.looks import Stopwatch
from bench.searching.space import CLUSTERS, MOST_REMOVED, SPARSITIES, Space
from bench.searching.values import Goal, Limits, Params
from bench.text import size, three_digits, time_unit
from bench.values import Recipe, Variant

LUCK = 1.5
"""A few launches of the thinnest structure may be so many times slower than it can be."""

FLAGS = {"size": "--max-size", "zipped": "--max-zipped", "latency": "--max-median"}


def check(aim: Aim, limits: Limits, goal: Goal | None) -> None:
    """See that limits and goal do not contradict each other.

    Raises:
        UsageError: they do.
    """
    size_limit, zipped_limit = limits.size_bytes, limits.zipped_bytes
    if size_limit is not None and zipped_limit is not None and zipped_limit > size_limit:
        raise UsageError(
            f"--max-zipped {size(zipped_limit)} is more than --max-size {size(size_limit)}, and no "
            "file grows when it is zipped",
            hint="leave --max-zipped out, or give less",
        )
    for value in (size_limit, zipped_limit, limits.median_us):
        if value is not None and value <= 0:
            raise UsageError("a limit of 0 leaves nothing", hint="give more, or leave it out")
    limit = {"size": size_limit, "zipped": zipped_limit, "latency": limits.median_us}[aim]
    if goal is not None and goal.value is not None and limit is not None and goal.value > limit:
        raise UsageError(
            f"--goal is met by what {FLAGS[aim]} refuses",
            hint=f"give a goal below {FLAGS[aim]}",
        )


def check_ready(files: Sequence[Path], cluster: str | None) -> None:
    """See that the bits of a ready file can be searched, as far as can be told beforehand.

    Args:
        files: that the model is; none of a source model.

    Raises:
        UsageError: there are several, no quantizer, or a cluster, which only trains.
    """
    if not files:
        return
    if len(files) > 1:
        raise UsageError("a search over several .tflite files", hint="give one of them")
    if workers.version(QUANTIZER) is None:
        raise UsageError(
            f"{files[0]} is a ready .tflite, and what makes its bits fewer is not installed",
            hint="pip install 'tflite-bench[quantize]', or give the .keras, .h5 or SavedModel it "
            "was made from",
        )
    if cluster is not None:
        raise UsageError(
            f"{files[0]} is a ready .tflite, of which nothing is trained",
            hint="leave --cluster out: its bits are searched here, in minutes",
        )


def least_point(space: Space) -> Params:
    """The point of the smallest file: least of all that can be removed, fewest values and bits."""
    found: dict[str, float | int | str] = {}
    for name, (kind, low, _, _) in space.distributions().items():
        if name in space.removals:
            found[name] = MOST_REMOVED
        elif name == "depth":
            found[name] = len(space.layout.blocks)
        elif name == "sparsity":
            found[name] = len(SPARSITIES) - 1
        elif name == "clusters":
            found[name] = min(level for level, values in enumerate(CLUSTERS) if values)
        elif kind == "choice":
            found[name] = low[0]
        else:
            found[name] = 0
    endings = [ending for ending in space.endings if ending]
    found["ending"] = min(endings, key=lambda ending: space.weights({**found, "ending": ending}))
    return found


def check_reachable(
    space: Space,
    limits: Limits,
    build: Callable[[Recipe], Variant | None],
    stopwatch: Stopwatch | None,
) -> None:
    """See that some point can keep to the limits on bytes and on latency.

    Args:
        build: builds an untrained structure, None where it cannot be built.
        stopwatch: None where no latency matters.

    Raises:
        UsageError: none can, with the least that can be reached.
        BenchError: a target gives no figure of any file.
    """
    if not space.trains:
        return  # few can be tried, and each is looked at
    _check_zipped(space, limits)
    if limits.size_bytes is not None:
        _check_size(space, limits.size_bytes, build)
    if limits.median_us is not None and stopwatch is not None:
        _check_median(space, limits.median_us, build, stopwatch)


def _check_zipped(space: Space, limits: Limits) -> None:
    limit = limits.zipped_bytes
    if limit is None or space.aim == "size":
        return
    least = space.zipped_weights(least_point(space)) / 2
    if least > limit:
        raise UsageError(
            f"nothing can keep --max-zipped {size(limit)}: with all techniques at "
            f"their most the weights alone take more than {size(round(least))}",
            hint="give more",
        )


def _check_size(space: Space, limit: int, build: Callable[[Recipe], Variant | None]) -> None:
    point = least_point(space)
    thinnest = build(space.structure(point))
    if thinnest is not None and thinnest.size_bytes > limit:
        raise UsageError(
            f"nothing can keep --max-size {size(limit)}: with the fewest channels and "
            f"{in_words(str(point['ending']))} the file still takes {size(thinnest.size_bytes)}",
            hint="give more",
        )


def _check_median(
    space: Space, limit_us: float, build: Callable[[Recipe], Variant | None], stopwatch: Stopwatch
) -> None:
    """Time the thinnest structure in each form that may be the fastest here: int8, and float."""
    least: dict[str, tuple[float, str]] = {}
    # One of the two is the fastest on any machine that was seen.
    for ending in [one for one in (space.int8, "") if one in space.endings]:
        point = {**least_point(space), "ending": ending}
        thinnest = build(space.structure(point))
        if thinnest is None:
            return
        speed = stopwatch.time(thinnest)
        for target, median_us in speed.medians_us.items():
            least[target] = min(least.get(target, (math.inf, "")), (median_us, in_words(ending)))
    for target, (median_us, words) in least.items():
        if median_us > LUCK * limit_us:
            raise UsageError(
                f"nothing can keep --max-median {_time(limit_us)}: with the fewest channels and "
                f"{words} one inference still takes about {_time(median_us)} on {target}",
                hint="give more",
            )


def _time(median_us: float) -> str:
    unit, scale = time_unit([median_us])
    return f"{three_digits(median_us * scale)} {unit}"
