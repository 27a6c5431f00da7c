"""Intervals of proportions: against published figures, and what they cover."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.proportions import (
    joint_z,
    paired_loss_interval,
    proportion_interval,
    samples_to_tell,
)
from bench.stats.resampling import bootstrap
from tests.benchmarks.simulate_accuracy import (
    FIGURES,
    bootstrap_coverage,
    paired_coverage,
    proportion_coverage,
)


def test_tangos_interval_is_the_published_one():
    """Airway reactivity of 21 children, in Fagerland, Lydersen and Laake 2014, table III."""
    low, high = paired_loss_interval(1, 7, 21)
    assert (float(low), float(high)) == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_wilsons_interval_is_the_published_one():
    """81 of 263, in Newcombe 1998, "Two-sided confidence intervals for the single proportion"."""
    low, high = proportion_interval(81, 263)
    assert (float(low), float(high)) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (3, 0), (0, 3), (5, 5)])
def test_no_answer_that_differs_still_leaves_an_interval(lost, gained):
    low, high = paired_loss_interval(lost, gained, 500)
    assert low < (lost - gained) / 500 < high
    reverse = paired_loss_interval(gained, lost, 500)
    assert (low, high) == pytest.approx((-reverse[1], -reverse[0]))


def test_coverage_is_as_promised():
    assert paired_coverage(0.02, 0.01, 500, repetitions=4000) > 0.94
    assert proportion_coverage(0.92, 500, repetitions=4000) > 0.94


@pytest.mark.parametrize("figure", [FIGURES[0], FIGURES[3], FIGURES[-1]], ids=lambda one: one[0])
def test_bootstraps_cover_figures_and_what_was_lost(figure):
    name, _, reading, draw = figure
    covered = bootstrap_coverage(name, reading, draw, 50, repetitions=40)
    assert min(covered) >= 0.8  # of 40 that are drawn: 0.95 fails so one in 2,000 seeds


def test_several_intervals_are_wider():
    assert joint_z(1) == pytest.approx(1.96, abs=0.001)
    assert joint_z(5) == pytest.approx(2.576, abs=0.001)


def test_so_many_samples_would_tell():
    def ends(times, further):
        half = (1.96 + further) * 0.01 / times**0.5
        return 0.005 - half, 0.005 + half

    more = samples_to_tell(ends, 0.005, 1000, 0.01)
    assert pytest.approx(more, rel=0.02) == 1000 * ((1.96 + 0.84) * 2) ** 2 - 1000
    assert samples_to_tell(ends, 0.005, 1000, 0.1) == 0
    assert samples_to_tell(ends, 0.005, 1000, 0.005) is None


def test_the_bootstrap_gives_the_same_again_and_holds_its_figure():
    values = np.random.default_rng(0).exponential(size=(60, 1))
    columns = np.hstack([values, np.ones_like(values)])
    found = bootstrap(columns, lambda totals: totals[..., 0] / totals[..., 1])
    assert found == bootstrap(columns, lambda totals: totals[..., 0] / totals[..., 1])
    assert found.low < found.value < found.high
    few = bootstrap(columns[:4], lambda totals: totals[..., 0] / totals[..., 1])
    assert few.low is few.high is None
