"""Limits that contradict each other or that nothing can keep."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.searching import bounds
from bench.searching.values import Goal, Limits, careful_loss, keeps
from tests.unit.searching.points import space, trial


@pytest.mark.parametrize(
    ("aim", "limits", "goal", "told"),
    [
        ("zipped", Limits(size_bytes=100, zipped_bytes=200), None, "max-zipped"),
        ("size", Limits(size_bytes=0), None, "limit of 0"),
        ("size", Limits(size_bytes=100), Goal(value=200), "--goal"),
        ("latency", Limits(median_us=100), Goal(value=200), "--max-median"),
    ],
)
def test_contradictions_are_told(aim, limits, goal, told):
    with pytest.raises(UsageError, match=told):
        bounds.check(aim, limits, goal)


def test_limits_that_go_together_are_none():
    bounds.check("zipped", Limits(size_bytes=200, zipped_bytes=100), Goal(value=50))
    bounds.check("zipped", Limits(), Goal(times=24))


def test_a_limit_below_the_least_weights_is_told_before_any_training():
    with pytest.raises(UsageError, match="nothing can keep --max-zipped"):
        bounds.check_reachable(space(), Limits(zipped_bytes=20), None)
    bounds.check_reachable(space(), Limits(zipped_bytes=20_000), None)


def test_a_goal_is_so_many_times_or_a_figure():
    assert Goal(times=2).is_met(50, 100)
    assert not Goal(times=2).is_met(51, 100)
    assert Goal(value=50).is_met(50, 100)


def test_a_loss_counts_with_a_standard_error_of_at_most_a_quarter_of_the_limit():
    limits = Limits(loss=0.01)
    assert careful_loss(trial(loss=0.004, error=0.001), limits) == pytest.approx(0.005)
    assert careful_loss(trial(loss=0.004, error=0.5), limits) == pytest.approx(0.0065)
    assert keeps(trial(loss=0.007, error=0.5), limits)
    assert not keeps(trial(loss=0.008, error=0.5), limits)
    assert not keeps(trial(loss=None), limits)
    assert not keeps(trial(size=2000), Limits(size_bytes=1000))
