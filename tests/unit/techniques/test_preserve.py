"""Projection onto the zeros and clusters of earlier steps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.techniques._preserve import Kept, clusters_of

KERNELS = arrays.arrays(np.float32, (3, 4), elements=st.sampled_from([-1.5, -0.5, 0.0, 0.25, 2.0]))
NOISE = arrays.arrays(np.float32, (3, 4), elements=st.floats(-1, 1, width=32))


@settings(deadline=None)  # other work on the machine is no failure
@given(KERNELS, NOISE)
def test_zeros_stay_zero_and_all_else_is_free(kernel: np.ndarray, noise: np.ndarray) -> None:
    kept = Kept((kernel != 0).astype(np.float32), None)
    moved = kept.project(kernel + noise)
    assert (moved[kernel == 0] == 0).all()
    np.testing.assert_array_equal(moved[kernel != 0], (kernel + noise)[kernel != 0])


@settings(deadline=None)  # other work on the machine is no failure
@given(KERNELS, NOISE)
def test_clusters_stay_clusters(kernel: np.ndarray, noise: np.ndarray) -> None:
    mask = (kernel != 0).astype(np.float32)
    kept = Kept(mask, clusters_of(kernel, per_channel=False))
    moved = kept.project(kernel + noise)
    assert len(np.unique(moved)) <= len(np.unique(kernel))
    assert (moved[kernel == 0] == 0).all()
    for value in np.unique(kernel[kernel != 0]):
        members = kernel == value
        np.testing.assert_allclose(moved[members], (kernel + noise)[members].mean(), atol=1e-5)


@settings(deadline=None)  # other work on the machine is no failure
@given(KERNELS)
def test_what_is_kept_already_is_not_changed(kernel: np.ndarray) -> None:
    for per_channel in (False, True):
        kept = Kept(np.ones_like(kernel), clusters_of(kernel, per_channel=per_channel))
        np.testing.assert_allclose(kept.project(kernel), kernel, atol=1e-6)


@settings(deadline=None)  # other work on the machine is no failure
@given(KERNELS, NOISE)
def test_channels_of_their_own_clusters_move_apart(kernel: np.ndarray, noise: np.ndarray) -> None:
    kept = Kept(np.ones_like(kernel), clusters_of(kernel, per_channel=True))
    moved = kept.project(kernel + noise)
    for channel in range(kernel.shape[-1]):
        assert len(np.unique(moved[:, channel])) <= len(np.unique(kernel[:, channel]))
