"""Limits and goals that cannot be meant, or that nothing can keep: told before any training."""

from __future__ import annotations

from bench.errors import UsageError
from bench.report.recommend import Aim
from bench.searching.space import CLUSTERS, MOST_REMOVED, SPARSITIES, Space
from bench.searching.values import Goal, Limits, Params
from bench.text import size
from bench.values import Variant

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


def least_point(space: Space) -> Params:
    """The point of the smallest file: least channels, most zeros, fewest values, fewest bits."""
    found: dict[str, float | int | str] = {}
    for name, (kind, low, _, _) in space.distributions().items():
        if name.startswith("remove_"):
            found[name] = MOST_REMOVED
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


def check_reachable(space: Space, limits: Limits, thinnest: Variant | None) -> None:
    """See that some point can keep to the limits on bytes.

    Args:
        thinnest: the structure of :func:`least_point`, built; None where it was not needed.

    Raises:
        UsageError: none can, with the least that can be reached.
    """
    limit = limits.size_bytes
    if limit is not None and thinnest is not None and thinnest.size_bytes > limit:
        raise UsageError(
            f"nothing can keep --max-size {size(limit)}: with the fewest channels and int8 the "
            f"file still takes {size(thinnest.size_bytes)}",
            hint="give more",
        )
    limit = limits.zipped_bytes
    if limit is not None and space.trains and space.aim != "size":
        least = space.zipped_weights(least_point(space)) / 2
        if least > limit:
            raise UsageError(
                f"nothing can keep --max-zipped {size(limit)}: with all techniques at "
                f"their most the weights alone take more than {size(round(least))}",
                hint="give more",
            )
