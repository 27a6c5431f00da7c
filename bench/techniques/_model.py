"""What techniques share about tf_keras models: a copy to work on, kernels, and wrapping layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.errors import BuildError
from bench.techniques import Context, Work, _keras3_to_2
from bench.techniques._layers import LayerInfo, Selection
from bench.values import Step

KERNELS: Mapping[str, str] = MappingProxyType(
    {
        "Conv1D": "kernel",
        "Conv2D": "kernel",
        "Conv3D": "kernel",
        "Conv1DTranspose": "kernel",
        "Conv2DTranspose": "kernel",
        "Conv3DTranspose": "kernel",
        "Dense": "kernel",
        "DepthwiseConv2D": "depthwise_kernel",
        "SeparableConv1D": "pointwise_kernel",
        "SeparableConv2D": "pointwise_kernel",
        "Embedding": "embeddings",
    }
)
"""Layer type to the name of its weights that matter for size."""


def trainable(work: Work, context: Context) -> Any:
    """A flat tf_keras model of our own, which answers as the work's model.

    Raises:
        BuildError: the model is a SavedModel, has a stateful layer, or cannot be rebuilt or cloned.
    """
    if isinstance(work.model, (str, Path)):
        raise BuildError(
            "a SavedModel can only be converted, not trained further",
            hint="give the .keras or .h5 file it was made from, or use recipes of quantize: alone",
        )
    _refuse_stateful(work.model)
    samples = None
    if context.data is not None:
        split = context.data.splits.get("train") or next(iter(context.data.splits.values()))
        samples = split.x
    return _keras3_to_2.port(work.model, samples, seed=context.seed)


def _refuse_stateful(model: Any) -> None:
    """Raise where a layer goes on from the batch before: training draws samples in any order.

    Raises:
        BuildError: one does.
    """
    for layer in getattr(model, "layers", ()):
        if getattr(layer, "stateful", False):
            raise BuildError(
                f"layer {layer.name} ({type(layer).__name__}) is stateful: it goes on from the "
                "batch before, and fine-tuning takes samples in any order",
                hint="build the model with stateful=False and the same weights to train it, or "
                "use recipes of quantize: alone",
            )
        _refuse_stateful(layer)


def kind_of(layer: Any) -> str:
    """A layer's type as users know it, such as ``Conv2D``."""
    return _keras3_to_2.kind_of(layer)


def is_wrapped(layer: Any) -> bool:
    """Whether it runs a layer of Keras 3 that tf_keras has no counterpart of."""
    return _keras3_to_2.is_wrapped(layer)


def info(layer: Any) -> LayerInfo:
    """A layer's name and type."""
    return LayerInfo(layer.name, kind_of(layer))


def split_by(
    model: Any, can: Callable[[Any], bool]
) -> tuple[tuple[LayerInfo, ...], tuple[LayerInfo, ...]]:
    """Layers with kernels that a technique can handle, and those that it cannot."""
    able, unable = [], []
    for layer in model.layers:
        if can(layer):
            able.append(info(layer))
        elif type(layer).__name__ in KERNELS or _has_matrix(layer):
            unable.append(info(layer))
    return tuple(able), tuple(unable)


def _has_matrix(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.weights)


def skipped_facts(model: Any, selection: Selection) -> dict[str, Any]:
    """Layers with weights that a technique left as they were, and their fraction of all weights."""

    def size(layer: Any) -> int:
        return sum(math.prod(one.shape) for one in layer.weights if len(one.shape) > 1)

    left = {layer.name for layer in selection.skipped}
    sizes = {layer.name: size(layer) for layer in model.layers}
    fraction = sum(sizes[name] for name in left) / max(1, sum(sizes.values()))
    return {"skipped": selection.describe_skipped(), "skipped_fraction": round(fraction, 4)}


def wrap(model: Any, names: Sequence[str], wrapper: Callable[[Any], Any]) -> Any:
    """The model with some layers wrapped; all layers are shared with the given model."""
    import tf_keras

    def of(layer: Any) -> Any:
        return wrapper(layer) if layer.name in names else layer

    return tf_keras.models.clone_model(model, clone_function=of)


def types_of(model: Any) -> Any:
    """A scope in which configs of this model's own layer types can be read back."""
    import tf_keras

    kinds = {type(layer) for layer in model.layers}
    # Keras reads its own types another way where they are named here, building them at once.
    types = {kind.__name__: kind for kind in kinds if not kind.__module__.startswith("tf_keras.")}
    return tf_keras.utils.custom_object_scope(types)


def rebuilt(model: Any, config: dict[str, Any], weights_of: Callable[[Any], Sequence[Any]]) -> Any:
    """A model from a changed config of another.

    Args:
        weights_of: for a layer of the given model, the weights of that in the new one.

    Raises:
        ValueError: the config does not build, or weights do not fit.
    """
    for entry in config["layers"]:
        entry.pop("build_config", None)  # has the shapes of before
    with types_of(model):
        made = type(model).from_config(config)
    if not made.built:
        made.build(model.input_shape)
    for layer in made.layers:
        weights = weights_of(model.get_layer(layer.name))
        if weights:
            layer.set_weights(weights)
    return made


def kernel_of(layer: Any) -> Any:
    """The variable of a layer's kernel, None where the layer has none."""
    return getattr(layer, KERNELS.get(type(layer).__name__, ""), None)


def taken(work: Work, step: Step, model: Any, facts: Mapping[str, Any]) -> Work:
    """The work after a step: its model, and its facts merged into those of the technique."""
    before = work.facts.get(step.technique, {})
    layers = {**before.get("layers", {}), **facts.get("layers", {})}
    merged = {**before, **facts, **({"layers": layers} if layers else {})}
    return replace(
        work,
        model=model,
        done=(*work.done, step),
        facts={**work.facts, step.technique: merged},
    )
