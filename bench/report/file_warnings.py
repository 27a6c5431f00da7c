"""What the files of variants say that no figure does: layers left as they were, ops left in float.

Codes: ``left-alone``, ``not-quantized``, ``partly-int8``, ``unrolled``, ``not-sparse`` and
``partly-sparse``. All are read from the variants' facts, so that an old file of records shows them
too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.text import count, layer_of, name_some
from bench.values import ReportWarning, Variant

DONE: Mapping[str, str] = {
    "prune": "not pruned",
    "cluster": "not clustered",
    "channels": "no channels removed",
    "qat": "not trained with quantization, only quantized after training",
}
"""Technique to what the layers that it leaves alone are."""

WORTH_IT, WORTH_BYTES = 0.5, 1000
"""Fraction of zeros and size from which a kernel is worth naming that ``sparse`` left dense."""

OUTPUTS = "(it is the model's output)"
"""Why ``channels`` leaves a layer alone that every model has; not worth a warning."""


def find_file_warnings(variants: Sequence[Variant]) -> list[ReportWarning]:
    """What to know of the variants' files before believing their figures."""
    return [found for variant in variants for found in _of_file(variant)]


def _of_file(variant: Variant) -> Iterator[ReportWarning]:
    yield from _left_alone(variant)
    if _quantized_nothing(variant):
        yield ReportWarning(
            code="not-quantized",
            message="quantize:dynamic quantized nothing: the converter leaves kernels of fewer "
            "than 1,024 weights in float, and this model has no larger one that it can store in "
            "8 bits",
            hint="use quantize:int8, which quantizes kernels of any size, or ship float32",
            variant=variant.name,
        )
    unrolled = variant.steps.get("convert", {}).get("unrolled", ())
    if unrolled:
        yield ReportWarning(
            code="unrolled",
            message=f"its recurrent layers are unrolled ({name_some(unrolled)}): the converter "
            "quantizes them in no other way",
            hint="its size and speed are those of steps written out, the other variants' of a loop "
            "or of one op",
            variant=variant.name,
        )
    if why := variant.steps.get("sparse", {}).get("not_because"):
        yield ReportWarning(
            code="not-sparse",
            message=f"its kernels are stored dense, as without sparse ({why})",
            hint="prune more, such as prune:0.8, or leave sparse out",
            variant=variant.name,
        )
    if dense := _left_dense(variant):
        names = list(filter(None, dense))  # after strip there are none
        named = f": {name_some(names)}" * bool(names)
        yield ReportWarning(
            code="partly-sparse",
            message=f"sparse left {count(len(dense), 'kernel')} dense though half of it or more is "
            f"zero{named}",
            hint="runtimes load no sparse kernels of dynamic range, nor of dense layers in int8: "
            "quantize:float16 has both",
            variant=variant.name,
        )
    partly = partly_int8(variant)
    if partly is not None and variant.facts is not None:
        in_float = variant.steps.get("convert", {}).get("float_layers") or dict.fromkeys(
            map(layer_of, variant.facts.float_outputs)
        )
        ops = ", ".join(f"{n} {op}" for op, n in variant.facts.float_ops.items())
        yield ReportWarning(
            code="partly-int8",
            message=f"{partly:.0%} of the ops compute in int8, the others in float ({ops}): "
            f"{name_some(in_float)}",
            hint=_cure_of_floats(variant),
            variant=variant.name,
        )


def _left_alone(variant: Variant) -> Iterator[ReportWarning]:
    """Layers that techniques left as they were; those that leave the same ones say so together."""
    by_layers: dict[tuple[tuple[str, ...], float | None], list[str]] = {}
    for technique, facts in variant.steps.items():
        left = tuple(name for name in facts.get("skipped", ()) if not name.endswith(OUTPUTS))
        if left:
            key = left, facts.get("skipped_fraction")
            by_layers.setdefault(key, []).append(technique)
    for (left, fraction), techniques in by_layers.items():
        held = "" if fraction is None else f" with {fraction:.1%} of the weights"
        who = "it has" if len(techniques) == 1 else "they have"
        what = ", ".join(DONE.get(technique, "as before") for technique in techniques)
        yield ReportWarning(
            code="left-alone",
            message=f"{' and '.join(techniques)} left {count(len(left), 'layer')}{held} alone "
            f"({what}): {name_some(left)}",
            hint=f"{who} no form for them: the figures are of the model with these as they are",
            variant=variant.name,
        )


def _cure_of_floats(variant: Variant) -> str:
    """What helps where some ops stayed in float."""
    if _asks_for(variant, "quantize:dynamic"):
        return (
            "dynamic range quantizes kernels of 1,024 weights or more alone: quantize:int8 "
            "quantizes more"
        )
    if _asks_for(variant, "quantize:int8"):
        return "there is no int8 form for these here: replace the layers"
    return "there is no int8 form for these here: quantize:int8 may have one, or replace the layers"


def _quantized_nothing(variant: Variant) -> bool:
    """Whether its recipe asks for weights of dynamic range, and all are stored as floats."""
    if not _asks_for(variant, "quantize:dynamic") or variant.facts is None:
        return False
    return not any("int" in weight.dtype for weight in variant.facts.weights)


def _asks_for(variant: Variant, step: str) -> bool:
    """Whether a step is in its recipe, whatever its options."""
    return any(each.split(",")[0] == step for each in variant.recipe.split("+"))


def _left_dense(variant: Variant) -> list[str]:
    """Kernels that ``sparse`` might have been expected to store so, where it did others."""
    if variant.facts is None or not variant.steps.get("sparse", {}).get("kernels"):
        return []
    return [
        layer_of(weight.name)
        for weight in variant.facts.weights
        if not weight.is_sparse
        and weight.sparsity >= WORTH_IT
        and weight.stored_bytes >= WORTH_BYTES
    ]


def partly_int8(variant: Variant) -> float | None:
    """The fraction of ops that compute in int8 where some do and others compute in float."""
    facts = variant.facts
    if facts is None or not facts.int8_share or not facts.float_ops:
        return None
    return facts.int8_share
