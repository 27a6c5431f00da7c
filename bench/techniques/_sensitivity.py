"""How much each layer minds being made smaller: one layer at a time, with no training after it.

The figures are one-shot losses (Han et al., "Learning both Weights and Connections", 2015, section
3.2; Li et al., "Pruning Filters for Efficient ConvNets", 2017, section 3.2). Fine-tuning wins most
of them back, so they say which layers to spare, and not what a finished variant will lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench import metrics
from bench.data import Split
from bench.errors import DataError
from bench.techniques import (
    Context,
    Work,
    _centroids,
    _channels_graph,
    _channels_keras,
    _kernels,
    _model,
)
from bench.techniques._lesson import predict

Array = npt.NDArray[Any]

CHANNELS = (0.25, 0.5)
SPARSITIES = (0.5, 0.8)
CLUSTERS = (16, 8)
BITS = (8, 4)
"""What is tried on each layer, gentler first."""


@dataclass(frozen=True)
class Trial:
    """One thing tried on one layer: ``name`` such as ``prune:0.8``."""

    layers: tuple[str, ...]
    technique: str
    level: float

    @property
    def name(self) -> str:
        """As a recipe would say it."""
        return f"{self.technique}:{self.level:g}"


def sensitivity(work: Work, context: Context, samples: int) -> list[dict[str, Any]]:
    """What the model loses for each trial, on validation samples.

    Args:
        samples: at most so many are looked at.

    Returns:
        Dictionaries of ``layers`` (those that are tied), ``tried``, ``loss``, ``low``, ``high``:
        the greatest loss over outputs against the untouched model, as a fraction of samples (0.01
        is a point), or of the figure itself where it is an error.

    Raises:
        BuildError: the model cannot be rebuilt.
        DataError: there are no validation samples.
    """
    if context.data is None:
        raise DataError("sensitivity needs samples", hint="give --data")
    model = _model.trainable(work, context)
    split = validation(context, samples)
    before = predict(model, split, work.outputs)
    chosen = metrics.choose(before, split.y)
    network = _channels_keras.network_of(model)
    trials = list(_trials(model, network))
    found = []
    for number, trial in enumerate(trials):
        context.progress(f"trying {trial.name} on {trial.layers[0]}", number, len(trials))
        answers = _answers(model, network, trial, split)
        after = dict(zip(before, answers.values(), strict=True))
        scores = metrics.score(after, split.y, chosen, baseline=before)
        worst = max(
            (score for score in scores if score.decides and score.loss is not None),
            key=lambda score: score.loss or 0.0,
            default=None,
        )
        if worst is not None:
            told = {"loss": worst.loss, "low": worst.loss_low, "high": worst.loss_high}
            found.append({"layers": list(trial.layers), "tried": trial.name, **told})
    return found


def validation(context: Context, samples: int) -> Split:
    """Validation samples, the same at each call.

    Raises:
        DataError: there are none, and no training samples to take them from.
    """
    assert context.data is not None
    given = context.data.splits.get("validation")
    whole = given if given is not None else context.data.training()[1]
    order = np.random.default_rng(context.seed).permutation(len(whole))[:samples]
    return whole.take(np.sort(order))


def _trials(model: Any, network: _channels_graph.Network) -> Iterator[Trial]:
    for family in network.families:
        for fraction in CHANNELS:
            yield Trial(family.layers, "channels", fraction)
    for layer in model.layers:
        sizes = [kernel.elements for kernel in _kernels.kernels_of(layer)]
        if min(sizes, default=0) <= max(CLUSTERS):
            continue
        for technique, levels in (("prune", SPARSITIES), ("cluster", CLUSTERS), ("bits", BITS)):
            for level in levels:
                yield Trial((layer.name,), technique, level)


def _answers(
    model: Any, network: _channels_graph.Network, trial: Trial, split: Split
) -> Mapping[str, Array]:
    """The outputs after one trial; the model is left as it was."""
    if trial.technique == "channels":
        (family,) = (one for one in network.families if one.layers == trial.layers)
        scores = _channels_keras.importance(model, network, "l1")
        removed = _channels_graph.choose(family, scores, trial.level)
        return predict(_channels_keras.rebuild(model, network, removed), split)
    (name,) = trial.layers
    variables = [kernel.variable for kernel in _kernels.kernels_of(model.get_layer(name))]
    whole = [variable.numpy() for variable in variables]
    for variable, values in zip(variables, whole, strict=True):
        variable.assign(CHANGES[trial.technique](values, trial.level))
    try:
        return predict(model, split)
    finally:
        for variable, values in zip(variables, whole, strict=True):
            variable.assign(values)


def sparse(kernel: Array, fraction: float) -> Array:
    """The kernel with its smallest weights at zero."""
    count = round(fraction * kernel.size)
    order = np.argsort(np.abs(kernel), axis=None, kind="stable")
    flat = kernel.ravel().copy()
    flat[order[:count]] = 0
    found: Array = flat.reshape(kernel.shape)
    return found


def clustered(kernel: Array, clusters: float) -> Array:
    """The kernel with at most so many values, by k-means on its weights."""
    values = kernel.ravel()
    centroids, nearest = _centroids.settle(values, _centroids.by_quantiles(values, int(clusters)))
    return centroids[nearest].reshape(kernel.shape).astype(kernel.dtype)


def rounded(kernel: Array, bits: float) -> Array:
    """The kernel in so many bits, symmetric, with a scale for each output channel."""
    most = 2 ** (int(bits) - 1) - 1
    axes = tuple(range(kernel.ndim - 1))
    scale = np.abs(kernel).max(axis=axes, keepdims=True) / most
    scale = np.where(scale > 0, scale, 1.0)
    return (np.rint(kernel / scale) * scale).astype(kernel.dtype)


CHANGES: Mapping[str, Callable[[Array, float], Array]] = {
    "prune": sparse,
    "cluster": clustered,
    "bits": rounded,
}
"""What each technique does to a kernel, before any training."""
