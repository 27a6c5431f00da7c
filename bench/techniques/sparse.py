"""Sparse encoding: kernels are stored as their nonzero values and where these lie.

A pruned kernel takes fewer bytes in the file so; the runtime unfolds it when it starts (DENSIFY),
so that it computes as before. It is done only where the file becomes smaller and the local runtime
loads it and answers the same. A deflated file may grow: zeros zip well as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.errors import VerificationError
from bench.techniques import Context, Work, _options
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = (
    "sparse encoding of pruned kernels, where it makes the file smaller and the runtime loads it"
)
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
    conversion = replace(work.conversion, sparse=True)
    return replace(work, done=(*work.done, step), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """As many kernels of the file are sparse as were stored so.

    Raises:
        VerificationError: others are.
    """
    asked = len(work.facts["sparse"]["kernels"])
    found = sum(weight.is_sparse for weight in facts.weights)
    if found < asked:
        raise VerificationError(
            f"{step} stored {asked} kernels sparse, the file has {found}",
            hint="report this recipe and model: the file was made of another one",
        )
