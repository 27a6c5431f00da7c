"""A history's changes are found where they are, and few where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.changepoints import change_points, change_points_of
from bench.values import Estimate


def test_a_step_is_found_where_it_is() -> None:
    assert change_points([100, 101, 99, 100, 120, 121, 119, 120.0]) == [4]


def test_two_steps() -> None:
    history = [100, 101, 99, 100, 120, 121, 119, 120, 90, 91, 90, 89.0]
    assert change_points(history) == [4, 8]


def test_the_newest_alone_may_be_a_change() -> None:
    assert change_points([100, 101, 99, 100, 101, 100, 99, 140.0]) == [7]


@pytest.mark.parametrize("history", [[], [100.0], [100.0, 200.0]])
def test_too_short_a_history_has_no_changes(history: list[float]) -> None:
    assert change_points(history) == []


def test_a_change_that_does_not_matter_is_none() -> None:
    assert change_points([100.0] * 10 + [102.0] * 10) == []


def test_equal_figures_have_no_changes() -> None:
    assert change_points([100.0] * 20) == []


def test_a_figure_of_wide_interval_counts_for_less() -> None:
    calm = [Estimate(v, v * 0.99, v * 1.01, "samples") for v in (100, 101, 99, 100, 101, 99, 100)]
    sure, unsure = Estimate(140, 138, 142, "samples"), Estimate(140, 95, 200, "samples")
    assert change_points([*calm, sure]) == [7]
    assert change_points([*calm, unsure]) == []


@pytest.mark.parametrize("length", [4, 6, 10, 30])
def test_steady_histories_rarely_show_changes(length: int) -> None:
    levels = 0.05 * np.random.default_rng(length).standard_normal((400, length))
    alarms = [bool(change_points_of(each, np.zeros(length))) for each in levels]
    assert np.mean(alarms) <= 0.05


def test_a_jump_of_a_sixth_is_nearly_always_found() -> None:
    levels = 0.02 * np.random.default_rng(1).standard_normal((200, 12))
    levels[:, 8:] += np.log(1.16)
    found = [8 in change_points_of(each, np.zeros(12)) for each in levels]
    assert np.mean(found) >= 0.95


def test_two_neighbours_that_a_tool_can_print_are_no_change() -> None:
    """0.33 and 0.34 ms in hundredths may both be of 0.335; 0.36 is none of its neighbours."""

    def printed(value_us: float) -> Estimate:
        return Estimate(value_us, value_us - 5, value_us + 5, "launch means", rounding=5.0)

    assert change_points([printed(330)] * 20 + [printed(340)] * 20) == []
    assert change_points([printed(340)] * 20 + [printed(330)] * 20) == []
    assert change_points([printed(330)] * 20 + [printed(360)] * 20) == [20]
    exact = [Estimate(value, value - 5, value + 5, "samples") for value in (330, 341)]
    assert change_points([exact[0]] * 20 + [exact[1]] * 20) == [20]
