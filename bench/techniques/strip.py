"""Tensor names left out, and equal lists stored once: no runtime needs either.

Names of inputs, outputs and signatures stay: ``benchmark_model`` and applications address inputs by
them. What is lost is what tools such as profilers and viewers show. The lists are above all zero
points, eight bytes of zeros for each channel of an int8 kernel and again for its bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.errors import VerificationError
from bench.techniques import Context, Work, _options
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "names of inner tensors left out, equal lists stored once: int8 files lose up to a fifth"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {}
TRAINS = False
FINISHES = True
"""It rewrites the finished file: nothing but another such step may follow."""


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step as it is.

    Raises:
        RecipeError: an argument, a second one, or a file of the quantizer before it.
    """
    return _options.finishing(step, earlier)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Ask for it; it is done to the finished file."""
    conversion = replace(work.conversion, strip=True)
    return replace(work, done=(*work.done, step), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """The file holds no more names than the worker left in it.

    Raises:
        VerificationError: it does.
    """
    allowed = int(work.facts["strip"]["name_bytes"])
    if facts.name_bytes is not None and facts.name_bytes > allowed:
        raise VerificationError(
            f"{step} left {allowed} bytes of names, the file has {facts.name_bytes}",
            hint="report this recipe and model: the file was made of another one",
        )
