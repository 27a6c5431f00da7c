"""Keep the zeros and clusters that earlier steps made, whatever trains the model next.

After each step of the optimizer the kernels are projected back: pruned weights to zero, and the
weights of one cluster to their common mean (projected gradient descent). This is done on the
variables themselves, from outside, so it holds in any training, quantization-aware or not, and
does not depend on the toolkit's own preserving schemes. Those fail on layers where some output
channel has no zero (tensorflow/model-optimization issue 979: the mask of centroids then hits a
weight that is not zero) and silently keep nothing where they find more than 1,024 centroids (issue
1056); here the zeros and clusters are read off each tensor, so neither can occur.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.techniques import Work
from bench.techniques._kernels import variables_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Kept:
    """What one kernel must keep.

    Attributes:
        mask: shape of the kernel, 0 where a weight is pruned, else 1.
        cluster: shape of the kernel, the number of each weight's cluster; None where the kernel
            is not clustered.
    """

    mask: Array
    cluster: Array | None

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return 0 if self.cluster is None else int(self.cluster.max()) + 1

    def project(self, kernel: Array) -> Array:
        """The nearest kernel that keeps zeros and clusters."""
        if self.cluster is None:
            masked: Array = kernel * self.mask
            return masked
        flat = self.cluster.ravel()
        counts = np.bincount(flat, minlength=self.clusters)
        means = np.bincount(flat, weights=kernel.ravel(), minlength=self.clusters) / counts
        common: Array = (means[self.cluster] * self.mask).astype(kernel.dtype)
        return common


def clusters_of(kernel: Array, *, per_channel: bool) -> Array:
    """Number each weight's cluster: equal weights, of one output channel or of the whole kernel."""
    if not per_channel:
        return np.unique(kernel, return_inverse=True)[1].reshape(kernel.shape)
    numbers = np.zeros(kernel.shape, np.int64)
    first = 0
    for channel in range(kernel.shape[-1]):
        values, index = np.unique(kernel[..., channel], return_inverse=True)
        numbers[..., channel] = index.reshape(kernel.shape[:-1]) + first
        first += len(values)
    return numbers


def kept_by(work: Work, model: Any) -> dict[str, Kept]:
    """What earlier steps made, by kernel, read off the model's kernels and the steps' facts."""
    pruned: Mapping[str, Any] = work.facts.get("prune", {}).get("layers", {})
    clustered: Mapping[str, Any] = work.facts.get("cluster", {}).get("layers", {})
    kept = {}
    for name, variable in variables_of(model).items():
        if name not in pruned and name not in clustered:
            continue
        kernel = variable.numpy()
        cluster = None
        if name in clustered:
            cluster = clusters_of(kernel, per_channel=clustered[name]["per_channel"])
        mask = (kernel != 0) if name in pruned else np.ones(kernel.shape, bool)
        kept[name] = Kept(mask.astype(kernel.dtype), cluster)
    return kept


def keeper(kept: Mapping[str, Kept], variables: Mapping[str, Any]) -> Callable[[], None] | None:
    """A function that projects all kernels back in one graph; None where there is nothing to keep.

    Args:
        kept: what to keep, by kernel.
        variables: the kernels as they are trained, by name; may hold more than ``kept``.
    """
    import tensorflow as tf

    if not kept:
        return None

    def project() -> None:
        for name, one in kept.items():
            variable = variables[name]
            mask = tf.constant(one.mask, variable.dtype)
            if one.cluster is None:
                variable.assign(variable * mask)
                continue
            flat = one.cluster.ravel()
            counts = tf.constant(np.bincount(flat), variable.dtype)
            sums = tf.math.unsorted_segment_sum(
                tf.reshape(variable, [-1]), tf.constant(flat), one.clusters
            )
            variable.assign(tf.gather(sums / counts, tf.constant(one.cluster)) * mask)

    compiled: Callable[[], None] = tf.function(project)
    return compiled
