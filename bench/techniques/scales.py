"""Scales of a quantized file rounded to a few significant bits: it zips smaller.

Kernels that hold many values get integers for their new scales, those that hold few keep theirs,
and biases are rounded to what outputs can show (see :mod:`bench.tflite.scales`). Answers are next
to the same, and accuracy is measured on the file as it ships. A file that is not zipped keeps its
size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.errors import RecipeError, VerificationError
from bench.techniques import Context, Work, _options
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = (
    "scales of a quantized file rounded to that many significant bits, so that it zips smaller"
)
ARGUMENT = "significant bits of each scale, 4 to 16"
OPTIONS: Mapping[str, str] = {}
TRAINS = False
FINISHES = True
"""It rewrites the finished file: nothing but another such step may follow."""

_BITS = _options.whole("scales", 4, 16)


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step with its number in canonical spelling.

    Raises:
        RecipeError: no number within the range, a second one, nothing quantized before it, or a
            file of the quantizer.
    """
    _options.finishing(replace(step, argument=None), earlier)
    # Told before anything is trained; alone, it is told at once by the file.
    if earlier and not any(other.technique in ("qat", "quantize") for other in earlier):
        raise RecipeError(
            f"{step} needs a quantized file", hint="write it behind qat or quantize:int8"
        )
    if step.argument is None:
        raise RecipeError("scales needs a number of bits", hint="write scales:5")
    return replace(step, argument=_BITS(step.argument))


def apply(step: Step, work: Work, context: Context) -> Work:
    """Ask for it; it is done to the finished file."""
    conversion = replace(work.conversion, scale_bits=int(step.argument or 0))
    return replace(work, done=(*work.done, step), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """No scale of the file has more significant bits.

    Raises:
        VerificationError: one has.
    """
    allowed = int(step.argument or 0)
    if facts.scale_bits is not None and facts.scale_bits > allowed:
        raise VerificationError(
            f"{step} left scales of {allowed} bits, the file has one of {facts.scale_bits}",
            hint="report this recipe and model: the file was made of another one",
        )
