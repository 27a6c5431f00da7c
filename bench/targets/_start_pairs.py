"""A cold start against a warm one, on any target: the evidence that a cache was kept and used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.errors import StableLaunchError
from bench.values import StartPair, utc_now

Kept = Mapping[str, str]
"""Of each file that was kept, by its path: its size, and what else tells it from a new one."""


def measure(
    pair: StartPair,
    cache: str,
    init_us: Callable[[], float],
    look: Callable[[bool], Kept],
    *,
    nothing_kept: str,
    not_used: str,
) -> StartPair:
    """Launch twice, and see that the second launch took what the first kept.

    Args:
        pair: without figures.
        cache: what is kept, in a few words.
        init_us: launches with the cache, and tells how long initialisation took.
        look: what is kept, without empty files; told whether it is the first look.
        nothing_kept, not_used: hints where that is so.

    Raises:
        LaunchError: as a launch; nothing was kept, or not used.
    """
    started_at, begin = utc_now(), time.perf_counter()
    cold_us = init_us()
    kept = look(True)
    if not kept:
        raise StableLaunchError(
            f"nothing of {cache} was kept by the first launch",
            hint=nothing_kept,
            error_class="no_result",
        )
    warm_us = init_us()
    if look(False) != kept:
        raise StableLaunchError(
            "the second launch did not use what the first had kept: it wrote it again",
            hint=not_used,
            error_class="no_result",
        )
    return replace(
        pair,
        cold_init_us=cold_us,
        warm_init_us=warm_us,
        cache=cache,
        cache_bytes=sum(int(each.split()[0]) for each in kept.values()),
        wall_s=time.perf_counter() - begin,
        started_at=started_at,
    )
