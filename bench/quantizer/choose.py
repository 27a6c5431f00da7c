"""Which algorithm and which bits each layer gets, by measurement on samples.

*Sensitivity* of a layer: how far the answers move when its weights alone have 4 bits and all others
8. ``mixed`` gives 4 bits to layer after layer, the least sensitive for the bytes it saves first,
and takes back what would lose more than allowed: a greedy search, as in Cai et al., "ZeroQ" (CVPR
2020), with the loss itself measured at each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BuildError
from bench.quantizer.files import Bits, Layer
from bench.quantizer.judge import Judge
from bench.quantizer.schemes import ALGORITHMS, Algorithm
from bench.values import StepProgress

SENSITIVITY_SAMPLES = 256
"""So many answers tell one layer's sensitivity: a mean square is known from fewer than a loss."""

GIVE_UP_AFTER = 4
"""So many layers in a row that lose too much end the search: those to come are more sensitive."""

Quantize = Callable[[Mapping[str, Bits]], bytes]


@dataclass(frozen=True)
class Sensitivity:
    """What 4 bits in one layer alone do to the answers, by its best algorithm.

    Attributes:
        error: of the answers; see :meth:`bench.quantizer.judge.Judge.error`.
    """

    layer: Layer
    algorithm: Algorithm
    error: float


@dataclass(frozen=True)
class Mix:
    """What ``mixed`` came to.

    Attributes:
        assignment: of the layers with 4 bits.
        loss: on the samples it was chosen by, as a fraction.
        tried: files that were built and judged on all samples.
    """

    assignment: Mapping[str, Bits]
    loss: float
    tried: int


def sensitivities(
    layers: Sequence[Layer],
    quantize: Quantize,
    judge: Judge,
    algorithms: Sequence[Algorithm],
    progress: StepProgress,
) -> list[Sensitivity]:
    """Each layer that has a 4-bit form with the algorithm that moves the answers least."""
    found = []
    for number, layer in enumerate(layers):
        progress(f"sensitivity of {layer.name}", number, len(layers))
        errors: dict[Algorithm, float] = {}
        for algorithm in algorithms:
            content = quantize({layer.scope: Bits(4, algorithm)})
            errors[algorithm] = judge.error(judge.answers(content, most=SENSITIVITY_SAMPLES))
        best = min(errors, key=lambda name: errors[name])
        found.append(Sensitivity(layer, best, errors[best]))
    return found


def mix(
    layers: Sequence[Layer],
    quantize: Quantize,
    judge: Judge,
    max_loss: float,
    algorithm: Algorithm | None,
    progress: StepProgress,
) -> Mix:
    """The layers that get 4 bits, so that at most ``max_loss`` is lost on the judge's samples.

    Raises:
        BuildError: with 8 bits everywhere more than that is lost already.
    """
    loss = judge.loss(judge.answers(quantize({})))
    if loss > max_loss:
        raise BuildError(
            f"with 8 bits in all layers {loss:.2%} are lost already on {len(judge)} samples "
            f"({judge.metric}), and max-loss is {max_loss:.2%}",
            hint="allow more with max-loss=, or use quantize:w8a16",
        )
    algorithms = (algorithm,) if algorithm else ALGORITHMS
    ranked = sensitivities(layers, quantize, judge, algorithms, progress)
    ranked.sort(key=lambda one: one.error / one.layer.elements)
    taken: dict[str, Bits] = {}
    refused = tried = 0
    for number, one in enumerate(ranked):
        if refused >= GIVE_UP_AFTER:
            break
        progress(f"4 bits in {one.layer.name}", number, len(ranked))
        more = {**taken, one.layer.scope: Bits(4, one.algorithm)}
        tried += 1
        lost = judge.loss(judge.answers(quantize(more)))
        if lost <= max_loss:
            taken, loss, refused = more, lost, 0
        else:
            refused += 1
    return Mix(taken, loss, tried)
