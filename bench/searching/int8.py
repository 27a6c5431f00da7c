"""Whether the model has an int8 form at all; where it has none, what cannot be int8 stays in float.

The converter refuses a model in int8 if a single op has no such form, such as those that a layer
normalization is made of. Nothing that ends in int8 could be built then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bench.errors import BuildError
from bench.observers import Observer
from bench.searching.bits import INT8
from bench.searching.shapes import known_shapes
from bench.searching.space import Space
from bench.values import Recipe, Variant

LOOSER = f"{INT8},rest=float32"
"""The same, with ops left in float32 that have no int8 form."""


def with_int8_that_converts(
    space: Space, build: Callable[[Recipe], Variant], observer: Observer
) -> Space:
    """A space whose endings in int8 can be built; the space itself where they can, or none can.

    Args:
        build: builds a recipe, or raises a ``BuildError``. The one that is built is the first
            trial's, which finds it there.
    """
    whole = next((p for p in known_shapes(space) if p["ending"] == INT8), None)
    if whole is None:
        return space
    try:
        build(space.recipe(whole, 0))
    except BuildError as refused:
        looser = replace(space, endings=tuple(LOOSER if e == INT8 else e for e in space.endings))
        try:
            build(looser.recipe({**whole, "ending": LOOSER}, 0))
        except BuildError:
            return space
        observer.inform(f"{LOOSER} is tried instead of {INT8}: {refused.message}")
        return looser
    return space
