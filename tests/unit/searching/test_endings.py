"""Which trained beginning goes on, and with which ending."""

from __future__ import annotations

import pytest

from bench.searching.costs import TYPICAL, Costs
from bench.searching.endings import Endings
from bench.searching.shapes import known_shapes
from bench.searching.values import Limits
from tests.unit.searching.points import SHAPES, Study, at_rung, in_int8, space, trial, tried

LIMITS = Limits()
FEWER = space(endings=("qat", "quantize:int8", "quantize:w4a8"))


def endings(*trials, budget=None, left=None, of=None, **options):
    of = of or space()
    costs = Costs(of, trials, budget, left if left is not None else budget, **options)
    return Endings(of, LIMITS, trials, costs)


def tight(*trials, rung=1, **options):
    """Where few are trained, all of them at one rung."""
    found = endings(*trials, budget=60, left=50, **options)
    at_rung(found._costs, rung)
    return found


def test_an_ending_is_a_step_smaller_where_limits_are_kept_and_larger_where_not():
    def ending(loss):
        base = tried(3, rung=1, loss=loss)
        point = endings(base).next(base, Study(number=4))
        assert point["remove_0"] == base.params["remove_0"]
        return space().zipped_weights(point) / space().zipped_weights(base.params)

    assert 0.8 < ending(0.0) < 0.95
    assert 1.05 < ending(0.2) < 1.25


def test_what_keeps_to_the_limits_is_ended_otherwise_though_it_was_trained_a_rung_less():
    kept, lost = tried(3, rung=1, loss=0.004), tried(5, rung=2, loss=0.015)
    assert tight(tried(0), kept, lost, rung=2).base() is kept


def test_the_longest_training_of_the_best_is_what_goes_on():
    trials = [*(tried(index) for index in range(len(SHAPES))), tried(3, rung=1)]
    assert endings(*trials).base() is trials[-1]


@pytest.mark.parametrize(
    ("usual", "others"), [("qat", ["quantize:int8", ""]), ("", ["quantize:int8"])]
)
def test_by_latency_the_best_is_measured_in_int8_and_in_float32_and_trained_no_more(usual, others):
    """Thin layers may be faster in the other one, though a typical shape is not."""
    endings_ = ("qat", "quantize:int8", "quantize:w4a8", "")
    of = space("latency", endings=endings_, usual_ending=usual)
    best, worse = (
        trial(n, 1, times={"local": times}, params=dict(known_shapes(of)[n]), recipe="channels:0.5")
        for n, times in ((3, 4.0), (2, 3.0))
    )
    found = endings(best, worse, of=of)
    base = found.base()
    assert base is best
    assert not found.may_train(base)
    study, tried_ = Study.of([best, worse]), []
    while (params := found.next_untrained(base, study)) is not None:
        assert params["remove_1"] == best.params["remove_1"]
        study.points.append(params)
        tried_.append(params["ending"])
    assert tried_ == others


@pytest.mark.parametrize("loss", [0.0, 0.013, 0.2])
def test_what_trains_nothing_more_comes_first(loss):
    base = tried(TYPICAL, rung=1, loss=loss)
    params = endings(tried(0), base, budget=30, left=1).next_untrained(base, Study.of([base]))
    recipe = str(space().recipe(params, int(params["rung"])))
    assert recipe.startswith("channels:")
    assert recipe.endswith("+quantize:int8+scales:5+strip")
    assert "prune" not in recipe
    assert "cluster" not in recipe
    assert space().work(params, 1, begun=True) == 0


def test_where_few_are_trained_each_is_tried_with_int8_alone():
    gentle, strong = (tried(TYPICAL + more, rung=1, loss=0.002) for more in (0, 1))
    trials = [tried(0), gentle, strong, in_int8(gentle, 0.001)]
    found = tight(*trials)
    params = found.next_untrained(found.base(), Study.of(trials))
    assert params["remove_0"] == SHAPES[TYPICAL + 1]["remove_0"]
    assert params["ending"] == "quantize:int8"


@pytest.mark.parametrize(("loss", "bears"), [(0.002, True), (0.013, False)])
def test_a_beginning_that_bears_int8_is_tried_in_fewer_bits(loss, bears):
    base = tried(TYPICAL, rung=1, loss=0.02)
    trials = [tried(0), base, in_int8(base, loss)]
    params = tight(*trials, of=FEWER).next_untrained(base, Study.of(trials))
    assert (params is not None and params["ending"] == "quantize:w4a8") == bears


