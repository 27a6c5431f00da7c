"""What the figures are, on launches small enough to check by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bench.stats.summary import can_give_p99, compare_paired, compare_unpaired, summarize
from bench.values import Estimate, Latency, Launch, Missing


def launch(
    block: int, level_us: float, *, runs: int = 69, variant: str = "int8", kind: str = "maxima"
) -> Launch:
    """One launch around a level, as one kind of tool would tell it."""
    samples_ns = tuple(round(level_us * (990 + 20 * i / max(runs - 1, 1))) for i in range(runs))
    low, high = min(samples_ns) / 1000, max(samples_ns) / 1000
    latency = {
        "samples": Latency(runs, level_us, samples_ns=samples_ns),
        "maxima": Latency(
            runs, level_us, median_us=level_us, min_us=low, max_us=high, std_us=level_us / 100
        ),
        "means": Latency(runs, level_us, min_us=low, max_us=high, std_us=level_us / 100),
        "average only": Latency(runs, level_us),
    }[kind]
    return Launch(variant, "local", block, latency)


def launches(levels_us: Sequence[float], **how: object) -> list[Launch]:
    return [launch(block, level, **how) for block, level in enumerate(levels_us)]  # type: ignore[arg-type]


TEN = [100.5, 101.5, 102.5, 103.5, 104.5, 105.5, 106.5, 107.5, 108.5, 140.5]


@pytest.mark.parametrize(
    ("kind", "median_kind", "p99_kind"),
    [
        ("samples", "samples", "samples"),
        ("maxima", "launch medians", "launch maxima"),
        ("means", "launch means", "launch maxima"),
    ],
)
def test_every_kind_of_tool_gives_its_kind_of_figures(
    kind: str, median_kind: str, p99_kind: str
) -> None:
    summary = summarize(launches(TEN, kind=kind))
    assert summary.median_us.kind == median_kind
    assert summary.median_us.value == pytest.approx(math.sqrt(104.5 * 105.5), rel=1e-4)
    assert summary.median_us.low is not None
    assert summary.median_us.high is not None
    assert 101.5 < summary.median_us.low < 103.5
    assert 107.5 < summary.median_us.high < 120
    assert isinstance(summary.p99_us, Estimate)
    assert summary.p99_us.kind == p99_kind
    assert summary.p99_us.value == pytest.approx(summary.median_us.value * 1.01, rel=2e-3)
    assert summary.p99_us.low is not None
    assert summary.p99_us.high is not None
    assert summary.p99_us.low < summary.p99_us.value < summary.p99_us.high


def test_a_mix_of_tools_gives_what_all_of_them_have() -> None:
    mixed = [*launches(TEN[:5], kind="samples"), *launches(TEN[5:], kind="maxima")]
    summary = summarize(mixed)
    assert summary.median_us.kind == "launch medians"
    assert isinstance(summary.p99_us, Estimate)
    assert summary.p99_us.kind == "launch maxima"


def test_p99_of_69_run_launches_is_the_median_of_their_maxima_when_levels_are_equal() -> None:
    maxima = [120.25 + step for step in range(10)]
    equal = [
        Launch("a", "t", block, Latency(69, 100.0, median_us=100.25, max_us=maximum))
        for block, maximum in enumerate(maxima)
    ]
    p99 = summarize(equal).p99_us
    assert isinstance(p99, Estimate)
    assert p99.value == pytest.approx(124.75, rel=1e-3)


def test_launches_of_different_length_are_pooled() -> None:
    mixed = [*launches(TEN, runs=50), *launches(TEN, runs=100)]
    p99 = summarize(mixed).p99_us
    assert isinstance(p99, Estimate)
    assert p99.value == pytest.approx(105.0 * 1.01, rel=2e-3)


def test_the_largest_run_is_never_shown_as_p99() -> None:
    p99 = summarize(launches([100.0], runs=50, kind="samples")).p99_us
    assert isinstance(p99, Missing)
    assert p99.runs == 318
    assert p99.launches == 7
    assert "368" in p99.reason


def test_no_maximum_no_p99() -> None:
    p99 = summarize(launches(TEN, kind="average only")).p99_us
    assert isinstance(p99, Missing)
    assert "maximum" in p99.reason


def test_one_launch_has_a_median_and_no_interval() -> None:
    summary = summarize(launches([100.0], runs=400, kind="samples"))
    assert summary.median_us == Estimate(pytest.approx(100.0, rel=1e-3), None, None, "samples")
    assert isinstance(summary.p99_us, Estimate)
    assert summary.p99_us.low is None
    assert summary.p99_us.high is None


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_few_launches_have_an_interval_that_holds_the_median(count: int) -> None:
    median = summarize(launches([100.0, 100.25, 180.0, 100.5, 101.0][:count])).median_us
    assert median.low is not None
    assert median.high is not None
    assert median.low <= median.value <= median.high


def test_std_and_mean_are_those_of_all_runs_together() -> None:
    two = [
        Launch("a", "t", 0, Latency(30, 100.0, std_us=3.0)),
        Launch("a", "t", 1, Latency(10, 120.0, std_us=5.0)),
    ]
    summary = summarize(two)
    assert summary.runs == 40
    assert summary.mean_us == pytest.approx(105.0)
    assert summary.std_us == pytest.approx(math.sqrt((30 * (9 + 25) + 10 * (25 + 225)) / 40))


def test_std_from_samples_is_that_of_all_samples() -> None:
    kept = launches([100.0, 130.0], kind="samples", runs=7)
    every = [ns / 1000 for one in kept for ns in one.latency.samples_ns]
    mean = sum(every) / 14
    std = summarize(kept).std_us
    assert std == pytest.approx(math.sqrt(sum((x - mean) ** 2 for x in every) / 14), rel=1e-6)


def test_what_no_tool_printed_is_none() -> None:
    summary = summarize(launches(TEN, kind="average only"))
    assert summary.min_us is None
    assert summary.std_us is None
    assert summary.init_us is None
    assert summary.peak_bytes is None


def test_init_first_and_peak() -> None:
    latency = Latency(5, 10.0, median_us=10.0)
    three = [
        Launch("a", "t", i, latency, init_us=init, first_us=first, peak_bytes=peak)
        for i, (init, first, peak) in enumerate(
            [(5.0, 50.0, 10), (7.0, 70.0, 30), (90.0, None, 20)]
        )
    ]
    summary = summarize(three)
    assert summary.init_us is not None
    assert summary.init_us.value == pytest.approx(7.0)
    assert summary.first_us is not None
    assert summary.first_us.value == pytest.approx(math.sqrt(50 * 70))
    assert summary.peak_bytes is not None
    assert summary.peak_bytes.value == pytest.approx(20)


def test_nothing_to_summarize() -> None:
    with pytest.raises(ValueError, match="no launches"):
        summarize([])


def test_whole_microseconds_widen_the_interval() -> None:
    median = summarize(launches([12.0] * 10)).median_us
    assert median.low == pytest.approx(11.5)
    assert median.high == pytest.approx(12.5)


def test_compare_by_blocks_sees_through_drift() -> None:
    drift = [100 * 1.05**block + 0.3 for block in range(10)]
    slower = [1.02 * level for level in drift]
    paired = compare_paired(launches(drift), launches(slower, variant="big"))
    assert paired.ratio == pytest.approx(1.02, rel=1e-3)
    assert paired.verdict == "slower"
    assert paired.blocks == 10
    assert (paired.baseline, paired.variant, paired.target) == ("int8", "big", "local")
    assert compare_unpaired(launches(drift), launches(slower)).verdict == "no clear change"


def test_a_file_against_itself_shows_no_change() -> None:
    same = launches(TEN)
    comparison = compare_paired(same, same)
    assert comparison.verdict == "no clear change"
    assert comparison.ratio == 1.0


def test_only_shared_blocks_count() -> None:
    comparison = compare_paired(launches(TEN), launches(TEN)[3:])
    assert comparison.blocks == 7


@pytest.mark.parametrize("blocks", [0, 1])
def test_without_two_shared_blocks_a_ratio_and_no_interval(blocks: int) -> None:
    old = [launch(0, 100.5)]
    new = [launch(1 - blocks, 50.25)]
    comparison = compare_paired(old, new)
    assert comparison.ratio == pytest.approx(0.5)
    assert (comparison.low, comparison.high, comparison.blocks) == (None, None, blocks)
    assert comparison.verdict == "no clear change"


def test_a_difference_that_rounding_may_have_made_is_no_difference() -> None:
    whole = compare_paired(launches([800.0] * 10), launches([801.0] * 10))
    assert whole.verdict == "no clear change"
    exact = compare_paired(launches([800.25] * 10), launches([801.25] * 10))
    assert exact.verdict == "slower"


@pytest.mark.parametrize(
    ("level_us", "rounding_us", "coarse"),
    [
        (330.0, 5.0, True),
        (1330.0, 5.0, False),
        (12.0, 0.5, True),
        (333.0, 0.5, False),
        (3.3, 0.0, False),
    ],
)
def test_what_a_tool_rounds_widens_the_interval_and_is_marked_beyond_a_percent(
    level_us: float, rounding_us: float, coarse: bool
) -> None:
    median = summarize(launches([level_us] * 10)).median_us
    assert median.rounding == rounding_us
    assert median.is_coarse is coarse
    assert (median.low, median.high) == pytest.approx(
        (level_us - rounding_us, level_us + rounding_us)
    )


def test_a_hundredth_of_a_millisecond_is_no_difference() -> None:
    """What LiteRT's tool prints: 0.33 and 0.34 ms may be 0.334 and 0.336."""
    coarse = compare_paired(launches([330.0] * 10), launches([340.0] * 10))
    assert coarse.verdict == "no clear change"
    apart = compare_paired(launches([330.0] * 10), launches([360.0] * 10))
    assert apart.verdict == "slower"


