"""What the intervals promise, by simulation over every kind of session; see simulate_noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.intervals import (
    center_interval,
    p99_from_maxima,
    p99_from_samples,
    paired_interval,
    quantile_interval,
    unpaired_interval,
)
from bench.stats.summary import compare_paired, compare_unpaired, summarize
from bench.values import Estimate
from tests.benchmarks.simulate_coverage import simulate
from tests.benchmarks.simulate_noise import DRAW, LAUNCH_EFFECTS, Session, as_launches
from tests.benchmarks.simulate_power import power

COVERAGE = 0.93
FALSE_ALARMS = 0.05
PAIRS = 2000


@pytest.mark.parametrize("shape", DRAW)
def test_ten_launches_of_69_runs_cover_what_they_promise(shape: str) -> None:
    for session, found in simulate(shape, launches=10, runs=69, repetitions=1000, seed=1):
        for figure in ("median", "P99 of samples", "P99 of maxima", "ratio"):
            assert found[figure] >= COVERAGE, f"{figure} of {session}"


@pytest.mark.parametrize(("launches", "runs"), [(2, 200), (3, 130), (5, 80)])
def test_few_launches_cover_what_they_promise(launches: int, runs: int) -> None:
    for shape in ("lognormal", "spiky"):
        for session, found in simulate(
            shape, launches=launches, runs=runs, repetitions=1000, seed=2
        ):
            for figure in ("median", "P99 of samples", "ratio"):
                assert found[figure] >= COVERAGE, f"{figure} of {session}"


@pytest.mark.parametrize("launches", [5, 10, 20])
@pytest.mark.parametrize("effect", LAUNCH_EFFECTS)
def test_a_file_against_itself_rarely_cries_wolf(launches: int, effect: float) -> None:
    for shape in DRAW:
        session = Session(shape, effect, heating=0.1)
        rng = np.random.default_rng(launches)
        old, new = (
            np.median(DRAW[shape](rng, (PAIRS, launches, 15)), axis=-1)
            + session.levels(rng, PAIRS, launches)
            + session.warming(launches)
            for _ in range(2)
        )
        for interval in (paired_interval(new - old), unpaired_interval(old, new)):
            alarms = np.mean((interval.low > 0) | (interval.high < 0))
            assert alarms <= FALSE_ALARMS, str(session)


def test_a_slowdown_of_five_percent_is_called() -> None:
    """The README's table is made by simulate_power; these are its corners."""
    for spread, launches, least, most in [
        (0.02, 5, 0.70, 0.85),
        (0.02, 10, 0.98, 1.0),
        (0.05, 20, 0.70, 0.90),
        (0.20, 10, 0.02, 0.10),
    ]:
        paired, _ = power(spread, launches, slowdown=0.05, repetitions=1000)
        assert least <= paired <= most


def test_pooled_launches_of_different_length_cover_too() -> None:
    rng = np.random.default_rng(5)
    session = Session("gamma", 0.05, 0.0)
    runs = np.array([30, 69, 100] * 5)
    noise = DRAW["gamma"](rng, (500, len(runs), 100))
    noise += session.levels(rng, 500, len(runs))[..., None]
    noise[:, np.arange(100) >= runs[:, None]] = np.nan
    levels, maxima = np.nanmedian(noise, axis=-1), np.nanmax(noise, axis=-1)
    flat = noise[:, np.arange(100) < runs[:, None]]
    for interval in (p99_from_maxima(maxima, levels, runs), p99_from_samples(flat, levels, runs)):
        held = (interval.low <= session.truth(0.99)) & (session.truth(0.99) <= interval.high)
        assert held.mean() >= COVERAGE


@pytest.mark.parametrize("keep_samples", [True, False])
def test_a_report_shows_what_was_simulated(keep_samples: bool) -> None:
    """The simulations call the very functions that summarize and compare do."""
    rng = np.random.default_rng(3)
    first, second = (
        7 + DRAW["gamma"](rng, (10, 69)) + 0.1 * rng.standard_normal((10, 1)) for _ in range(2)
    )
    old, new = (as_launches(runs, keep_samples=keep_samples) for runs in (first, second))
    levels, others, counts = np.median(first, -1), np.median(second, -1), np.full(10, 69)
    summary = summarize(old)
    assert _ends(summary.median_us) == pytest.approx(np.exp(center_interval(levels)), rel=1e-5)
    if keep_samples:
        p99 = p99_from_samples(first.reshape(-1), levels, counts)
    else:
        p99 = p99_from_maxima(first.max(-1), levels, counts)
    assert isinstance(summary.p99_us, Estimate)
    assert _ends(summary.p99_us) == pytest.approx(np.exp(p99), rel=1e-5)
    paired, apart = compare_paired(old, new), compare_unpaired(old, new)
    expected = np.exp(paired_interval(others - levels))
    assert [paired.ratio, paired.low, paired.high] == pytest.approx(expected, rel=1e-5)
    expected = np.exp(unpaired_interval(levels, others))
    assert [apart.ratio, apart.low, apart.high] == pytest.approx(expected, rel=1e-5)


def _ends(estimate: Estimate) -> list[float | None]:
    return [estimate.value, estimate.low, estimate.high]


def test_p99_of_maxima_is_their_quantile_of_order_0_99_to_the_n() -> None:
    maxima = np.log(np.arange(101.0, 112.0))
    level = np.zeros(11)
    value = p99_from_maxima(maxima, level, np.full(11, 69)).value
    assert float(np.exp(value)) == pytest.approx(106.0, rel=1e-3)
    low = p99_from_maxima(maxima, level, np.full(11, 200)).value
    assert 101.0 <= float(np.exp(low)) < 103.0


def test_many_blocks_are_counted_as_listed() -> None:
    """Above 500 blocks pairwise averages are counted by bisection: same result as listing them."""
    differences = np.random.default_rng(1).laplace(0.03, 0.05, 700)
    interval = paired_interval(differences)
    first, second = np.triu_indices(700)
    averages = np.sort((differences[first] + differences[second]) / 2)
    assert float(interval.value) == pytest.approx(float(np.median(averages)), abs=1e-6)
    assert 0.02 < interval.low < interval.value < interval.high < 0.04
    z = 2.0537
    cut = round(700 * 701 / 4 - z * math.sqrt(700 * 701 * 1401 / 24))
    assert float(interval.low) == pytest.approx(float(averages[cut]), abs=1e-4)


def test_equal_values_have_an_interval_without_width() -> None:
    for interval in (center_interval(np.zeros(10)), paired_interval(np.zeros(10))):
        assert tuple(map(float, interval)) == (0.0, 0.0, 0.0)
    assert tuple(map(float, unpaired_interval(np.zeros(3), np.zeros(12)))) == (0.0, 0.0, 0.0)


def test_one_launch_has_no_interval() -> None:
    one = np.array([1.0])
    for interval in (
        center_interval(one),
        paired_interval(one),
        unpaired_interval(one, np.zeros(9)),
    ):
        assert float(interval.value) in (1.0, -1.0)
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)


def test_one_launch_gone_astray_does_not_hide_a_change_between_sessions() -> None:
    rng = np.random.default_rng(2)
    old, new = 0.01 * rng.standard_normal((2, 10))
    new += 0.05
    new[3] += 3.0
    assert unpaired_interval(old, new).low > 0
    assert paired_interval(new - old).low > 0


def test_no_quantile_beyond_what_was_drawn() -> None:
    interval = quantile_interval(np.arange(10.0), 0.99)
    assert math.isnan(interval.high)
    assert float(interval.value) == 9.0
