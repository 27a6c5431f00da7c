"""What a ``quantize:`` step asks of the quantizer: bits of weights and activations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bench.values import Recipe, Step

QUANTIZER_SCHEMA = 1
"""Raised whenever the same step would give another file."""

Algorithm = Literal["min-max", "mse", "octav"]
ALGORITHMS: tuple[Algorithm, ...] = ("min-max", "mse", "octav")
"""How the scale of a channel's weights is found.

``min-max``: from its largest weight. ``mse``: from the root of its mean square, as is best for
normally distributed weights. ``octav``: by iteration to the least squared error with clipping (Sakr
et al., "Optimal Clipping and Magnitude-aware Differentiation for Improved Quantization-aware
Training", ICML 2022).
"""

USUAL: Algorithm = "min-max"
"""In 8 bits, where clipping loses more than it gains (measured: docs/quantizer.md)."""


@dataclass(frozen=True)
class Scheme:
    """Bits of a quantized file.

    Attributes:
        weights: bits of weights; with ``mixed``, of the layers that can bear it.
        activations: bits of what flows between ops; None leaves it in float, and weights are
            unpacked when the file is loaded.
        mixed: each layer has 4 or 8 bits, whichever keeps the loss within a limit.
    """

    weights: Literal[4, 8]
    activations: Literal[8, 16] | None
    mixed: bool = False


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "w8a8": Scheme(8, 8),
        "w4a8": Scheme(4, 8),
        "w8a16": Scheme(8, 16),
        "w8": Scheme(8, None),
        "w4": Scheme(4, None),
        "mixed": Scheme(4, 8, mixed=True),
    }
)
"""By the argument of ``quantize:``."""

MAX_LOSS = 0.01
"""What ``mixed`` may lose unless told otherwise, as a fraction: one point."""


@dataclass(frozen=True)
class Wish:
    """A step that the quantizer carries out.

    Attributes:
        algorithm: for all layers with a choice; None is the usual one in 8 bits, and in 4 bits
            layer by layer the one that changes the answers least.
        max_loss: of ``mixed``, as a fraction.
        io: type of inputs and outputs where activations have 8 bits.
    """

    scheme: Scheme
    algorithm: Algorithm | None = None
    max_loss: float = MAX_LOSS
    io: Literal["int8", "float32"] = "int8"


def wish_of(step: Step) -> Wish | None:
    """What a step asks of the quantizer; None where it is not the quantizer's."""
    if step.technique != "quantize" or step.argument not in SCHEMES:
        return None
    assert step.argument is not None
    options = dict(step.options)
    return Wish(
        SCHEMES[step.argument],
        algorithm=options.get("algorithm"),  # type: ignore[arg-type]  # the step was checked
        max_loss=float(options.get("max-loss", f"{MAX_LOSS:%}").rstrip("%")) / 100,
        io=options.get("io", "int8"),  # type: ignore[arg-type]  # the step was checked
    )


def needs_samples(step: Step) -> bool:
    """Whether a step of the quantizer's needs samples, to calibrate on or to choose by."""
    wish = wish_of(step)
    if wish is None:
        return False
    chooses = wish.scheme.weights == 4 and wish.algorithm is None
    return chooses or wish.scheme.mixed or wish.scheme.activations is not None


def float_part(recipe: Recipe) -> Recipe | None:
    """The recipe without its last step where the quantizer takes that one, else None.

    It builds the float .tflite that the quantizer is given.
    """
    if not recipe.steps or wish_of(recipe.steps[-1]) is None:
        return None
    return Recipe(recipe.steps[:-1])
