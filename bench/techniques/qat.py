"""Quantization-aware training (Jacob et al., 2018) with the Model Optimization Toolkit.

Zeros and clusters of earlier steps are kept (PQAT, CQAT, PCQAT), by :mod:`bench.techniques._keep`
and not by the toolkit's preserving schemes; the reason stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.errors import BuildError
from bench.techniques import Context, Conversion, Work
from bench.techniques import _keep as keep
from bench.techniques import _model as models
from bench.techniques import _options as options
from bench.techniques import _promise as promise
from bench.techniques._layers import Selection, select
from bench.techniques._training import Settings, fine_tune
from bench.values import Facts, Step

SUMMARY = "quantization-aware training: int8 whose rounding the training has seen"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {
    "io": "type of inputs and outputs: int8 (default), uint8 or float32",
    **options.TRAINING_OPTIONS,
}
DEFAULTS = {"io": "int8", "epochs": "3", "lr": "0.0003", "batch": "64", "distill": "0"}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: an argument, a value out of range, or a model that is quantized already.
    """
    options.no_argument(step)
    reasons = {**options.AFTER_CONVERSION, "qat": "the model is quantized already"}
    options.refuse_after(step, earlier, reasons)
    parsers = {
        "io": options.choice("io", ("float32", "int8", "uint8")),
        **options.training_parsers(),
    }
    parsers["epochs"] = options.whole("epochs", 1, 10_000)
    return options.canonical(step, None, parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Train a copy with quantization in the graph; its ranges go into the conversion.

    Raises:
        BuildError: no layer can be quantized, or the toolkit rewrites a layer that must keep its
            zeros or clusters.
        DataError: no samples to train on, or they do not fit.
    """
    values = options.settings(step, DEFAULTS)
    model = models.trainable(work, context)
    selection = _select(model, values.get("layers"))
    kept = keep.kept_by(work, model)
    quantized = _quantize(model, selection)
    variables = _kernels(quantized)
    lost = sorted(set(kept) - set(variables))
    if lost:
        raise BuildError(
            f"qat rewrites layer {lost[0]} and would lose what earlier steps made there",
            hint=f"leave it out of those steps with layers=!{lost[0]}",
        )
    facts = fine_tune(
        quantized,
        Settings.of(values),
        context,
        work,
        "qat",
        after_batch=keep.keeper(kept, variables),
    )
    _settle_ranges(quantized, kept)
    facts |= {
        "layers": {name: {} for name in selection.chosen},
        "skipped": selection.describe_skipped(),
    }
    conversion = Conversion(mode="qat", io=values["io"])  # type: ignore[arg-type]  # check() knows
    return replace(models.taken(work, step, quantized, facts), conversion=conversion)


def verify(step: Step, work: Work, facts: Facts) -> None:
    """No op computes in float after whole-model training.

    Raises:
        PromiseError: a float kernel is left.
    """
    if work.facts["qat"]["skipped"] or "layers" in dict(step.options):
        return
    promise.all_int8(step, facts)


def _select(model: Any, pattern: str | None) -> Selection:
    """Layers to quantize; those without weights follow by themselves with the whole model."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry,
    )

    registry = default_8bit_quantize_registry.Default8BitQuantizeRegistry()

    def can(layer: Any) -> bool:
        return type(layer).__name__ != "InputLayer" and bool(registry.supports(layer))

    able, unable = models.split_by(model, can)
    return select(pattern, able, unable)


def _quantize(model: Any, selection: Selection) -> Any:
    """The model with the toolkit's wrappers of the default 8-bit scheme."""
    from tensorflow_model_optimization.python.core.quantization.keras import quantize

    try:
        marked = models.wrap(model, selection.chosen, quantize.quantize_annotate_layer)
        with quantize.quantize_scope():
            return quantize.quantize_apply(marked)
    except Exception as fault:  # the toolkit raises ValueError, RuntimeError and others
        raise BuildError(
            f"the toolkit cannot quantize {model.name} ({str(fault).splitlines()[0][:160]})",
            hint="leave the layer out with layers=!NAME, or use quantize:int8",
        ) from fault


def _wrappers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if hasattr(layer, "quantize_config")]


def _kernels(model: Any) -> dict[str, Any]:
    """Variables of the kernels by the name of the layer, wrapped or not."""
    found = {layer.name: models.kernel_of(layer) for layer in model.layers}
    for wrapper in _wrappers(model):
        # The layer's own attribute holds the quantized tensor; the variable is in the wrapper.
        for variable, _, _ in getattr(wrapper, "_weight_vars", ()):
            found[wrapper.layer.name] = variable
    return {name: variable for name, variable in found.items() if variable is not None}


def _settle_ranges(model: Any, kept: Mapping[str, keep.Kept]) -> None:
    """Set the kernels' ranges to what the kernels are now; training leaves those of a step before.

    In a clustered kernel all output channels get the kernel's own range: its K values then become
    the same K integers in every channel, which zips far better and costs nothing, since K values
    need no finer grid.
    """
    for wrapper in _wrappers(model):
        for variable, _, ranges in getattr(wrapper, "_weight_vars", ()):
            kernel = np.abs(variable.numpy())
            shape = tuple(ranges["max_var"].shape)
            one = kept.get(wrapper.layer.name)
            if shape and not (one is not None and one.cluster is not None):
                limit = kernel.reshape(-1, kernel.shape[-1]).max(axis=0)
            else:
                limit = np.broadcast_to(kernel.max(), shape)
            limit = np.maximum(limit, np.float32(1e-8)).reshape(shape)
            ranges["max_var"].assign(limit)
            ranges["min_var"].assign(-limit)
