"""Quantization-aware training (Jacob et al., 2018) with the Model Optimization Toolkit.

Zeros and clusters of earlier steps are kept (PQAT, CQAT, PCQAT), by
:mod:`bench.techniques._preserve` and not by the toolkit's preserving schemes; the reason stands
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.errors import BuildError
from bench.techniques import (
    Context,
    Conversion,
    Work,
    _model,
    _options,
    _preserve,
    _qat_toolkit,
    _verify,
)
from bench.techniques._layers import Selection, select
from bench.techniques._training import Settings, fine_tune, training_batches
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "quantization-aware training: int8 whose rounding the training has seen"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {
    "io": "type of inputs and outputs: int8 (default), uint8 or float32 (default where layers stay "
    "in float)",
    **_options.TRAINING_OPTIONS,
}
DEFAULTS = {"io": "int8", "epochs": "3", "lr": "0.0003", "batch": "64", "distill": "0"}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: an argument, a value out of range, or a model that is quantized already.
    """
    _options.no_argument(step)
    reasons = {**_options.AFTER_CONVERSION, "qat": "the model is quantized already"}
    _options.refuse_after(step, earlier, reasons)
    parsers = {
        "io": _options.choice("io", ("float32", "int8", "uint8")),
        **_options.training_parsers(),
    }
    parsers["epochs"] = _options.whole("epochs", 1, 10_000)
    return _options.canonical(step, None, parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Train a copy with quantization in the graph; its ranges go into the conversion.

    Raises:
        BuildError: no layer can be quantized, or the toolkit rewrites a layer that must keep its
            zeros or clusters.
        DataError: no samples to train on, or they do not fit.
    """
    values = _options.settings(step, DEFAULTS)
    model = _model.trainable(work, context)
    selection = _select(model, values.get("layers"))
    kept = _preserve.kept_by(work, model)
    followers, floating = _followers(model, selection)
    quantized = _qat_toolkit.quantized(model, [*selection.chosen, *followers])
    variables = _qat_toolkit.kernels(quantized)
    lost = sorted(set(kept) - set(variables))
    if lost:
        raise BuildError(
            f"qat rewrites layer {lost[0]} and would lose what earlier steps made there",
            hint=f"leave it out of those steps with layers=!{lost[0]}",
        )
    settings = Settings.of(values)
    _qat_toolkit.start_ranges(quantized, training_batches(quantized, settings.batch, context))
    _qat_toolkit.settle_ranges(quantized, kept)
    facts = fine_tune(
        quantized,
        settings,
        context,
        work,
        step,
        after_batch=_preserve.keeper(kept, variables),
    )
    _qat_toolkit.settle_ranges(quantized, kept)
    facts |= {
        "layers": {name: {} for name in selection.chosen},
        "skipped": [*selection.describe_skipped(), *floating],
    }
    in_float = facts["skipped"] or "layers" in values
    io = "float32" if in_float and "io" not in dict(step.options) else values["io"]
    conversion = Conversion(mode="qat", io=io)  # type: ignore[arg-type]  # check() knows it
    return replace(_model.taken(work, step, quantized, facts), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """No op computes in float after whole-model training.

    Raises:
        VerificationError: a float kernel is left.
    """
    if work.facts["qat"]["skipped"] or "layers" in dict(step.options):
        return
    _verify.all_int8(step, facts)


def _select(model: Any, pattern: str | None) -> Selection:
    """Layers with kernels to quantize."""

    def can(layer: Any) -> bool:
        return _model.kernel_of(layer) is not None and _qat_toolkit.is_known(layer)

    able, unable = _model.split_by(model, can)
    return select(pattern, able, unable)


def _followers(model: Any, selection: Selection) -> tuple[list[str], list[str]]:
    """Layers without kernels that work on what only quantized layers, or the inputs, give.

    Returns:
        Names of those that can be quantized, and ``name (Type)`` of those that cannot.
    """
    sources: dict[str, set[str]] = {}
    folded: set[str] = set()  # into the layer before; the toolkit knows them only there
    depths = sorted(model._nodes_by_depth, reverse=True)
    for node in (node for depth in depths for node in model._nodes_by_depth[depth]):
        if node.is_input:
            continue
        layer = node.layer
        if _model.kernel_of(layer) is not None:
            sources[layer.name] = {layer.name}
            continue
        inbound = [tensor.node.layer for tensor in node.keras_inputs]
        before = [sources.get(one.name, set()) for one in inbound]
        if type(layer).__name__ == "BatchNormalization" and inbound[0].name in selection.chosen:
            folded.add(layer.name)
        sources.setdefault(layer.name, set()).update(*before)
    following = [
        model.get_layer(name)
        for name, kernels in sources.items()
        if kernels <= set(selection.chosen) and _model.kernel_of(model.get_layer(name)) is None
    ]
    return (
        [one.name for one in following if one.name in folded or _qat_toolkit.is_known(one)],
        [
            f"{layer.name} ({type(layer).__name__})"
            for layer in following
            if not (layer.name in folded or _qat_toolkit.is_known(layer))
            and _model.info(layer) not in selection.skipped
        ],
    )
