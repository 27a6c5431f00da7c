"""Whether thin layers are faster in int8 or in float32 here: measured before anything is trained.

Kernels for int8 are not faster on each machine: with AMX, whose tiles each layer sets up anew,
`fashion` with half of its channels takes twice as long in int8 as in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bench.observers import Observer
from bench.searching.bits import in_words
from bench.searching.costs import typical_shape
from bench.searching.looks import Stopwatch
from bench.searching.space import Space
from bench.searching.trials import Study
from bench.values import Recipe, Variant

NOTED = "usual ending"
"""Of a study, so that a search that goes on knows the shapes that it has tried."""


def with_fastest_ending(
    space: Space,
    study: Study,
    build: Callable[[Recipe], Variant | None],
    stopwatch: Stopwatch | None,
    observer: Observer,
) -> Space:
    """A space whose known shapes end with what makes a typical one fastest; by latency alone.

    Args:
        build: builds an untrained structure, None where it cannot be built.

    Raises:
        BenchError: a target gives no figure of any file.
    """
    if space.aim != "latency" or stopwatch is None or not space.trains:
        return space
    ending = study.noted(NOTED)
    if ending is None:
        times = _times(space, build, stopwatch)
        if not times:
            return space
        ending = max(times, key=times.__getitem__)
        study.note(NOTED, ending)
        if len(times) > 1:
            told = ", ".join(f"{in_words(e)} {x:.2f}x" for e, x in times.items())
            observer.inform(
                f"thin layers are fastest in {in_words(ending)} here: a structure with half of the "
                f"channels is faster than float32 by {told}"
            )
    return replace(space, usual_ending=ending)


def _times(
    space: Space, build: Callable[[Recipe], Variant | None], stopwatch: Stopwatch
) -> dict[str, float]:
    """By ending, how many times faster a typical shape is than the model in float32.

    On the target where it is slowest.
    """
    shape = typical_shape(space)
    found = {}
    for ending in dict.fromkeys((str(shape["ending"]), "")):
        if ending not in space.endings:
            continue
        structure = build(space.structure({**shape, "ending": ending}))
        if structure is not None:
            found[ending] = min(stopwatch.time(structure).times.values())
    return found
