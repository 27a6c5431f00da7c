"""The stopping rule keeps its promise, and says how far it is."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.intervals import paired_interval
from bench.stats.stopping import MIN_LAUNCHES, enough, gate, launches_to_tell, needed
from bench.stats.summary import summarize
from bench.values import Comparison, Latency, Launch
from tests.benchmarks.simulate_until import LAUNCH_SHAPES, SHARE, fixed_plan, stop


def launches(levels_us: list[float]) -> list[Launch]:
    return [
        Launch("v", "t", block, Latency(69, level, median_us=level))
        for block, level in enumerate(levels_us)
    ]


def spread(count: int, sd: float, seed: int = 0) -> list[float]:
    draws = np.random.default_rng(seed).standard_normal(count)
    return [1000.123 * float(np.exp(sd * z)) for z in draws]


@pytest.mark.parametrize("shape", LAUNCH_SHAPES)
@pytest.mark.parametrize("sd", [0.01, 0.03, 0.05])
def test_the_median_lies_within_the_share_when_launches_stop(shape: str, sd: float) -> None:
    effects = sd * LAUNCH_SHAPES[shape](np.random.default_rng(7), (400, 250))
    used, _, stretched = stop(effects)
    assert stretched.mean() >= 0.93
    assert used.min() >= MIN_LAUNCHES


def test_launches_are_spent_where_they_are_needed() -> None:
    draw = LAUNCH_SHAPES["normal"]
    calm, restless = (
        stop(sd * draw(np.random.default_rng(8), (200, 250)))[0].mean() for sd in (0.005, 0.04)
    )
    assert calm == MIN_LAUNCHES
    assert restless > 2 * calm
    assert fixed_plan(draw, 0.04, certainty=0.97, seed=1) > calm


def test_summarize_never_shows_less_than_what_stopping_promises() -> None:
    stopped = launches(spread(12, 0.002))
    assert enough(stopped, SHARE)
    median = summarize(stopped, until=SHARE).median_us
    assert median.low == pytest.approx(median.value / 1.02)
    assert median.high == pytest.approx(median.value * 1.02)
    wide = launches(spread(12, 0.2))
    assert summarize(wide, until=SHARE).median_us == summarize(wide).median_us


def test_ten_launches_at_least() -> None:
    assert not enough(launches([1000.5] * 9), SHARE)
    assert needed(launches([1000.5] * 9), SHARE) == 1
    assert needed(launches([1000.5]), SHARE) == 9
    assert needed([], SHARE) == 10
    assert enough(launches([1000.5] * 10), SHARE)
    assert needed(launches([1000.5] * 10), SHARE) == 0


def test_needed_foresees_about_what_it_takes() -> None:
    sd = 0.04
    foreseen = [needed(launches(spread(10, sd, seed)), SHARE) for seed in range(200)]
    effects = sd * LAUNCH_SHAPES["normal"](np.random.default_rng(3), (200, 300))
    used = stop(effects)[0].mean()
    assert 0.6 * used < 10 + float(np.median(foreseen)) < 1.7 * used
    assert needed(launches(spread(4, 0.001)), SHARE) == 6


def comparison(ratio: float, low: float | None, high: float | None, blocks: int = 10) -> Comparison:
    return Comparison("v", "b", "t", ratio, low, high, blocks, "no clear change")


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.06, 1.20, "regression"),
        (1.01, 1.04, "pass"),
        (0.80, 1.05, "pass"),
        (1.02, 1.09, "can't tell"),
        (0.90, 1.30, "can't tell"),
        (None, None, "can't tell"),
    ],
)
def test_gate(low: float | None, high: float | None, verdict: str) -> None:
    assert gate(comparison(1.05, low, high), 0.05) == verdict


def test_launches_to_tell() -> None:
    assert launches_to_tell(comparison(1.10, 1.06, 1.15), 0.05) == 0
    assert launches_to_tell(comparison(1.02, 1.01, 1.03)) == 0
    assert launches_to_tell(comparison(1.05, 0.95, 1.16), 0.05) is None
    assert launches_to_tell(comparison(1.3, None, None), 0.05) is None
    close = launches_to_tell(comparison(1.07, 1.00, 1.14), 0.05)
    far = launches_to_tell(comparison(1.15, 1.00, 1.30), 0.05)
    assert close is not None
    assert far is not None
    assert close > far > 0


def test_that_many_launches_mostly_do_tell() -> None:
    """Where the ratio is what it seemed: four times out of five."""
    rng = np.random.default_rng(4)
    true, sd, limit = np.log(1.08), 0.05, 0.05
    seen = paired_interval(np.sort(sd * rng.standard_normal(10)) + true)
    centred = [float(np.exp(end - seen.value + true)) for end in seen]
    more = launches_to_tell(comparison(*centred), limit)
    assert more is not None
    later = paired_interval(true + sd * rng.standard_normal((500, 10 + more)))
    assert 0.65 < float(np.mean(later.low > np.log1p(limit))) < 0.97
