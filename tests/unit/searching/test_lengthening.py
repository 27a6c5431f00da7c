"""What may become the best when it is trained longer."""

from __future__ import annotations

from dataclasses import replace

from bench.searching.lengthening import worth_longer
from bench.searching.values import Limits
from tests.unit.searching.points import trial

TRAINED = "channels:0.5,epochs=3+quantize:int8"
BEST = trial(1, rung=1, size=1000, loss=0.002, recipe=TRAINED)


def missed(number, size, loss, **options):
    return trial(number, rung=1, size=size, loss=loss, recipe=TRAINED, **options)


def numbers(*trials, limits=None, longest=3, aim="zipped"):
    found = worth_longer([BEST, *trials], limits or Limits(), aim, longest)
    return [one.number for one in found]


def test_what_nearly_keeps_to_the_limits_comes_before_what_is_far_off():
    assert numbers(missed(2, 700, 0.012), missed(3, 650, 0.016)) == [2, 3]


def test_what_is_too_far_off_is_left():
    assert numbers(missed(2, 700, 0.012), missed(3, 300, 0.03)) == [2]


def test_of_what_misses_by_as_much_the_smaller_file_comes_first():
    assert numbers(missed(2, 900, 0.012), missed(3, 700, 0.012)) == [3, 2]


def test_a_great_gain_is_worth_a_smaller_chance():
    assert numbers(missed(2, 990, 0.0105), missed(3, 500, 0.014)) == [3, 2]


def test_what_is_no_better_or_untrained_or_as_long_already_is_left():
    untrained = trial(3, rung=1, size=500, loss=0.02, recipe="quantize:int8")
    longest = replace(missed(4, 700, 0.012), rung=3)
    assert numbers(missed(2, 1001, 0.012), untrained, longest, trial(5, loss=None)) == []


def test_a_point_that_was_trained_longer_is_left_with_its_shorter_one():
    short = missed(2, 700, 0.012)
    assert numbers(short, replace(short, number=3, rung=3)) == []


def test_no_training_makes_a_file_smaller():
    limits = Limits(size_bytes=800)
    assert numbers(missed(2, 900, 0.012), missed(3, 700, 0.012), limits=limits) == [3]


def test_where_nothing_keeps_to_the_limits_the_nearest_comes_first():
    found = worth_longer(
        [missed(1, 1000, 0.05), missed(2, 700, 0.06), missed(3, 990, 0.013)], Limits(), "zipped", 3
    )
    assert found[0].number == 3


def test_a_limit_of_no_loss_at_all_is_no_error():
    assert numbers(missed(2, 700, 0.0001), limits=Limits(loss=0.0)) == [2]
