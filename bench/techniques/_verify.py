"""Hold the finished file's facts (see :mod:`bench.tflite.facts`) against what a step asked for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.errors import VerificationError
from bench.quantizer.schemes import Wish
from bench.techniques import Work
from bench.tflite.facts import WeightTensor, block_sparsity, kernel_weights
from bench.tflite.values import FileFacts, WeightFacts
from bench.tflite.weights import fewest_zeros
from bench.values import Step

TOLERANCE = 0.01
"""How far the fraction of zeros may lie below what was asked: one point."""


def sparsity(step: Step, work: Work, facts: FileFacts) -> None:
    """Raise where the pruned kernels hold more than a point fewer zeros than asked, all together.

    Raises:
        VerificationError: they do, or a kernel is not in the file.
    """
    layers: Mapping[str, Mapping[str, Any]] = work.facts[step.technique]["layers"]
    asked = zeros = elements = 0.0
    left = list(facts.weights)
    for name, layer in layers.items():
        # Half a weight is none: of 24 weights a tenth are two.
        asked += math.floor(float(layer["asked"]) * int(layer["elements"]) + 1e-6)
        zeros += sum(
            one.zeros for one in _taken(step, name, layer, left, by=lambda one: -one.zeros)
        )
        elements += int(layer["elements"])
    if zeros < asked - TOLERANCE * elements:
        raise VerificationError(
            f"{step} asked for {asked / elements:.1%} zeros, the file has {zeros / elements:.1%}",
            hint="report this recipe and model: zeros were lost after pruning",
        )


def at_most_parameters(step: Step, work: Work, facts: FileFacts) -> None:
    """Raise where the file holds more weights than the smaller model that a step left.

    Raises:
        VerificationError: it does.
    """
    allowed = int(work.facts[step.technique]["parameters"])
    found = facts.weight_elements
    if found > allowed:
        raise VerificationError(
            f"{step} left {allowed} parameters, the file's kernels have {found}",
            hint="report this recipe and model: the file was made of another model",
        )


def pattern(step: Step, work: Work, facts: FileFacts, m: int, n: int) -> None:
    """Raise where a pruned kernel has fewer than ``m`` zeros in some ``n`` weights in a row.

    Raises:
        VerificationError: one has, or a kernel is not in the file.
    """
    for name, layer in work.facts[step.technique]["layers"].items():
        kernels, _ = _kernels(step, name, layer, facts.weights)
        most = max(fewest_zeros(tensor.matrix, n) for tensor in _tensors(facts, kernels))
        if most < m:
            raise VerificationError(
                f"{step} asked for {m} zeros in each {n} weights, layer {name} has {most} once",
                hint="report this recipe and model: the pattern was lost after pruning",
            )


def blocks(step: Step, work: Work, facts: FileFacts, height: int, width: int) -> None:
    """Raise where a pruned kernel has fewer blocks of zeros than asked, by a point or one block.

    Args:
        height, width: of a block in Keras' kernel ``[in, out]``, the transpose of the file's.

    Raises:
        VerificationError: one has, or a kernel is not in the file.
    """
    for name, layer in work.facts[step.technique]["layers"].items():
        kernels, _ = _kernels(step, name, layer, facts.weights)
        asked, one_block = float(layer["asked"]), height * width / int(layer["elements"])
        reached = max(
            block_sparsity(tensor.matrix, (width, height)) for tensor in _tensors(facts, kernels)
        )
        if reached < asked - max(TOLERANCE, one_block):
            raise VerificationError(
                f"{step} asked for {asked:.1%} blocks of zeros, layer {name} has {reached:.1%}",
                hint="report this recipe and model: the blocks were lost after pruning",
            )


def clusters(step: Step, work: Work, facts: FileFacts) -> None:
    """Raise where an output channel of a clustered kernel holds more values than K.

    Raises:
        VerificationError: one does, or a kernel is not in the file.
    """
    layers: Mapping[str, Mapping[str, Any]] = work.facts[step.technique]["layers"]
    left = list(facts.weights)
    # Those with fewest values first: no other takes the tensors that can be theirs alone.
    for name, layer in sorted(layers.items(), key=lambda item: int(item[1]["clusters"])):
        kernels = _taken(step, name, layer, left, by=lambda one: one.unique_max_per_channel)
        most = max(kernel.unique_max_per_channel for kernel in kernels)
        if most > int(layer["clusters"]):
            raise VerificationError(
                f"{step} allows {layer['clusters']} values, layer {name} has {most} in a channel",
                hint="report this recipe and model: clusters were lost after clustering",
            )


def all_int8(step: Step, facts: FileFacts) -> None:
    """Raise where an op of the file computes in float.

    Raises:
        VerificationError: one does.
    """
    left = facts.float_ops
    if left:
        raise VerificationError(
            f"{step} left {', '.join(left)} in float",
            hint="the toolkit has no int8 form for it: try quantize:int8",
        )


def weight_bits(step: Step, work: Work, facts: FileFacts) -> None:
    """Raise where the file holds fewer weights of some bits than the quantizer says it gave them.

    Raises:
        VerificationError: it does.
    """
    asked: Counter[str] = Counter()
    for layer in work.facts[step.technique]["layers"].values():
        asked[f"int{layer['bits']}"] += int(layer["elements"])
    found: Counter[str] = Counter()
    for weight in facts.weights:
        found[weight.dtype] += weight.elements
    for dtype, elements in sorted(asked.items()):
        if found[dtype] < elements:
            raise VerificationError(
                f"{step} asked for {elements:,} weights of {dtype}, the file has {found[dtype]:,}",
                hint="the quantizer left them as they were: report this recipe and model",
            )


def activation_bits(step: Step, wish: Wish, facts: FileFacts) -> None:
    """Raise where integers between ops were asked for and no op computes in them.

    Raises:
        VerificationError: none does.
    """
    bits = wish.scheme.activations
    if bits is not None and not facts.arithmetic.get(f"int{bits}"):
        raise VerificationError(
            f"{step} asked for int{bits} between ops, and no op of the file computes in it",
            hint="the quantizer has no such form of these ops: use quantize:int8",
        )


def _tensors(facts: FileFacts, kernels: Sequence[WeightFacts]) -> list[WeightTensor]:
    """The weights themselves of these kernels, read from the file again."""
    assert facts.path is not None
    names = {(kernel.name, kernel.elements) for kernel in kernels}
    return [w for w in kernel_weights(facts.path) if (w.name, w.values.size) in names]


def _taken(
    step: Step,
    name: str,
    told: Mapping[str, Any],
    left: list[WeightFacts],
    *,
    by: Callable[[WeightFacts], int],
) -> Sequence[WeightFacts]:
    """The tensors that are most likely a kernel, the least by that figure; they are taken away.

    Two kernels of one size, as in both halves of a Bidirectional, are so held against two tensors.
    """
    candidates, count = _kernels(step, name, told, left)
    found = sorted(candidates, key=by)[:count]
    for one in found:
        left.remove(one)
    return found


def _kernels(
    step: Step, kernel: str, told: Mapping[str, Any], weights: Sequence[WeightFacts]
) -> tuple[Sequence[WeightFacts], int]:
    """The file's tensors that may be a kernel: of its size, and of its layer's name if any is.

    The converter names a tensor after the ops it was fused of, such as
    ``net/quant_conv/LastValueQuant;net/conv/Conv2D``. Where a recurrent layer became one op, each
    gate has a tensor of its own.

    Returns:
        The tensors, and how many of them are the kernel.
    """
    layer, elements, count = kernel.partition("/")[0], int(told["elements"]), 1
    sized = [weight for weight in weights if weight.elements == elements]
    gates = int(told.get("gates", 1))
    if not sized and gates > 1:
        sized = [weight for weight in weights if weight.elements * gates == elements]
        count = gates
    if len(sized) < count:
        raise VerificationError(
            f"{step}: the kernel of layer {kernel} is not in the file",
            hint="the converter took it apart: leave the layer out with layers=!" + layer,
        )
    names = {layer, f"quant_{layer}"}
    named = [w for w in sized if names & set(re.split("[/;]", w.name))]
    return (named if len(named) >= count else sized), count
