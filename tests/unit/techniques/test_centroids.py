"""k-means on weights."""

from __future__ import annotations

import numpy as np

from bench.techniques._centroids import by_quantiles, settle


def test_centroids_settle_on_the_means_of_separate_groups() -> None:
    groups = np.array([-2.0, -1.9, 0.1, 0.2, 3.0, 3.2])
    centroids, nearest = settle(groups, np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(centroids, [-1.95, 0.15, 3.1])
    assert nearest.tolist() == [0, 0, 1, 1, 2, 2]


def test_centroids_that_start_at_one_place_are_one() -> None:
    centroids, nearest = settle(np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    assert centroids.tolist() == [1.5]
    assert nearest.tolist() == [0, 0]


def test_quantiles_start_near_as_many_values_each() -> None:
    values = np.random.default_rng(0).normal(size=10_000) ** 3
    nearest = settle(values, by_quantiles(values, 8))[1]
    assert len(np.unique(nearest)) == 8
    np.testing.assert_allclose(by_quantiles(np.arange(8.0), 2), [1.75, 5.25])
