"""How long trainings may be, by a few steps or by those that were made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.searching.costs import HALVINGS, MANY, TYPICAL, Costs
from tests.unit.searching.points import SHAPES, space, tried

ALONE = SHAPES[TYPICAL] | {"sparsity": 0, "clusters": 0, "ending": "quantize:int8"}
"""A typical shape in int8 alone."""


def costs(*trials, budget=None, left=None, **options):
    found = left if left is not None else budget
    return Costs(options.pop("space", space()), trials, budget, found, **options)


@pytest.mark.parametrize(("budget", "rung"), [(1_000_000, 2), (100, 1)])
def test_a_few_steps_tell_how_long_the_first_training_may_be(budget, rung):
    assert costs(tried(0), budget=budget, epoch_seconds=6.0).start == rung


def test_several_at_once_bear_longer_trainings():
    needed = costs(tried(1), budget=1e6).seconds(ALONE, 1)

    def top(at_once):
        return costs(tried(1), budget=2.01 * needed, at_once=at_once).top

    assert (top(1), top(2)) == (0, 1)


def test_the_longest_trainings_take_a_smaller_part_of_a_budget():
    seconds = costs(tried(1), budget=1e6).seconds

    def longest(budget):
        return costs(tried(1), budget=budget).longest

    assert longest(3 * seconds(ALONE, 2)) == 2
    assert longest(3 * seconds(ALONE, 3)) == 2
    assert longest(6 * seconds(ALONE, 3)) == 3


def test_where_few_are_trained_the_longest_is_for_the_end():
    of_one = costs(tried(1), budget=1e6).seconds(ALONE, 3)
    tight = costs(tried(1), budget=6 * of_one)
    assert (tight.start, tight.top, tight.longest) == (2, 2, 3)


def test_what_is_left_for_something_else_is_not_spent():
    found = costs(tried(1), budget=1000)
    needed = found.seconds(SHAPES[TYPICAL], 0)
    assert found.leaving(999 - needed).fits(SHAPES[TYPICAL], 0)
    assert not found.leaving(1001 - needed).fits(SHAPES[TYPICAL], 0)
    assert found.fits(SHAPES[TYPICAL], 0)


def test_a_tight_budget_trains_few_and_long_a_wide_one_many_and_short():
    one = tried(1)  # ten seconds for three epochs
    wide = costs(one, budget=100_000)
    assert wide.start == wide.top - HALVINGS
    tight = costs(one, budget=60)
    assert tight.start == tight.top > 0


@pytest.mark.parametrize(("times", "is_tight"), [(1.5, True), (2.1, False)])
def test_short_trainings_leave_half_of_a_budget_for_long_ones(times, is_tight):
    wide = costs(tried(1), budget=1e6)
    budget = times * MANY * wide.seconds(SHAPES[TYPICAL], wide.top - HALVINGS)
    assert costs(tried(1), budget=budget).is_tight == is_tight


def test_the_shortest_trainings_are_not_begun_with_however_many_fit():
    in_float = space("latency", endings=("", "quantize:int8"), usual_ending="")
    wide = costs(tried(1), budget=1e6, space=in_float)
    budget = 2.1 * MANY * wide.seconds(wide.typical, 0)
    found = costs(tried(1), budget=budget, space=in_float)
    assert (found.start, found.top, found.longest) == (2, 2, 2)


@pytest.mark.parametrize(
    ("aim", "budget", "alone"),
    [("zipped", 60, True), ("zipped", 100_000, False), ("size", 60, False), ("latency", 60, False)],
)
def test_where_few_are_trained_zeros_and_values_wait_for_what_int8_alone_gives(aim, budget, alone):
    found = costs(tried(1), budget=budget, space=space(aim))
    first = found.first_try(SHAPES[TYPICAL])
    assert found.begins_alone == alone
    assert dict(first) == (ALONE if alone else SHAPES[TYPICAL])


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_what_takes_longer_than_what_is_left_does_not_fit(left):
    found = costs(tried(1), tried(3), budget=10_000, left=left)
    assert not found.fits(SHAPES[TYPICAL], 0)
    assert costs(tried(1), budget=10_000).fits(SHAPES[TYPICAL], 0)
    assert not costs(tried(1), budget=10_000).fits(SHAPES[TYPICAL], 0, after=10_000)


def test_what_came_from_the_cache_tells_nothing_of_time():
    cached = replace(tried(1), outcome=replace(tried(1).outcome, seconds=0.01, cached=True))
    assert costs(cached, budget=100, epoch_seconds=2.0).seconds(SHAPES[1], 0) > 5


def test_a_trial_with_a_trained_beginning_costs_less():
    found = costs(tried(1))
    whole = found.seconds(SHAPES[3], 1)
    assert 0 < found.seconds(SHAPES[3], 1, begun=True) < whole
    assert whole < found.seconds(SHAPES[3], 2)
