"""Trainings on the workers of a Dask scheduler, ``--cluster``; the launches stay on this machine.

========================================  ========================================================
:mod:`bench.searching.cluster.pool`       the workers: who joined, who is refused, lent and gone
:mod:`bench.searching.cluster.executor`   the search's executor: hands out jobs, takes them again
:mod:`bench.searching.cluster.parcels`    files by the hash of their content, packed and unpacked
:mod:`bench.searching.cluster.work`       the model and its samples as parcels, opened elsewhere
:mod:`bench.searching.cluster.remote`     what runs within a Dask worker
========================================  ========================================================

A worker gets a model and samples once, by the hash of their content, and keeps them in its own
cache; finished files come back the same way. TensorFlow runs in a process of its own there, as it
does here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.observers import Observer
from bench.searching.executor import LocalExecutor, MakeExecutor


@contextmanager
def connected(
    address: str | None, at_once: int | None, observer: Observer
) -> Iterator[MakeExecutor]:
    """What makes a search's executor: of a scheduler's workers, or of this machine without one.

    Args:
        at_once: at most so many trials; None is what the workers, or this machine, bear.

    Raises:
        UsageError: no scheduler answers at the address, or none of its workers can be used.
    """
    if address is None:
        yield partial(LocalExecutor, at_once=at_once)
        return
    # Dask takes seconds to import, and is an extra.
    from bench.searching.cluster.executor import ClusterExecutor
    from bench.searching.cluster.pool import Pool

    with Pool(address, observer) as pool:
        made: MakeExecutor = partial(ClusterExecutor, pool=pool, at_once=at_once, observer=observer)
        yield made
