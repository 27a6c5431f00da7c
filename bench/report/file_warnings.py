"""What the files of variants say that no figure does: layers left as they were, ops left in float.

Codes: ``left-alone`` and ``partly-int8``. Both are read from the variants' facts, so an old file of
records shows them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.text import count
from bench.values import ReportWarning, Variant

NAMED = 6
"""So many layers are named; of more, the number is told."""

DONE: Mapping[str, str] = {
    "prune": "not pruned",
    "cluster": "not clustered",
    "channels": "no channels removed",
    "qat": "not trained with quantization, only quantized after training",
}
"""Technique to what the layers that it leaves alone are."""

OUTPUTS = "(it is the model's output)"
"""Why ``channels`` leaves a layer alone that every model has; not worth a warning."""


def find_file_warnings(variants: Sequence[Variant]) -> list[ReportWarning]:
    """What to know of the variants' files before believing their figures."""
    return [found for variant in variants for found in _of_file(variant)]


def _of_file(variant: Variant) -> Iterator[ReportWarning]:
    for technique, facts in variant.steps.items():
        left = [name for name in facts.get("skipped", ()) if not name.endswith(OUTPUTS)]
        if left:
            fraction = facts.get("skipped_fraction")
            held = "" if fraction is None else f" with {fraction:.1%} of the weights"
            yield ReportWarning(
                code="left-alone",
                message=f"{technique} left {count(len(left), 'layer')}{held} alone "
                f"({DONE.get(technique, 'as before')}): {name_some(left)}",
                hint="it has no form for them: the figures are of the model with these as they are",
                variant=variant.name,
            )
    partly = partly_int8(variant)
    if partly is not None and variant.facts is not None:
        in_float = dict.fromkeys(map(layer_of, variant.facts.float_outputs))
        ops = ", ".join(f"{n} {op}" for op, n in variant.facts.float_ops.items())
        yield ReportWarning(
            code="partly-int8",
            message=f"{partly:.0%} of the ops compute in int8, the others in float ({ops}): "
            f"{name_some(in_float)}",
            hint="there is no int8 form for these here: quantize:int8 may have one, or replace "
            "the layers",
            variant=variant.name,
        )


def partly_int8(variant: Variant) -> float | None:
    """The fraction of ops that compute in int8 where some do and others compute in float."""
    facts = variant.facts
    if facts is None or not facts.int8_share or not facts.float_ops:
        return None
    return facts.int8_share


def layer_of(tensor: str) -> str:
    """The layer in a tensor's name: ``net/quant_se/mul;net/se/x`` is ``se``."""
    parts = re.split("/", tensor.split(";", maxsplit=1)[0])
    inner = parts[1:-1] or parts[-1:]
    return inner[0].removeprefix("quant_")


def name_some(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    listed = list(names)
    more = len(listed) - NAMED
    text = ", ".join(listed[:NAMED])
    return f"{text} and {more} more" if more > 0 else text
