"""Each warning is raised by what it is about, with its figure, and rarely by anything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.report.warnings import find_warnings
from bench.stats.patterns import drift, two_groups
from bench.values import Latency, Launch, ReportWarning
from tests.benchmarks.simulate_noise import DRAW, Floats, as_launches

BLOCKS = 12


def session(
    levels: Floats | None = None, *, variant: str = "v", seed: int = 0, runs: int = 69
) -> list[Launch]:
    """Launches that differ by 2 % around 1,100 µs, plus what is given."""
    rng = np.random.default_rng(seed)
    noise = 0.02 * rng.standard_normal(BLOCKS) + (0.0 if levels is None else levels)
    logs = 7 + noise[:, None] + DRAW["gamma"](rng, (BLOCKS, runs)) / 5
    return as_launches(logs, variant, keep_samples=True)


def with_state(launches: list[Launch], states: list[Mapping[str, Any]]) -> list[Launch]:
    return [
        Launch(each.variant, each.target, each.block, each.latency, state=state)
        for each, state in zip(launches, states, strict=True)
    ]


def codes(found: list[ReportWarning]) -> list[str]:
    return [warning.code for warning in found]


def test_a_clean_session_has_none() -> None:
    clean = {name: session(variant=name, seed=seed) for seed, name in enumerate("abc")}
    assert find_warnings(clean, baseline="a") == []


def test_nothing_measured_nothing_to_say() -> None:
    assert find_warnings({}, baseline="a") == []
    assert find_warnings({"a": []}, baseline="a") == []


def test_too_few_runs() -> None:
    [warning] = find_warnings({"v": session(runs=20)})
    assert warning.code == "too-few-runs"
    assert "368" in warning.message
    assert "240" in warning.message
    assert "7 launches" in warning.hint


def test_spread() -> None:
    [warning] = find_warnings(
        {"v": session(np.linspace(-0.2, 0.2, BLOCKS)[[3, 8, 0, 11, 5, 6, 1, 9, 2, 7, 10, 4]])}
    )
    assert warning.code == "spread"
    assert "%" in warning.message
    assert warning.variant == "v"


def test_two_groups() -> None:
    slow = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0]) * 0.3
    found = find_warnings({"v": session(slow)})
    assert "two-groups" in codes(found)
    message = next(each.message for each in found if each.code == "two-groups")
    assert any(f"{share} %" in message or f"{share}%" in message for share in range(28, 43))


def test_neighbours_in_whole_microseconds_are_no_groups() -> None:
    printed = [
        Launch("v", "t", block, Latency(69, 12.4, median_us=12.0 + block % 2, max_us=14.0))
        for block in range(BLOCKS)
    ]
    assert "two-groups" not in codes(find_warnings({"v": printed}))


@pytest.mark.parametrize("medians", [(0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_medians_of_nothing_are_only_rounded(medians: tuple[float, ...]) -> None:
    printed = [
        Launch("v", "t", block, Latency(69, 0.4, median_us=medians[block % 3], max_us=2.0))
        for block in range(BLOCKS)
    ]
    assert not {"two-groups", "spread"} & set(codes(find_warnings({"v": printed})))


def test_two_speeds() -> None:
    rng = np.random.default_rng(1)
    logs = 7 + 0.01 * rng.standard_normal((BLOCKS, 69)) + 0.25 * (rng.random((BLOCKS, 69)) < 0.4)
    found = find_warnings({"v": as_launches(logs, keep_samples=True)})
    assert codes(found) == ["two-speeds"]


def test_drift_is_the_targets_not_a_variants() -> None:
    heating = np.log(np.linspace(1.0, 1.12, BLOCKS))
    hot = {name: session(heating, variant=name, seed=seed) for seed, name in enumerate("abc")}
    found = find_warnings(hot, baseline="a")
    assert codes(found) == ["drift"]
    assert found[0].variant is None
    assert found[0].target == "simulated"
    assert "slower" in found[0].message


def test_a_baseline_that_moved_beside_the_others() -> None:
    heating = np.log(np.linspace(1.0, 1.15, BLOCKS))
    moved = {name: session(variant=name, seed=seed) for seed, name in enumerate("bcdefg")}
    moved["a"] = session(heating, variant="a", seed=9)
    found = find_warnings(moved, baseline="a")
    assert "baseline-moved" in codes(found)
    assert next(each.variant for each in found if each.code == "baseline-moved") == "a"
    assert "baseline-moved" not in codes(find_warnings(moved, baseline="b"))
    assert "baseline-moved" not in codes(find_warnings({"a": moved["a"]}, baseline="a"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"after": {"thermal_status": "moderate"}}, "moderate"),
        ({"before": {"thermal_status": 2}}, "status 2"),
        ({"work_us": 130, "cool_work_us": 100}, "30%"),
    ],
)
def test_throttled(state: Mapping[str, Any], said: str) -> None:
    fine = {
        "before": {"thermal_status": "none", "celsius": 31.0},
        "after": {"thermal_status": 0},
        "work_us": 105,
        "cool_work_us": 100,
    }
    launches = with_state(session(), [fine] * (BLOCKS - 2) + [state] * 2)
    [warning] = find_warnings({"v": launches})
    assert warning.code == "throttled"
    assert "2 of 12" in warning.message
    assert said in warning.message


def test_a_phone_that_tells_nothing_of_its_heat_is_named_once() -> None:
    blind = with_state(session(), [{"before": {"battery_level": 80}}] * BLOCKS)
    [warning] = find_warnings({"v": blind})
    assert warning.code == "no-temperature"
    seen = [{"before": {}}] * (BLOCKS - 1) + [{"before": {"thermal_status": "none"}}]
    assert find_warnings({"v": with_state(session(), seen)}) == []
    assert find_warnings({"v": session()}) == []  # this machine gives no readings at all


def test_a_deprecated_delegate_that_ran_is_marked() -> None:
    fine = session()
    marked = [replace(each, facts={"deprecated": {"nnapi": "Android 15"}}) for each in fine]
    [warning] = find_warnings({"v": marked})
    assert (warning.code, warning.variant) == ("deprecated", "v")
    assert "nnapi is deprecated from Android 15 on" in warning.message
    assert find_warnings({"v": [replace(each, facts={"deprecated": {}}) for each in fine]}) == []


def test_busy_host() -> None:
    busy = [{"other_cpu_share": share} for share in [0.3] * 6 + [0.02] * 6]
    [warning] = find_warnings({"v": with_state(session(), busy)})
    assert warning.code == "busy-host"
    assert "30%" in warning.message
    once = [{"other_cpu_share": share} for share in [0.3] + [0.02] * 11]
    assert find_warnings({"v": with_state(session(), once)}) == []


def test_what_holds_for_several_variants_is_said_once() -> None:
    short = {name: session(variant=name, seed=seed, runs=20) for seed, name in enumerate("ab")}
    [warning] = find_warnings(short, baseline="a")
    assert warning.code == "too-few-runs"
    assert warning.variant is None


def test_every_warning_has_a_figure_and_advice() -> None:
    rough = {
        name: with_state(
            session(np.linspace(0, 0.5, BLOCKS), variant=name, seed=seed, runs=9),
            [{"other_cpu_share": 0.5, "work_us": 3, "cool_work_us": 2}] * BLOCKS,
        )
        for seed, name in enumerate("ab")
    }
    found = find_warnings(rough, baseline="a")
    assert len(found) >= 5
    assert all(any(letter.isdigit() for letter in each.message) for each in found)
    assert all(each.hint for each in found)


def test_clean_sessions_rarely_raise_any() -> None:
    """Whole sessions of three variants, through everything."""
    raised: Counter[str] = Counter()
    for seed in range(80):
        clean = {
            name: session(variant=name, seed=10 * seed + number)
            for number, name in enumerate("abc")
        }
        raised.update(codes(find_warnings(clean, baseline="a")))
    assert all(count <= 0.03 * 80 for count in raised.values()), raised


@pytest.mark.parametrize("size", [8, 10, 20, 40, 200])
def test_detectors_rarely_cry_wolf(size: int) -> None:
    rng = np.random.default_rng(size)
    clean = {
        "normal": 0.05 * rng.standard_normal((2000, size)),
        "even": rng.uniform(0, 0.2, (2000, size)),
        "heavy tails": rng.laplace(0, 0.05, (2000, size)),
        "skewed": rng.exponential(0.05, (2000, size)),
    }
    for name, values in clean.items():
        assert drift(values)[1].mean() <= 0.02, name
        assert two_groups(values)[1].mean() <= 0.03, name


def test_detectors_see_what_is_there() -> None:
    rng = np.random.default_rng(0)
    calm = 0.01 * rng.standard_normal((500, 10))
    assert drift(calm + np.linspace(0, 0.1, 10))[1].mean() >= 0.95
    assert two_groups(calm + 0.2 * (np.arange(10) % 2))[1].mean() >= 0.95
