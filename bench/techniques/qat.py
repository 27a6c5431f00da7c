"""Quantization-aware training (Jacob et al., 2018) with the Model Optimization Toolkit.

Layers that the toolkit has no scheme for (Conv1D, attention, the product in a squeeze-and-excite
block) are not trained with quantization. Where there are any, the whole model is quantized after
training, on samples, so that the file computes in int8 throughout: its kernels have seen their
rounding, and the ranges of activations are found anew. (The converter can also calibrate the rest
alone, beside ranges that were trained. The two then differ where they meet: of MobileNetV3 and
EfficientNet it makes files that no runtime prepares, or that end the process.)

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
from bench.techniques._training import FitOptions, fine_tune, training_batches
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "quantization-aware training: int8 whose rounding the training has seen"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {
    "io": "type of inputs and outputs: int8 (default), uint8, or float32 (default with "
    "rest=float32)",
    "rest": "layers that are not trained this way: int8 (quantized after training; default) or "
    "float32 (default with layers=)",
    **_options.TRAINING_OPTIONS,
}
DEFAULTS = {"epochs": "3", "lr": "0.0003", "batch": "64", "distill": "0"}


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
        "rest": _options.choice("rest", ("float32", "int8")),
        **_options.training_parsers(),
    }
    parsers["epochs"] = _options.whole("epochs", 1, 10_000)
    step = _options.canonical(step, None, parsers, DEFAULTS)
    given = dict(step.options)
    for key, default in (("rest", _rest), ("io", _io)):
        others = {name: text for name, text in given.items() if name != key}
        if given.get(key) == default(others):
            given = others
    return replace(step, options=tuple(given.items()))


def _rest(values: Mapping[str, str]) -> str:
    """How layers that are not trained with quantization compute."""
    return values.get("rest", "float32" if "layers" in values else "int8")


def _io(values: Mapping[str, str]) -> str:
    """Type of inputs and outputs."""
    return values.get("io", _rest(values))


def apply(step: Step, work: Work, context: Context) -> Work:
    """Train a copy with quantization in the graph; its ranges go into the conversion.

    Raises:
        BuildError: no layer can be quantized, or the toolkit rewrites a layer that must keep its
            zeros or clusters.
        DataError: no samples to train on, or they do not fit.
    """
    values = _options.chosen(step, DEFAULTS)
    model = _model.trainable(work, context)
    selection = _select(model, values.get("layers"))
    kept = _preserve.kept_by(work, model)
    trained = [*selection.chosen, *_followers(model, selection)]
    quantized = _qat_toolkit.quantized(model, trained)
    variables = _qat_toolkit.kernels(quantized)
    lost = sorted(set(kept) - set(variables))
    if lost:
        raise BuildError(
            f"qat rewrites layer {lost[0]} and would lose what earlier steps made there",
            hint=f"leave it out of those steps with layers=!{lost[0].partition('/')[0]}",
        )
    fit_options = FitOptions.of(values)
    _qat_toolkit.start_ranges(quantized, training_batches(quantized, fit_options.batch, context))
    _qat_toolkit.settle_ranges(quantized, kept)
    facts = fine_tune(
        quantized,
        fit_options,
        context,
        work,
        step,
        after_batch=_preserve.keeper(kept, variables),
    )
    _qat_toolkit.settle_ranges(quantized, kept)
    facts |= {
        "layers": {name: {} for name in selection.chosen},
        "untrained": [
            f"{layer.name} ({type(layer).__name__})"
            for layer in model.layers
            if layer.name not in trained and type(layer).__name__ != "InputLayer"
        ],
        **_model.skipped_facts(model, selection),
    }
    conversion = Conversion(
        mode="qat",
        io=_io(values),  # type: ignore[arg-type]  # check() knows it
        rest=_rest(values) if facts["untrained"] else "float32",  # type: ignore[arg-type]  # as above
    )
    partly = bool(facts["untrained"])
    return replace(
        _model.taken(work, step, quantized, facts),
        conversion=conversion,
        unrounded=_qat_toolkit.without_rounding(model, quantized) if partly else None,
    )


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """No op computes in float after whole-model training; else the table says how many do.

    Raises:
        VerificationError: a float kernel is left.
    """
    if work.facts["qat"]["untrained"]:
        return
    _verify.all_int8(step, facts)


def _select(model: Any, pattern: str | None) -> Selection:
    """Layers with kernels to quantize."""

    def can(layer: Any) -> bool:
        return _model.kernel_of(layer) is not None and _qat_toolkit.is_known(layer)

    able, unable = _model.split_by(model, can)
    return select(pattern, able, unable)


def _followers(model: Any, selection: Selection) -> list[str]:
    """Layers without kernels that the toolkit knows, on what only the chosen layers give."""
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
    return [one.name for one in following if one.name in folded or _qat_toolkit.is_known(one)]