def test_compare_unpaired_takes_sessions_of_unequal_size() -> None:
    old, new = launches(TEN[:9]), launches([2 * level for level in TEN[:4]], variant="new")
    comparison = compare_unpaired(old, new)
    assert comparison.verdict == "slower"
    assert comparison.blocks == 4
    assert comparison.low is not None
    assert comparison.low < comparison.ratio


def test_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no launches"):
        compare_paired(launches(TEN), [])
    with pytest.raises(ValueError, match="no launches"):
        compare_unpaired([], launches(TEN))


@pytest.mark.parametrize("samples", [True, False])
def test_the_default_plan_gives_a_p99(samples: bool) -> None:
    assert can_give_p99(10, 69, samples=samples) is None


@pytest.mark.parametrize(
    ("count", "runs", "samples", "launches_missing", "runs_missing"),
    [
        (1, 50, True, 7, 318),
        (5, 69, True, 1, 23),
        (1, 367, True, 1, 1),
        (5, 69, False, 1, 69),
        (1, 69, False, 5, 345),
        (10, 10, False, 27, 270),
    ],
)
def test_a_plan_without_p99_says_what_is_missing(
    count: int, runs: int, samples: bool, launches_missing: int, runs_missing: int
) -> None:
    missing = can_give_p99(count, runs, samples=samples)
    assert missing is not None
    assert (missing.launches, missing.runs) == (launches_missing, runs_missing)
    assert can_give_p99(count + launches_missing, runs, samples=samples) is None
    assert can_give_p99(count + launches_missing - 1, runs, samples=samples) is not None


@pytest.mark.parametrize("runs", [300, 1000, 100_000])
def test_long_launches_that_tell_only_their_maximum_are_advised_to_be_shorter(runs: int) -> None:
    missing = can_give_p99(10, runs, samples=False)
    assert missing is not None
    assert "69 runs" in missing.reason


def test_the_plan_and_the_summary_agree() -> None:
    for count in (1, 5, 6, 7, 36, 37):
        for runs in (10, 69, 300):
            planned = can_give_p99(count, runs, samples=False)
            p99 = summarize(launches([100.5] * count, runs=runs)).p99_us
            assert (planned is None) == isinstance(p99, Estimate)
            if isinstance(p99, Estimate):
                assert p99.low is not None
