"""The toolkit's quantization-aware model, and three corrections of it.

* A convolution or dense layer that is followed by a ``ReLU`` layer, with no batch normalization
  between, is left with no quantizer for its kernel; here it gets one.
* Ranges of activations start at [-6, 6] and follow the batches by a moving average of 0.999, far
  too slow for a few hundred steps; here they start at what real samples show.
* Ranges of kernels are those of the last step but one when training ends; here they are settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.errors import BuildError, telling_line
from bench.techniques._kernels import variables_of
from bench.techniques._model import KERNELS, types_of, wrap
from bench.techniques._preserve import Kept

MOVING_AVERAGE = 0.999
"""Decay of the toolkit's moving average over ranges."""


def is_known(layer: Any) -> bool:
    """Whether the toolkit's default 8-bit scheme knows this type of layer."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry,
    )

    registry = default_8bit_quantize_registry.Default8BitQuantizeRegistry()
    return bool(registry.supports(layer))


def quantized(model: Any, names: Sequence[str]) -> Any:
    """A copy of a tf_keras model in which these layers are trained with 8-bit rounding.

    Raises:
        BuildError: the toolkit cannot do it, in its own words.
    """
    from tensorflow_model_optimization.python.core.quantization.keras import quantize

    try:
        marked = wrap(model, names, quantize.quantize_annotate_layer)
        with types_of(model), quantize.quantize_scope():
            return quantize.quantize_apply(marked, _scheme())
    except Exception as fault:  # the toolkit raises ValueError, RuntimeError and others
        raise BuildError(
            f"the toolkit cannot quantize {model.name} ({telling_line(fault)})",
            hint="leave the layer out with layers=!NAME, or use quantize:int8",
        ) from fault


def _scheme() -> Any:
    """The default 8-bit scheme, with a quantizer for each kernel."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs as configs,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_layout_transform as layout,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as registry,
    )
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_scheme as scheme,
    )

    class Layout(layout.Default8BitQuantizeLayoutTransform):  # type: ignore[misc]
        def apply(self, model: Any, layer_quantize_map: Any) -> Any:
            model, settings = super().apply(model, layer_quantize_map)
            for layer in model.layers:
                kernel = KERNELS.get(type(layer).__name__)
                setting = settings.get(layer.name, {})
                if kernel and isinstance(
                    setting.get("quantize_config"), configs.NoOpQuantizeConfig
                ):
                    per_channel = type(layer).__name__ != "Dense"
                    kind = (
                        registry.Default8BitConvQuantizeConfig
                        if per_channel
                        else registry.Default8BitQuantizeConfig
                    )
                    setting["quantize_config"] = kind([kernel], [], False)
            return model, settings

    class Scheme(scheme.Default8BitQuantizeScheme):  # type: ignore[misc]
        def get_layout_transformer(self) -> Any:
            return Layout()

    return Scheme()


def kernels(model: Any) -> dict[str, Any]:
    """Variables of the kernels, quantized or not, by the name of the layer as it was before."""
    # A quantized layer's own attribute holds the rounded tensor; the variable is in the wrapper.
    found = {
        wrapper.layer.name: variable
        for wrapper in _wrappers(model)
        for variable, _, _ in wrapper._weight_vars
    }
    return {**variables_of(model), **found}


def without_rounding(model: Any, trained: Any) -> Any:
    """The model that :func:`quantized` was given, with the weights of its trained copy."""
    wrappers = {wrapper.layer.name: wrapper for wrapper in _wrappers(trained)}
    for layer in model.layers:
        if layer.name not in wrappers:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
            continue
        wrapper = wrappers[layer.name]
        weights = [*wrapper.layer.weights, *(one for one, _, _ in wrapper._weight_vars)]
        values = {_own_name(weight): weight.numpy() for weight in weights}
        layer.set_weights([values[_own_name(weight)] for weight in layer.weights])
    return model


def _own_name(variable: Any) -> str:
    """``kernel`` of ``quant_conv/kernel:0``."""
    return str(variable.name).split("/")[-1].split(":")[0]


def start_ranges(model: Any, batches: Iterable[Any]) -> None:
    """Set the ranges of activations to their mean over these batches, as training would see them.

    One step in training mode moves a range by a thousandth towards the batch's own; that tells the
    batch's own. Two rounds, since later layers see what earlier ones round. All else is restored.
    """
    skipped = {id(v) for w in _wrappers(model) for _, _, r in w._weight_vars for v in r.values()}
    # The input's range is no moving average: it takes in each batch at once.
    inputs = [layer for layer in model.layers if type(layer).__name__ == "QuantizeLayer"]
    of_inputs = {id(variable) for layer in inputs for variable in layer.weights}
    skipped |= of_inputs
    ranges = [v for v in model.variables if _is_range(v) and id(v) not in skipped]
    averages = {id(variable) for variable in ranges}
    others = [v for v in model.variables if id(v) not in averages | of_inputs]
    saved = [variable.numpy() for variable in others]
    batches = list(batches)
    for _ in range(2):
        before = [variable.numpy() for variable in ranges]
        seen = [np.zeros_like(value) for value in before]
        for batch in batches:
            model(batch, training=True)
            for index, variable in enumerate(ranges):
                moved = (variable.numpy() - before[index]) / (1 - MOVING_AVERAGE)
                seen[index] += (before[index] + moved) / len(batches)
                variable.assign(before[index])
        for variable, value in zip(ranges, seen, strict=True):
            # Zero is always inside a range; the division above may leave it just outside.
            low = "_min" in variable.name
            variable.assign(np.minimum(value, 0) if low else np.maximum(value, 0))
    for variable, value in zip(others, saved, strict=True):
        variable.assign(value)


def settle_ranges(model: Any, kept: Mapping[str, Kept]) -> None:
    """Set the kernels' ranges to what the kernels are now.

    In a clustered kernel all output channels get the kernel's own range: its K values then become
    the same K integers in every channel, which zips far better and costs nothing, since K values
    need no finer grid.
    """
    for wrapper in _wrappers(model):
        for variable, _, ranges in wrapper._weight_vars:
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


def _wrappers(model: Any) -> list[Any]:
    return [layer for layer in model.layers if hasattr(layer, "_weight_vars")]


def _is_range(variable: Any) -> bool:
    return str(variable.name).split(":")[0].endswith(("_min", "_max"))
