"""Weight clustering: each kernel holds at most K different values (Han et al., "Deep Compression",
2016), with the Model Optimization Toolkit.

After pruning, zero is one of the K values and pruned weights stay zero (the toolkit's
sparsity-preserving clustering).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.errors import BuildError, RecipeError
from bench.techniques import Context, Work, _keras3_to_2, _model, _options, _preserve, _verify
from bench.techniques._layers import Selection, select
from bench.techniques._training import FitOptions, fine_tune
from bench.tflite.values import FileFacts
from bench.values import Step

INITS = ("kmeans", "density", "linear", "random")

SUMMARY = "weight clustering: at most K different values per kernel, so that it zips well"
ARGUMENT = "K, how many values a kernel may hold"
OPTIONS: Mapping[str, str] = {
    "init": f"where centroids start: {', '.join(INITS)} (kmeans is k-means++)",
    "per_channel": "yes: K values per output channel of Conv2D; no (default): per kernel",
    **_options.TRAINING_OPTIONS,
}
DEFAULTS = {
    "init": "kmeans",
    "per_channel": "no",
    "epochs": "3",
    "lr": "0.0005",
    "batch": "64",
    "distill": "0",
}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: K is no number from 2 (3 after pruning), a value out of range, or an
            impossible order.
    """
    _options.refuse_after(step, earlier, _options.AFTER_CONVERSION)
    pruned = any(other.technique == "prune" for other in earlier)
    least = 3 if pruned else 2
    try:
        clusters = int(step.argument or "")
    except ValueError:
        clusters = 0
    if clusters < least:
        reason = ", one of them zero, since weights were pruned" if pruned else ""
        raise RecipeError(
            f"{step} needs a number of values from {least}{reason}", hint="write cluster:16"
        )
    parsers = {
        "init": _options.choice("init", INITS),
        "per_channel": _options.choice("per_channel", ("yes", "no")),
        **_options.training_parsers(),
    }
    return _options.canonical(step, str(clusters), parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Cluster and fine-tune a copy.

    Raises:
        BuildError: a layer chosen by name has fewer weights than K, or no layer can be clustered.
        DataError: no samples to fine-tune on, or they do not fit.
    """
    import tensorflow_model_optimization as tfmot
    import tf_keras

    values = _options.chosen(step, DEFAULTS)
    clusters, per_channel = int(step.argument or 0), values["per_channel"] == "yes"
    model = _model.trainable(work, context)
    selection = _select(model, clusters, per_channel, values.get("layers"))
    kept = _preserve.kept_by(work, model)
    variables = {layer.name: _model.kernel_of(layer) for layer in model.layers}

    tf_keras.utils.set_random_seed(context.seed)
    wrapper = _wrapper(clusters, values, kept)
    wrapped = _model.wrap(model, selection.chosen, wrapper)
    others = {name: one for name, one in kept.items() if name not in selection.chosen}
    fit_options = FitOptions.of(values)
    facts = fine_tune(
        wrapped,
        fit_options,
        context,
        work,
        step,
        after_batch=_preserve.keeper(others, variables),
    )
    clean = _keras3_to_2.clone(tfmot.clustering.keras.strip_clustering(wrapped))
    _restore_zeros(clean, kept, selection.chosen)
    facts |= {
        "clusters": clusters,
        "layers": {
            name: {
                "clusters": clusters,
                "per_channel": per_channel and _is_conv(clean.get_layer(name)),
                "elements": int(np.prod(_model.kernel_of(clean.get_layer(name)).shape)),
            }
            for name in selection.chosen
        },
        **_model.skipped_facts(model, selection),
    }
    return _model.taken(work, step, clean, facts)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """No clustered kernel of the file holds more than K values in any output channel.

    Batch-norm folding scales each output channel by its own factor, so K holds per channel.

    Raises:
        VerificationError: some channel holds more.
    """
    _verify.clusters(step, work, facts)


def _wrapper(
    clusters: int, values: Mapping[str, str], kept: Mapping[str, _preserve.Kept]
) -> Callable[[Any], Any]:
    """Wraps a layer in the toolkit's clustering."""
    from tensorflow_model_optimization.python.core.clustering.keras import (
        cluster_config,
        cluster_wrapper,
    )

    name = {"kmeans": "KMEANS_PLUS_PLUS", "density": "DENSITY_BASED"}.get(values["init"])
    init = cluster_config.CentroidInitialization[name or values["init"].upper()]

    def wrap(layer: Any) -> Any:
        return cluster_wrapper.ClusterWeights(
            layer,
            number_of_clusters=clusters,
            cluster_centroids_init=init,
            preserve_sparsity=layer.name in kept and not kept[layer.name].mask.all(),
            cluster_per_channel=values["per_channel"] == "yes",
        )

    return wrap


def _select(model: Any, clusters: int, per_channel: bool, pattern: str | None) -> Selection:
    """Layers to cluster; those with fewer weights than K are skipped, unless chosen by name."""
    from tensorflow_model_optimization.python.core.clustering.keras import clustering_registry

    registry = clustering_registry.ClusteringRegistry

    def known(layer: Any) -> bool:
        kind = type(layer).__name__
        return kind in _model.KERNELS and registry.supports(layer) and kind != "DepthwiseConv2D"

    def weights(layer: Any) -> int:
        kernel = _model.kernel_of(layer)
        size = int(np.prod(kernel.shape))
        return size // int(kernel.shape[-1]) if per_channel and _is_conv(layer) else size

    able, unable = _model.split_by(model, known)
    small = {
        layer.name: weights(layer)
        for layer in model.layers
        if known(layer) and weights(layer) <= clusters
    }
    if pattern is None:
        enough = tuple(layer for layer in able if layer.name not in small)
        few = tuple(layer for layer in able if layer.name in small)
        if enough or not few:
            return select(None, enough, (*unable, *few))
        chosen = tuple(layer.name for layer in few)
    else:
        chosen = select(pattern, able, unable).chosen
    for name in chosen:
        if name in small:
            raise BuildError(
                f"cluster:{clusters}: layer {name} has only {small[name]} weights"
                + (" per channel" if per_channel else ""),
                hint="ask for fewer values, or leave the layer out with layers=!" + name,
            )
    return Selection(chosen, unable)


def _is_conv(layer: Any) -> bool:
    return type(layer).__name__ == "Conv2D"


def _restore_zeros(model: Any, kept: Mapping[str, _preserve.Kept], names: Sequence[str]) -> None:
    """Pruned weights are zero, also where the toolkit put them to a centroid near zero."""
    for name in names:
        if name in kept:
            kernel = _model.kernel_of(model.get_layer(name))
            kernel.assign(kernel.numpy() * kept[name].mask)
