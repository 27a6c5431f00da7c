"""Clusters of a kernel that stay as they are while it is trained (Han et al., "Deep Compression",
2016, section 3): one-dimensional k-means, by numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bench.techniques._preserve import Kept

Array = npt.NDArray[Any]

LLOYD_STEPS = 12
"""Of one-dimensional k-means; more move no centroid by a visible step."""


def settle(values: Array, centroids: Array) -> tuple[Array, Array]:
    """Centroids where k-means brings them, ascending, and the number of each value's nearest.

    Args:
        values: one-dimensional.
        centroids: where they start.
    """
    values, centroids = values.astype(np.float64), np.unique(centroids.astype(np.float64))
    for _ in range(LLOYD_STEPS):
        nearest = _nearest(values, centroids)
        counts = np.bincount(nearest, minlength=len(centroids))
        sums = np.bincount(nearest, weights=values, minlength=len(centroids))
        means = np.where(counts > 0, sums / np.maximum(counts, 1), centroids)
        centroids = np.sort(means)
    return centroids, _nearest(values, centroids)


def by_quantiles(values: Array, clusters: int) -> Array:
    """Centroids such that about as many values are near each."""
    return np.quantile(values.astype(np.float64), (np.arange(clusters) + 0.5) / clusters)


def by_toolkit(values: Array, clusters: int, init: str) -> Array:
    """Centroids where the toolkit starts; ``init`` is a name of its ``CentroidInitialization``."""
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.clustering.keras import (
        cluster_config,
        clustering_centroids,
    )

    factory = clustering_centroids.CentroidsInitializerFactory
    initializer = factory.get_centroid_initializer(cluster_config.CentroidInitialization[init])
    made: Array = initializer(tf.constant(values), clusters).get_cluster_centroids().numpy()
    return made


def clusters_from(kernel: Array, mask: Array, clusters: int, init: str) -> Kept:
    """At most so many clusters of a kernel; one of them is zero where weights are pruned.

    Args:
        kernel: weights.
        mask: 0 where a weight is pruned, else 1.
        clusters: how many values, from 2; from 3 where weights are pruned.
        init: where centroids start, as :func:`by_toolkit` takes it.
    """
    alive = mask.astype(bool)
    values = kernel[alive]
    most = clusters if alive.all() else clusters - 1
    numbers = np.zeros(kernel.shape, np.int64)
    if values.size:
        numbers[alive] = 1 + settle(values, by_toolkit(values, most, init))[1]
    # Numbers without gaps: a centroid that is nobody's nearest has no mean.
    packed = np.unique(numbers, return_inverse=True)[1].reshape(kernel.shape)
    return Kept(mask, packed)


def _nearest(values: Array, centroids: Array) -> Array:
    found: Array = np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values)
    return found
