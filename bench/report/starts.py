"""Cold starts against warm ones: figures over pairs, and why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.stats.summary import typical
from bench.values import Estimate, ReportWarning, StartPair


@dataclass(frozen=True)
class StartTimes:
    """What pairs of starts of one variant on one target come to, of the typical pair.

    Attributes:
        pairs: how many gave figures.
        cold_init_us: initialisation with an empty cache; None where there is no pair.
        warm_init_us: initialisation with the cache that this left.
        cache: what keeps it, in a few words.
        cache_bytes: how much was kept.
        fault: why there are no (further) pairs; empty where there are all.
    """

    pairs: int
    cold_init_us: Estimate | None
    warm_init_us: Estimate | None
    cache: str = ""
    cache_bytes: int | None = None
    fault: str = ""


def start_times(pairs: Sequence[StartPair]) -> StartTimes | None:
    """Figures over the pairs of one variant on one target; None where none was tried."""
    if not pairs:
        return None
    whole = [pair for pair in pairs if not pair.fault]
    return StartTimes(
        pairs=len(whole),
        cold_init_us=typical(pair.cold_init_us for pair in whole),
        warm_init_us=typical(pair.warm_init_us for pair in whole),
        cache=whole[-1].cache if whole else "",
        cache_bytes=whole[-1].cache_bytes if whole else None,
        fault=next((pair.fault for pair in pairs if pair.fault), ""),
    )


def start_warnings(pairs: Iterable[StartPair]) -> Iterator[ReportWarning]:
    """Why a variant has no cold and warm start; code ``no-warm-start``."""
    for pair in pairs:
        if pair.fault:
            yield ReportWarning(
                code="no-warm-start",
                message=f"no warm start measured: {pair.fault}",
                hint=pair.hint,
                variant=pair.variant,
                target=pair.target,
            )
