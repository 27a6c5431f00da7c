"""Weight clustering: each kernel holds at most K different values (Han et al., "Deep Compression",
2016), with the Model Optimization Toolkit.

After pruning, zero is one of the K values and pruned weights stay zero (the toolkit's
sparsity-preserving clustering).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from bench.errors import BuildError, RecipeError
from bench.techniques import (
    Context,
    Work,
    _centroids,
    _keras3_to_2,
    _kernels,
    _model,
    _options,
    _preserve,
    _verify,
)
from bench.techniques._layers import Selection, own_values, select
from bench.techniques._training import FitOptions, fine_tune
from bench.tflite.values import FileFacts
from bench.values import Step

INITS = ("kmeans", "density", "linear", "random")

SUMMARY = "weight clustering: at most K different values per kernel, so that it zips well"
ARGUMENT = "K, how many values a kernel may hold"
OPTIONS: Mapping[str, str] = {
    "each": "layers with a K of their own, LAYER:K behind commas; 0 leaves one alone",
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
        "each": _options.by_layer("each", _own_clusters(least)),
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
    per_channel = values["per_channel"] == "yes"
    model = _model.trainable(work, context)
    kept = _preserve.kept_by(work, model)
    selection, clusters = _select(model, step, values, kept)
    skipped = _model.skipped_facts(model, selection)  # wrapping takes the kernels from the layers
    variables = _kernels.variables_of(model)

    frozen = _unfrozen(model, selection.chosen)
    tf_keras.utils.set_random_seed(context.seed)
    by_toolkit = [name for name in selection.chosen if _has_wrapper(model.get_layer(name))]
    own = _cluster_others(model, set(selection.chosen) - set(by_toolkit), clusters, values, kept)
    wrapped = _model.wrap(model, by_toolkit, _wrapper(clusters, values, kept))
    others = {name: one for name, one in kept.items() if name not in by_toolkit} | own
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
    _restore_zeros(clean, kept, by_toolkit)
    for name in frozen:
        clean.get_layer(name).trainable = False
    facts |= {
        "clusters": int(step.argument or 0),
        "layers": {
            kernel.name: {
                "clusters": clusters[name],
                "per_channel": per_channel and _is_conv(clean.get_layer(name)),
                "elements": kernel.elements,
                "gates": kernel.gates,
            }
            for name in selection.chosen
            for kernel in _kernels.kernels_of(clean.get_layer(name))
        },
        **skipped,
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
    clusters: Mapping[str, int], values: Mapping[str, str], kept: Mapping[str, _preserve.Kept]
) -> Callable[[Any], Any]:
    """Wraps a layer in the toolkit's clustering."""
    from tensorflow_model_optimization.python.core.clustering.keras import (
        cluster_config,
        cluster_wrapper,
    )

    init = cluster_config.CentroidInitialization[_toolkit_name(values["init"])]

    def wrap(layer: Any) -> Any:
        return cluster_wrapper.ClusterWeights(
            layer,
            number_of_clusters=clusters[layer.name],
            cluster_centroids_init=init,
            preserve_sparsity=_has_zeros(layer.name, kept),
            cluster_per_channel=values["per_channel"] == "yes",
        )

    return wrap


def _cluster_others(
    model: Any,
    names: Collection[str],
    clusters: Mapping[str, int],
    values: Mapping[str, str],
    kept: Mapping[str, _preserve.Kept],
) -> dict[str, _preserve.Kept]:
    """Cluster the kernels of layers that the toolkit has no wrapper for; what they must keep."""
    found = {}
    for name in names:
        for kernel in _kernels.kernels_of(model.get_layer(name)):
            weights = kernel.variable.numpy()
            mask = kept[kernel.name].mask if kernel.name in kept else np.ones_like(weights)
            init = _toolkit_name(values["init"])
            one = _centroids.clusters_from(weights, mask, clusters[name], init)
            kernel.variable.assign(one.project(weights))
            found[kernel.name] = one
    return found


def _toolkit_name(init: str) -> str:
    """The toolkit's name of where centroids start."""
    names = {"kmeans": "KMEANS_PLUS_PLUS", "density": "DENSITY_BASED"}
    return names.get(init, init.upper())


