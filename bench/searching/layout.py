"""What a model is made of, and what a thinner one of it would weigh: shapes and bits alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

FIXED = ""
"""Stands for channels that always stay; see ``bench.techniques.layout``."""

INT8_ENTROPY = 0.83
"""Deflated int8 kernels of trained networks take about this fraction of their bytes: weights are
nearly normal, with 6.6 bits of entropy at a scale per channel."""

DEFLATE_COST = 1.12
"""Deflate codes weights with few values this much worse than their entropy."""

READY = "it is a ready .tflite"
"""Why nothing but its bits can be chosen."""

CHANNEL_BYTES = 8
"""Of an output channel besides its weights: its bias and its scale."""


@dataclass(frozen=True)
class Kernel:
    """One layer's kernel; fields as ``bench.techniques.layout`` tells them."""

    name: str
    type: str
    elements: int
    per_pair: float
    depthwise: bool
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    positions: int
    can: tuple[str, ...]

    def elements_with(self, kept: Mapping[str, float]) -> float:
        """How many weights stay where that fraction of each family's channels does."""
        outputs = self.outputs_with(kept)
        if self.depthwise:
            return self.per_pair * outputs
        return self.per_pair * outputs * _channels(self.inputs, kept)

    def outputs_with(self, kept: Mapping[str, float]) -> float:
        """How many output channels it has then."""
        return _channels(self.outputs, kept)


@dataclass(frozen=True)
class Family:
    """Layers whose channels are tied, and how many channels they have."""

    layers: tuple[str, ...]
    channels: int


@dataclass(frozen=True)
class Layout:
    """Kernels and families of a model.

    Attributes:
        refused: why it cannot be trained; empty where it can.
        blocks: that can be left out, by name, in the order in which they are.
        shorter: the model without the first of them, without the first two, and so on.
    """

    kernels: tuple[Kernel, ...]
    families: tuple[Family, ...]
    refused: str = ""
    blocks: tuple[str, ...] = ()
    shorter: tuple[Layout, ...] = ()

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Layout:
        """From what the building process found."""
        kernels = tuple(Kernel(**{**one, "can": tuple(one["can"])}) for one in found["layers"])
        families = tuple(
            Family(tuple(one["layers"]), int(one["channels"])) for one in found["families"]
        )
        shorter = tuple(cls.of(one) for one in found.get("shorter", ()))
        blocks = tuple(found.get("blocks", ()))
        return cls(kernels, families, str(found.get("refused", "")), blocks, shorter)

    @property
    def is_ready(self) -> bool:
        """Whether there is nothing but a file, which the quantizer alone can take."""
        return self.refused == READY

    def able(self, technique: str) -> tuple[Kernel, ...]:
        """The kernels that a technique can handle."""
        return tuple(kernel for kernel in self.kernels if technique in kernel.can)

    def elements(self, kept: Mapping[str, float]) -> dict[str, float]:
        """Weights of each kernel where that fraction of each family's channels stays."""
        return {kernel.name: kernel.elements_with(kept) for kernel in self.kernels}

    def size(self, kept: Mapping[str, float]) -> float:
        """About how many bytes kernels in int8 take, with each channel's bias and scale."""
        return sum(
            one.elements_with(kept) + CHANNEL_BYTES * one.outputs_with(kept) for one in self.kernels
        )

    def multiplications(self, kept: Mapping[str, float]) -> float:
        """Per inference, where that fraction of each family's channels stays."""
        return sum(one.elements_with(kept) * one.positions for one in self.kernels)


def _channels(counts: Mapping[str, int], kept: Mapping[str, float]) -> float:
    return sum(count * kept.get(family, 1.0) for family, count in counts.items())


def groups_of(families: Sequence[Family], most: int) -> list[list[int]]:
    """Families in at most so many groups of neighbours, with about as many families in each.

    A search that gave each of fifty families a ratio of its own would learn nothing of any.
    """
    if len(families) <= most:
        return [[number] for number in range(len(families))]
    bounds = [round(len(families) * cut / most) for cut in range(most + 1)]
    return [list(range(low, high)) for low, high in pairwise(bounds)]


def bits_per_weight(sparsity: float, clusters: int, bits: int) -> float:
    """About how many bits a deflated weight takes.

    Args:
        sparsity: fraction of zeros.
        clusters: different values, zero among them where there are zeros; 0 is not clustered.
        bits: of a stored weight.
    """
    if clusters:
        values = max(1, clusters - (1 if sparsity > 0 else 0))
        each = min(math.log2(values) if values > 1 else 0.0, bits * INT8_ENTROPY)
    else:
        each = bits * INT8_ENTROPY
    if sparsity <= 0:
        entropy = each
    else:
        split = -sparsity * math.log2(sparsity) - (1 - sparsity) * math.log2(1 - sparsity)
        entropy = split + (1 - sparsity) * each
    return min(entropy * (DEFLATE_COST if clusters or sparsity else 1.0), float(bits))