def test_after_int8_alone_comes_the_ending_of_the_known_shape():
    alone = in_int8(tried(TYPICAL, rung=1), 0.004)
    trials = [tried(0), alone]
    params = tight(*trials).next(alone, Study.of(trials))
    assert params == {**SHAPES[TYPICAL], "rung": 1}


def test_what_lies_between_two_shapes_ends_like_the_nearer_one():
    alone = in_int8(tried(TYPICAL, rung=1), 0.004)
    near = {name: value for name, value in alone.params.items() if name.startswith("remove_")}
    moved = {**alone.params, **{name: value + 0.04 for name, value in near.items()}}
    base = trial(30, 1, loss=0.004, params=moved, recipe="channels:0.5,epochs=3+quantize:int8")
    params = tight(tried(0), base).next(base, Study.of([tried(0), base]))
    assert params == {
        **moved,
        **{n: SHAPES[TYPICAL][n] for n in ("sparsity", "clusters", "ending")},
        "rung": 1,
    }


def test_the_next_lies_between_one_that_keeps_and_one_that_does_not():
    base = tried(TYPICAL, rung=1, loss=0.013)
    kept = in_int8(base, 0.002)
    params = tight(tried(0), base, kept).next(base, Study.of([tried(0), base, kept]))
    low, high = (space().zipped_weights(one.params) for one in (base, kept))
    assert 1.1 * low < space().zipped_weights(params) < high / 1.1


@pytest.mark.parametrize(("loss", "goes_on"), [(0.007, TYPICAL + 1), (0.02, TYPICAL)])
def test_of_several_beginnings_that_whose_next_ending_is_smallest_goes_on(loss, goes_on):
    gentle, strong = (tried(TYPICAL + more, rung=1, loss=0.013 + more / 100) for more in (0, 1))
    ended = [in_int8(gentle, 0.002), in_int8(strong, loss)]
    found = tight(tried(0), gentle, strong, *ended)
    assert found.base().params["remove_0"] == SHAPES[goes_on]["remove_0"]


def test_fewer_bits_do_not_count_among_the_endings_that_are_trained():
    base = tried(TYPICAL, rung=1, loss=0.013)
    trials = [tried(0), base, in_int8(base, 0.002)]
    lower = {**trials[-1].params, "ending": "quantize:w4a8"}
    few = [trial(40 + n, 1, loss=0.03, params={**lower, "n": n}) for n in range(5)]
    assert tight(*trials, *few, of=FEWER).is_near(base)


def test_a_beginning_that_int8_alone_breaks_is_left():
    """Zeros and few values hardly ever win anything back."""
    base = tried(TYPICAL, rung=1, loss=0.02)
    for loss, near in ((0.009, True), (0.012, False)):
        found = tight(tried(0), base, in_int8(base, loss))
        assert (found.is_near(base), found.may_win(base)) == (near, near)


def test_a_beginning_that_keeps_to_the_limits_without_care_alone_is_left():
    """Its loss counts with a standard error on top: another ending would lose more."""
    base = in_int8(tried(TYPICAL, rung=1), 0.009)
    assert tight(tried(0), base).is_near(base)
    doubted = trial(base.number, 1, loss=0.009, error=0.002, params=base.params, recipe="qat")
    assert not tight(tried(0), doubted).is_near(doubted)


@pytest.mark.parametrize(
    ("alone", "ended", "room"), [(0.004, None, True), (0.006, None, False), (0.002, 0.006, False)]
)
def test_there_is_room_for_a_stronger_shape_where_nothing_loses_much(alone, ended, room):
    base = in_int8(tried(TYPICAL, rung=1), alone)
    own = [] if ended is None else [tried(TYPICAL, rung=1, loss=ended)]
    assert tight(tried(0), base, *own).has_room(base) == room


def test_by_raw_size_no_zeros_are_sought():
    base = tried(TYPICAL, rung=1, loss=0.002)
    assert not tight(tried(0), base, of=space("size")).may_train(base)
    assert tight(tried(0), base).may_train(base)


def test_an_ending_that_does_not_fit_is_not_trained():
    base = in_int8(tried(TYPICAL, rung=1), 0.002)
    timed = tried(1)
    assert endings(timed, base, budget=60, left=50).may_train(base)
    assert not endings(timed, base, budget=60, left=1).may_train(base)