def _has_wrapper(layer: Any) -> bool:
    """Whether the toolkit's wrapper clusters the layer and gives it back whole.

    Its wrapper for recurrent layers does not reach TimeDistributed, and of attention none is left.
    """
    from tensorflow_model_optimization.python.core.clustering.keras import clustering_registry

    registry = clustering_registry.ClusteringRegistry
    return type(layer).__name__ in _model.KERNELS and bool(registry.supports(layer))


def _own_clusters(least: int) -> _options.Canonical:
    """A layer's own K, or 0."""
    parse = _options.whole("each", least)
    return lambda text: "0" if text == "0" else parse(text)


def _select(
    model: Any, step: Step, values: Mapping[str, str], kept: Mapping[str, _preserve.Kept]
) -> tuple[Selection, Mapping[str, int]]:
    """Layers to cluster, each with its K; those with fewer weights are skipped, unless named."""
    per_channel, pattern = values["per_channel"] == "yes", values.get("layers")
    able, unable = _model.split_by(model, _kernels.can_thin_out)
    own = own_values(values.get("each"), able, unable, option="each")
    clusters = {layer.name: int(own.get(layer.name, step.argument or 0)) for layer in able}
    able = tuple(layer for layer in able if clusters[layer.name] > 0)
    sizes = {layer.name: _weights(model.get_layer(layer.name), per_channel, kept) for layer in able}
    small = {name for name, size in sizes.items() if size <= clusters[name]}
    if pattern is None:
        enough = tuple(layer for layer in able if layer.name not in small)
        few = tuple(layer for layer in able if layer.name in small)
        if enough or not few:
            return select(None, enough, (*unable, *few)), clusters
        selection = Selection(tuple(layer.name for layer in few), unable)
    else:
        selection = Selection(select(pattern, able, unable).chosen, unable)
    for name in selection.chosen:
        if name in small:
            kernels = _kernels.kernels_of(model.get_layer(name))
            pruned = any(_has_zeros(kernel.name, kept) for kernel in kernels)
            raise BuildError(
                f"cluster:{clusters[name]}: layer {name} has only {sizes[name]} weights"
                + (" in a channel" if per_channel else "")
                + (", the pruned ones counted as one" if pruned else ""),
                hint="ask for fewer values, or leave the layer out with layers=!" + name,
            )
    return selection, clusters


def _weights(layer: Any, per_channel: bool, kept: Mapping[str, _preserve.Kept]) -> int:
    """How many weights share the K values, where they are fewest: in a kernel, or in its channel.

    Zeros of a pruned kernel are one value, and the toolkit finds no more centroids than others.
    """
    fewest = []
    for kernel in _kernels.kernels_of(layer):
        weights = kernel.variable.numpy()
        groups = weights.reshape(-1, weights.shape[-1] if per_channel and _is_conv(layer) else 1)
        alive = np.count_nonzero(groups, axis=0).min()
        fewest.append(1 + int(alive) if _has_zeros(kernel.name, kept) else len(groups))
    return min(fewest)


def _has_zeros(kernel: str, kept: Mapping[str, _preserve.Kept]) -> bool:
    """Whether weights of a kernel were pruned."""
    return kernel in kept and not kept[kernel].mask.all()


def _unfrozen(model: Any, names: Sequence[str]) -> list[str]:
    """Set layers free that the user froze; the toolkit's clusters do not reach the others' kernels.

    Returns:
        Their names.
    """
    frozen = [name for name in names if not model.get_layer(name).trainable]
    for name in frozen:
        model.get_layer(name).trainable = True
    return frozen


def _is_conv(layer: Any) -> bool:
    return type(layer).__name__ == "Conv2D"


def _restore_zeros(model: Any, kept: Mapping[str, _preserve.Kept], names: Sequence[str]) -> None:
    """Pruned weights are zero, also where the toolkit put them to a centroid near zero."""
    for name in names:
        if name in kept:
            kernel = _model.kernel_of(model.get_layer(name))
            kernel.assign(kernel.numpy() * kept[name].mask)
