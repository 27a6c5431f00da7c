"""Points of the space that are often good, and others near one that was trained.

What is known of compression in general: fewer blocks and channels first, then zeros, then few
values, then int8 with the rounding trained; together they give more than each by itself (Han et
al., "Deep Compression", 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from bench.searching.balance import balanced
from bench.searching.bits import INT8, INT8_BITS, bits_of
from bench.searching.space import (
    CLUSTERS,
    REMOVED_STEP,
    SPARSITIES,
    Space,
)
from bench.searching.values import Params

KEPT = 16
"""Shapes are kept of so many spaces, since they are asked for with every proposal."""

Shape = tuple[float, float, int, str]
"""Fraction of channels to remove, which for a small file is shared among the groups (``balance``),
fraction of zeros, different values, ending."""

TRAINED = "qat"
"""The ending of shapes that are trained to their end, in whose place a space may have another."""

LEVELS = ("sparsity", "clusters")
"""What the names of parameters of zeros and few values begin with."""

LADDERS: Mapping[str, Sequence[Shape]] = {
    "zipped": (
        (0.0, 0.0, 0, INT8),
        (0.0, 0.5, 16, TRAINED),
        (0.25, 0.6, 16, TRAINED),
        (0.5, 0.6, 8, TRAINED),
        (0.6, 0.7, 8, TRAINED),
        (0.7, 0.7, 8, TRAINED),
        (0.8, 0.7, 6, TRAINED),
    ),
    "dense": (
        (0.0, 0.0, 0, INT8),
        (0.25, 0.0, 0, TRAINED),
        (0.5, 0.0, 0, TRAINED),
        (0.6, 0.0, 0, TRAINED),
        (0.7, 0.0, 0, TRAINED),
        (0.8, 0.0, 0, TRAINED),
    ),
}
"""From gentle to strong; zeros and few values pay where the file is zipped, and nowhere else."""

LEFT_OUT = 2 / 3
"""Of the blocks that can go, where channels go. Two of the three of `fashion` with half of the
channels give a file as large as seven tenths of the channels, and lose 1.0 points less after 12
epochs; all three with four tenths of the channels, as large zipped, lose 0.4 more than two."""

SPARED, LEAST_REMOVED = 0.1, 0.25
"""So much less of the channels goes where blocks go, down to this: at a limit of one point, half of
the channels of `fashion` are too many then (1.04 points after 12 epochs), and too few without."""


@lru_cache(maxsize=KEPT)
def known_shapes(space: Space, *, shorter: bool = True) -> Sequence[Params]:
    """Points that are often good, from gentle to strong.

    The first trains nothing. Where nothing can be trained, they are all endings.

    Args:
        shorter: where channels go, blocks go, too, and fewer channels.
    """
    if not space.trains:
        return tuple({"ending": ending} for ending in space.endings)
    blocks = len(space.layout.blocks)
    left_out = max(1, round(LEFT_OUT * blocks)) if shorter and blocks else 0
    return tuple(_points(space, LADDERS["zipped" if space.aim == "zipped" else "dense"], left_out))


def ladders(space: Space) -> list[Sequence[Params]]:
    """Known shapes with and without blocks left out, in the order in which they are tried."""
    found = [known_shapes(space), known_shapes(space, shorter=False)]
    return found[:1] if found[0] == found[1] else found


def between(space: Space, gentle: Params, strong: Params) -> Params:
    """A point half way between two in the channels that are removed, else as the gentler one."""
    found = dict(gentle)
    for name in space.removals:
        middle = (float(gentle[name]) + float(strong[name])) / 2
        found[name] = round(round(middle / REMOVED_STEP) * REMOVED_STEP, 2)
    return found


def endings_around(space: Space, params: Params) -> list[Params]:
    """The same channels with other zeros and values, from the largest file to the smallest.

    Zeros go with values about as strong: of files as large, one with few values and no zeros, or
    the other way round, loses more. They end like the known shapes.
    """
    names = space.distributions()
    ending = own_ending(space, params)["ending"]
    found: list[Params] = [
        {**params, "sparsity": zeros, "clusters": values, "ending": ending}
        for zeros in range(1, len(SPARSITIES))
        for values in range(1, len(CLUSTERS))
        if "sparsity" in names and "clusters" in names
        # Of values the fewest are the strongest.
        if abs(zeros - (len(CLUSTERS) - values)) <= 1
    ]
    return sorted(found, key=lambda point: -space.zipped_weights(point))


def untrained_endings(space: Space, params: Params) -> list[Params]:
    """The same channels with nothing trained after them: in int8, then in fewer bits.

    By latency in int8 and in float32: fewer bits are not known to be faster.
    """
    ended = {name: 0 if name.startswith(LEVELS) else value for name, value in params.items()}
    others = [""] if space.aim == "latency" else _low_endings(space)
    found = [ending for ending in (space.int8, *others) if ending in space.endings]
    return [{**ended, "ending": ending} for ending in found]


def in_int8_alone(space: Space, params: Params) -> Params:
    """The same channels in int8, with nothing trained after them; as they are where int8 is not."""
    return next(
        (one for one in untrained_endings(space, params) if not has_fewer_bits(one)), params
    )


def own_ending(space: Space, params: Params) -> Params:
    """The same channels, ended like the known shape that removes about as many."""

    def apart(shape: Params) -> float:
        return abs(sum(float(shape[name]) - float(params[name]) for name in space.removals))

    return {**params, **ending_of(min(known_shapes(space)[1:], key=apart))}


def ending_of(params: Params) -> Params:
    """Of a point, what is done to a trained beginning: zeros, values and how it is quantized."""
    return {n: v for n, v in params.items() if n == "ending" or n.startswith(LEVELS)}


def has_fewer_bits(params: Params) -> bool:
    """Whether a point's ending has fewer bits than int8."""
    return bits_of(str(params["ending"])) < INT8_BITS


@lru_cache(maxsize=KEPT)
def low_bits(space: Space) -> Sequence[Params]:
    """Points with fewer bits than eight, where the installed quantizer has them."""
    shapes = [(0.5, 0.0, 0, ending) for ending in _low_endings(space) if space.trains]
    return tuple(_points(space, shapes))


def _low_endings(space: Space) -> list[str]:
    return [ending for ending in space.endings if bits_of(ending) < INT8_BITS]


def _points(space: Space, shapes: Sequence[Shape], left_out: int = 0) -> Iterator[Params]:
    """The points of shapes, of which so many blocks go where channels go."""
    names = space.distributions()
    for removed, sparsity, clusters, known in shapes:
        ending = {TRAINED: space.usual_ending, INT8: space.int8}.get(known, known)
        depth = left_out if removed else 0
        each = max(LEAST_REMOVED, round(removed - SPARED, 2)) if depth else removed
        point: dict[str, float | int | str] = {}
        for name in names:
            if name in space.removals:
                point[name] = each
            elif name == "depth":
                point[name] = depth
            elif name.startswith(("sparsity_", "clusters_")):
                point[name] = 0
        point |= {
            "sparsity": SPARSITIES.index(sparsity),
            "clusters": CLUSTERS.index(clusters),
            "ending": ending if ending in space.endings else space.endings[0],
            "distill": 0.5,
        }
        even: Params = {name: value for name, value in point.items() if name in names}
        yield even if space.aim == "latency" else balanced(space, even)
