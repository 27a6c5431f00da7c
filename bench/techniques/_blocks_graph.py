"""Which blocks of a network can be left out. Pure Python; no Keras here.

A block is what stands between two points where all that the network knows is in one tensor, and
that tensor has the same shape at both: a residual block with its sum, a convolution of as many
filters as it gets channels, a depthwise convolution with its pointwise one, a recurrent layer that
feeds another. Without it, what follows reads what the block read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bench.techniques._channels_graph import Call

Weight = Literal["full", "depthwise"]
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Block:
    """Layers that can be left out together.

    Attributes:
        layers: names of all of them, in order of calls.
        kernels: those of them that have a kernel.
    """

    layers: tuple[str, ...]
    kernels: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called: its last layer with a kernel."""
        return self.kernels[-1]


@dataclass(frozen=True)
class _Region:
    """Calls between two points where only one tensor is still needed."""

    calls: tuple[Call, ...]
    entry: Shape
    exit: Shape
    weight: Weight | None

    @property
    def pads(self) -> bool:
        """Whether it makes room for the kernel that follows, and does nothing else."""
        return all(call.kind.startswith("ZeroPadding") for call in self.calls)


def blocks(
    calls: Sequence[Call],
    inputs: Sequence[int],
    outputs: Sequence[int],
    kernels: Mapping[str, Weight],
) -> tuple[Block, ...]:
    """All blocks that can be left out, in the order of calls; they share no layer.

    Args:
        calls: in an order in which inputs come before what uses them.
        inputs, outputs: numbers of the model's tensors.
        kernels: layers with a kernel; one that works on each channel alone is ``depthwise``.
    """
    regions = list(_regions(calls, inputs, kernels))
    often = Counter(call.layer for call in calls)
    full = [index for index, region in enumerate(regions) if region.weight == "full"]
    found = []
    for place, index in enumerate(full):
        before = full[place - 1] + 1 if place else 0
        span = _span(regions, before, index)
        inside = [call for region in regions[slice(*span)] for call in region.calls]
        shared = any(often[call.layer] > 1 or call.output in outputs for call in inside)
        if inside and not shared:
            names = tuple(call.layer for call in inside)
            found.append(Block(names, tuple(name for name in names if name in kernels)))
    return tuple(found)


def _regions(
    calls: Sequence[Call], inputs: Sequence[int], kernels: Mapping[str, Weight]
) -> list[_Region]:
    last = {number: place for place, call in enumerate(calls) for number in call.inputs}
    shapes: dict[int, Shape] = {}
    for call in calls:
        shapes |= dict(zip(call.inputs, call.input_shapes, strict=True))
        shapes[call.output] = call.output_shape
    alive = {number for number in inputs if number in last}
    points = [(0, *alive)] if len(alive) == 1 else []
    for place, call in enumerate(calls):
        alive = {number for number in (*alive, call.output) if last.get(number, -1) > place}
        if len(alive) == 1:
            points.append((place + 1, *alive))
    found = []
    for (begin, entry), (end, exit_) in pairwise(points):
        inside = tuple(calls[begin:end])
        weights = {kernels[call.layer] for call in inside if call.layer in kernels}
        weight: Weight | None = "full" if "full" in weights else min(weights, default=None)
        found.append(_Region(inside, shapes[entry], shapes[exit_], weight))
    return found


def _span(regions: Sequence[_Region], before: int, index: int) -> tuple[int, int]:
    """Which regions a full kernel's block takes; (0, 0) where it cannot be left out.

    What follows a kernel belongs to it, such as its normalization and activation; a depthwise
    kernel belongs to the full one after it, and padding to the kernel it is for.

    Args:
        before: the first region after the full kernel before it.
        index: the region with the full kernel.
    """
    depthwise = [place for place in range(before, index) if regions[place].weight is not None]
    begins = []
    for place in (*depthwise[:1], index):
        if place > before and regions[place - 1].pads:
            begins.append(place - 1)
        begins.append(place)
    later = (n for n in range(index + 1, len(regions)) if regions[n].weight or regions[n].pads)
    following = next(later, len(regions))
    for begin in begins:
        for end in range(following, index, -1):
            if regions[begin].entry == regions[end - 1].exit:
                return begin, end
    return 0, 0
