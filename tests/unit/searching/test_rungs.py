"""Who deserves a longer training."""

from __future__ import annotations

from bench.searching import rungs
from bench.searching.values import Limits
from tests.unit.searching.points import trial

LIMITS = Limits(loss=0.01)


def promoted(trials, top=3):
    found = rungs.promotion(trials, LIMITS, "zipped", top)
    return None if found is None else found.number


def test_one_in_three_is_promoted_and_no_trial_twice():
    trials = [trial(0, size=900), trial(1, size=500)]
    assert promoted(trials) is None
    trials.append(trial(2, size=700))
    assert promoted(trials) == 1
    trials.append(trial(3, 1, size=500, params={"point": 1}))
    assert promoted(trials) is None


def test_a_small_file_that_loses_far_too_much_is_not_promoted():
    trials = [trial(0, size=900), trial(1, size=100, loss=0.3), trial(2, size=950)]
    assert promoted(trials) == 0


def test_a_loss_that_longer_training_may_win_back_counts_as_won_back():
    trials = [trial(0, size=900), trial(1, size=500, loss=0.014), trial(2, size=950)]
    assert promoted(trials) == 1
    assert rungs.merit(trials[1], trials, LIMITS, "zipped", 0)[0] == 1


def test_what_was_won_back_so_far_is_believed():
    shorter, longer = trial(0, loss=0.02), trial(1, 1, loss=0.019, params={"point": 0})
    assert rungs.won_back([], 0) == rungs.WON_BACK
    assert abs(rungs.won_back([shorter, longer], 0) - 0.05) < 1e-9


def test_what_failed_or_was_not_trained_is_never_promoted():
    trials = [trial(0, loss=None), trial(1, recipe="quantize:int8"), *map(trial, (2, 3, 4, 5))]
    assert promoted(trials) not in (0, 1)


def test_a_point_counts_as_it_was_trained_longest():
    trials = [trial(0), trial(1, 1, params={"point": 0}), trial(2)]
    assert {each.number for each in rungs.highest(trials)} == {1, 2}


def test_the_last_promotion_needs_no_third_trial_and_leaves_out_what_was_tried():
    trials = [trial(0, size=500)]
    assert rungs.last_promotion(trials, LIMITS, "zipped", 1) is trials[0]
    trials.append(trial(1, 1, loss=None, params={"point": 0}))
    assert rungs.last_promotion(trials, LIMITS, "zipped", 1) is None
