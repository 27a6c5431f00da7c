"""What comes next, by what is known and what the budget bears."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.searching.planner import HALVINGS, MANY, TYPICAL, Planner
from bench.searching.shapes import between, known_shapes, untrained_endings
from bench.searching.values import Limits
from tests.unit.searching.points import layout_with_blocks, space, trial

LIMITS = Limits()
SHAPES = known_shapes(space())


class Study:
    by_chance = False

    def __init__(self, *asked, number=1, running=()):
        self.points, self.asked, self._running = [*asked, *running], number, list(running)

    def was_asked(self, params):
        return params in self.points

    def running(self):
        return self._running

    def is_running(self, params):
        return params in self._running


def tried(index, rung=0, loss=0.0, **options):
    recipe = "qat" if index else "quantize:int8"
    return trial(index, rung, loss=loss, params=dict(SHAPES[index]), recipe=recipe, **options)


def ended_untrained(base, loss):
    """The same beginning as a trial's, with int8 alone behind it."""
    params, *_ = untrained_endings(space(), base.params)
    recipe = "channels:0.5,epochs=3+quantize:int8"
    return trial(base.number + 10, base.rung, loss=loss, params=params, recipe=recipe)


def proposal(*trials, budget=None, left=None, study=None):
    known = study or Study(*({**t.params, "rung": t.rung} for t in trials))
    return Planner(space(), LIMITS, trials, budget, left if left is not None else budget).next(
        known
    )


def test_what_trains_nothing_comes_first():
    params, origin = proposal()
    assert (params, origin) == ({**SHAPES[0], "rung": 0}, "known shape")


@pytest.mark.parametrize(("budget", "rung"), [(100_000, 2), (200, 1)])
def test_a_few_steps_tell_how_long_the_first_training_may_be(budget, rung):
    planner = Planner(space(), LIMITS, [tried(0)], budget, budget, epoch_seconds=6.0)
    params, _ = planner.next(Study({**SHAPES[0], "rung": 0}))
    assert params == {**SHAPES[TYPICAL], "rung": rung}


def test_endings_go_a_step_smaller_where_limits_are_kept_and_larger_where_not():
    def ending(loss):
        base = tried(3, rung=1, loss=loss)
        point = Planner(space(), LIMITS, [base], None, None)._ending(base, Study(number=4))
        assert point["remove_0"] == base.params["remove_0"]
        return space().zipped_weights(point) / space().zipped_weights(base.params)

    assert 0.8 < ending(0.0) < 0.95
    assert 1.05 < ending(0.2) < 1.25


def test_the_ladder_is_climbed_where_limits_may_be_kept_and_left_where_not():
    kept = proposal(tried(0), tried(3, loss=0.0))[0]
    lost = proposal(tried(0), tried(3, loss=0.2))[0]
    assert kept["remove_0"] > SHAPES[3]["remove_0"] > lost["remove_0"]


def test_between_two_neighbours_of_the_ladder_lies_one_more():
    kept, broken = tried(3, loss=0.0), tried(4, loss=0.2)
    params, origin = proposal(tried(0), kept, broken)
    low, high = SHAPES[3]["remove_0"], SHAPES[4]["remove_0"]
    assert (origin, params["remove_0"]) == ("known shape", pytest.approx((low + high) / 2))
    assert params["sparsity"] == SHAPES[3]["sparsity"]


def test_what_keeps_to_the_limits_is_ended_otherwise_though_it_was_trained_a_rung_less():
    kept, lost = tried(3, rung=1, loss=0.004), tried(5, rung=2, loss=0.015)
    planner = Planner(space(), LIMITS, [tried(0), kept, lost], 100, 60)
    planner.start = planner.top = 2
    assert planner._beginning() is kept


def test_a_shape_that_does_not_fit_is_trained_shorter():
    whole = Planner(space(), LIMITS, [tried(0), tried(1)], 100, 100)
    assert whole.is_tight
    needed = whole.seconds(SHAPES[TYPICAL], whole.start)
    for left, shorter in ((1.01 * needed, 0), (0.99 * needed, 1)):
        trials = [tried(0), tried(1)]
        planner = Planner(space(), LIMITS, trials, 100, left)
        point = planner._longest({**SHAPES[TYPICAL], "rung": whole.start}, Study())
        assert point["rung"] == whole.start - shorter


def test_a_failed_shape_counts_as_one_that_breaks_the_limits():
    assert proposal(tried(0), tried(3, loss=None))[0]["remove_0"] < SHAPES[3]["remove_0"]


def test_beside_a_shape_that_is_trained_the_next_stronger_one_is():
    first = {**SHAPES[TYPICAL], "rung": 0}
    params, origin = proposal(tried(0), study=Study({**SHAPES[0], "rung": 0}, running=[first]))
    assert (params, origin) == ({**SHAPES[TYPICAL + 1], "rung": 0}, "known shape")


def test_what_another_trial_is_training_is_not_trained_beside_it():
    running = {**SHAPES[TYPICAL], "rung": 0}
    same_beginning, another = {**running, "ending": "quantize:int8"}, {**running, "remove_0": 0.1}
    planner = Planner(space(), LIMITS, [tried(0)], None, None)
    assert planner._is_being_begun(same_beginning, [running])
    assert not planner._is_being_begun(another, [running])
    assert not planner._is_being_begun({**same_beginning, "rung": 1}, [running])
    # Once one trial with it has ended, the beginning lies there for all others.
    begun = Planner(space(), LIMITS, [tried(0), tried(TYPICAL)], None, None)
    assert not begun._is_being_begun(same_beginning, [running])


def test_several_at_once_bear_longer_trainings():
    needed = Planner(space(), LIMITS, [tried(1)], 1e6, 1e6).seconds(SHAPES[TYPICAL], 1)

    def top(at_once):
        return Planner(space(), LIMITS, [tried(1)], 2 * needed, 1.0, at_once=at_once).top

    assert (top(1), top(2)) == (0, 1)


def test_a_tight_budget_trains_few_and_long_a_wide_one_many_and_short():
    one = tried(1)  # ten seconds for three epochs
    wide = Planner(space(), LIMITS, [one], 100_000, 100_000)
    assert wide.start == wide.top - HALVINGS
    tight = Planner(space(), LIMITS, [one], 60, 60)
    assert tight.start == tight.top > 0


@pytest.mark.parametrize(("times", "is_tight"), [(1.5, True), (2.1, False)])
def test_short_trainings_leave_half_of_a_budget_for_long_ones(times, is_tight):
    one = tried(1)
    wide = Planner(space(), LIMITS, [one], 1e6, 1e6)
    budget = times * MANY * wide.seconds(SHAPES[TYPICAL], wide.top - HALVINGS)
    assert Planner(space(), LIMITS, [one], budget, budget).is_tight == is_tight


def test_a_trained_beginning_is_tried_with_another_ending():
    trials = [tried(index) for index in range(len(SHAPES))]
    trials.append(tried(3, rung=1))
    known = [{**t.params, "rung": t.rung} for t in trials]
    planner = Planner(space(), Limits(), trials, None, None)
    _, origin = planner.next(Study(*known, number=8))
    assert origin in ("same beginning", "promoted")
    assert planner._beginning() is trials[-1]


def test_a_tight_budget_tries_endings_before_it_trains_another_shape():
    base = tried(TYPICAL, rung=1, loss=0.013)
    trials = [tried(0), base, ended_untrained(base, 0.002)]
    planner = Planner(space(), LIMITS, trials, 60, 50)
    assert planner.start > 0
    params, origin = planner.next(Study(*({**t.params, "rung": t.rung} for t in trials), number=2))
    assert origin == "same beginning"
    assert params["remove_0"] == base.params["remove_0"]
    assert params["rung"] == 1


def next_of(*trials):
    study = Study(*({**t.params, "rung": t.rung} for t in trials), number=2)
    planner = Planner(space(), LIMITS, trials, 60, 50)
    assert planner.is_tight
    return planner.next(study)


@pytest.mark.parametrize(("loss", "goes_on"), [(0.007, TYPICAL + 1), (0.02, TYPICAL)])
def test_of_several_beginnings_that_whose_next_ending_is_smallest_goes_on(loss, goes_on):
    gentle, strong = (tried(TYPICAL + more, rung=1, loss=0.013 + more / 100) for more in (0, 1))
    ended = [ended_untrained(gentle, 0.002), ended_untrained(strong, loss)]
    params, origin = next_of(tried(0), gentle, strong, *ended)
    assert origin == "same beginning"
    assert params["remove_0"] == SHAPES[goes_on]["remove_0"]
    assert params["ending"] == "qat"


def test_where_few_are_trained_each_is_tried_with_int8_alone():
    gentle, strong = (tried(TYPICAL + more, rung=1, loss=0.002) for more in (0, 1))
    params, origin = next_of(tried(0), gentle, strong, ended_untrained(gentle, 0.001))
    assert origin == "same beginning"
    assert (params["remove_0"], params["ending"]) == (
        SHAPES[TYPICAL + 1]["remove_0"],
        "quantize:int8",
    )


def test_where_no_ending_loses_much_the_next_shape_is_tried_first():
    def next_after(loss):
        base = tried(TYPICAL, rung=1, loss=loss)
        trials = [tried(0), base, ended_untrained(base, 0.001)]
        study = Study(*({**t.params, "rung": t.rung} for t in trials), number=2)
        planner = Planner(space(), LIMITS, trials, 60, 50)
        assert planner.is_tight
        return planner.next(study)[1]

    assert next_after(0.004) == "known shape"
    assert next_after(0.008) == "same beginning"


@pytest.mark.parametrize("loss", [0.0, 0.013, 0.2])
def test_a_trained_beginning_is_tried_at_once_with_what_trains_nothing_more(loss):
    base = tried(TYPICAL, rung=1, loss=loss)
    params, origin = proposal(tried(0), base, budget=30, left=1)
    assert origin == "same beginning"
    recipe = str(space().recipe(params, int(params["rung"])))
    assert recipe.startswith("channels:")
    assert recipe.endswith("+quantize:int8+scales:5+strip")
    assert "prune" not in recipe
    assert "cluster" not in recipe
    assert space().work(params, 1, begun=True) == 0


FEWER = space(endings=("qat", "quantize:int8", "quantize:w4a8"))


@pytest.mark.parametrize(("loss", "bears"), [(0.002, True), (0.013, False)])
def test_a_beginning_that_bears_int8_is_tried_in_fewer_bits(loss, bears):
    base = tried(TYPICAL, rung=1, loss=0.02)
    trials = [tried(0), base, ended_untrained(base, loss)]
    asked = ({**one.params, "rung": one.rung} for one in trials)
    params, _ = Planner(FEWER, LIMITS, trials, 30, 20).next(Study(*asked, number=2))
    assert (params["ending"] == "quantize:w4a8") == bears


def test_fewer_bits_do_not_count_among_the_endings_that_are_trained():
    base = tried(TYPICAL, rung=1, loss=0.013)
    trials = [tried(0), base, ended_untrained(base, 0.002)]
    lower = {**trials[-1].params, "ending": "quantize:w4a8"}
    few = [trial(40 + n, 1, loss=0.03, params={**lower, "n": n}) for n in range(5)]
    assert Planner(FEWER, LIMITS, [*trials, *few], 30, 20)._is_near(base)


def test_by_raw_size_no_zeros_are_sought_behind_a_beginning():
    base = tried(TYPICAL, rung=1, loss=0.002)
    trials = [tried(0), base, ended_untrained(base, 0.002)]
    asked = ({**one.params, "rung": one.rung} for one in trials)
    planner = Planner(space("size"), LIMITS, trials, 30, 20)
    _, origin = planner.next(Study(*asked, number=2))
    assert origin != "same beginning"


def test_where_one_short_training_is_all_that_fits_its_endings_are_tried_too():
    base = tried(TYPICAL, loss=0.024)
    planner = Planner(space(), LIMITS, [tried(0), base], 12, 2)
    assert planner.top == 0
    asked = ({**one.params, "rung": 0} for one in (tried(0), base))
    params, origin = planner.next(Study(*asked, number=2))
    assert origin == "same beginning"
    assert (params["ending"], params["rung"]) == ("quantize:int8", 0)


def test_the_next_ending_lies_between_one_that_keeps_and_one_that_does_not():
    base = tried(TYPICAL, rung=1, loss=0.013)
    kept = ended_untrained(base, 0.002)
    params, _ = proposal(tried(0), base, kept, budget=30, left=20)
    low, high = (space().zipped_weights(one.params) for one in (base, kept))
    assert 1.1 * low < space().zipped_weights(params) < high / 1.1


def test_a_shape_whose_channels_keep_to_the_limits_leads_to_stronger_ones():
    base = tried(TYPICAL, rung=1, loss=0.03)
    planner = Planner(space(), LIMITS, [tried(0), base], 30, 20)
    assert planner._may_keep(base.params) is False
    planner = Planner(space(), LIMITS, [tried(0), base, ended_untrained(base, 0.002)], 30, 20)
    assert planner._may_keep(base.params) is True


@pytest.mark.parametrize(("start", "ending"), [(1, None), (0, "quantize:w4a8")])
def test_where_few_are_trained_none_is_for_fewer_bits(start, ending):
    """What was trained for other shapes is tried in them."""
    kept, broken = tried(1, rung=start), tried(2, rung=start, loss=0.2)
    trials = [tried(0), kept, broken]
    middle = {**between(FEWER, kept.params, broken.params), "rung": start}
    planner = Planner(FEWER, LIMITS, trials, 1000, 900)
    planner.start, planner.top = start, 1
    known = Study(middle, *({**t.params, "rung": t.rung} for t in trials))
    shape = planner._known_shape(known)
    assert (shape and shape["ending"]) == ending


def test_a_beginning_that_loses_too_much_with_int8_alone_is_left():
    """Zeros and few values hardly ever win anything back."""
    base = tried(TYPICAL, rung=1, loss=0.02)
    for loss, near in ((0.009, True), (0.012, False)):
        planner = Planner(space(), LIMITS, [tried(0), base, ended_untrained(base, loss)], 30, 20)
        assert planner._is_near(base) == near


def test_the_strongest_shape_of_which_there_is_hope_is_trained_as_long_as_the_others():
    """The first trainings are shorter, until it is known what one takes."""
    short, broken = tried(4, rung=0, loss=0.012), tried(5, rung=3, loss=0.03)
    planner = Planner(space(), LIMITS, [tried(0), short, broken], 1000, 900)
    planner.start = planner.top = 3
    known = Study(*({**t.params, "rung": t.rung} for t in (tried(0), short, broken)))
    assert planner._known_shape(known) == {**SHAPES[4], "rung": 3}
    long_ = tried(4, rung=3, loss=0.008)
    planner = Planner(space(), LIMITS, [tried(0), short, broken, long_], 1000, 900)
    planner.start = planner.top = 3
    between = planner._known_shape(known)
    assert SHAPES[4]["remove_0"] < between["remove_0"] < SHAPES[5]["remove_0"]


def test_a_beginning_that_loses_far_too_much_is_left():
    base = tried(TYPICAL, rung=1, loss=0.2)
    trials = [tried(0), base, ended_untrained(base, 0.15)]
    planner = Planner(space(), LIMITS, trials, 60, 50)
    _, origin = planner.next(Study(*({**t.params, "rung": t.rung} for t in trials), number=2))
    assert origin == "known shape"


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_nothing_is_begun_that_does_not_fit(left):
    trials = [tried(0), tried(1), tried(3)]
    assert proposal(*trials, budget=10_000, left=left) is None


def test_what_came_from_the_cache_tells_nothing_of_time():
    cached = replace(tried(1), outcome=replace(tried(1).outcome, seconds=0.01, cached=True))
    planner = Planner(space(), LIMITS, [cached], 100, 100, epoch_seconds=2.0)
    assert planner.seconds(SHAPES[1], 0) > 5


def test_a_trial_with_a_trained_beginning_costs_less():
    planner = Planner(space(), LIMITS, [tried(1)], None, None)
    whole = planner.seconds(SHAPES[3], 1)
    assert 0 < planner.seconds(SHAPES[3], 1, begun=True) < whole
    assert whole < planner.seconds(SHAPES[3], 2)


class TestBlocks:
    """Known shapes of a model of which blocks can be left out."""

    space = space(layout=layout_with_blocks())

    def next(self, losses, flat=0.2):
        """The next known shape after those of the ladder without blocks, by number to loss."""
        shorter = known_shapes(self.space)
        trials = [
            trial(n, loss=loss, params=dict(shorter[n]), recipe="qat") for n, loss in losses.items()
        ]
        if flat is not None:
            params = dict(known_shapes(self.space, shorter=False)[TYPICAL])
            trials.append(trial(20, loss=flat, params=params, recipe="qat"))
        study = Study(*({**one.params, "rung": one.rung} for one in trials))
        return Planner(self.space, LIMITS, trials, None, None)._known_shape(study)

    def test_shapes_without_blocks_come_first(self):
        assert self.next({0: 0.0})["depth"] == 1

    def test_then_one_with_all_blocks_tells_whether_they_are_worth_leaving_out(self):
        params = self.next({0: 0.0, TYPICAL: 0.0}, flat=None)
        assert params == {**known_shapes(self.space, shorter=False)[TYPICAL], "rung": 0}
        assert self.next({0: 0.0, TYPICAL: 0.0})["depth"] == 1

    def test_where_blocks_matter_too_much_they_are_left_in(self):
        gentlest = {**dict.fromkeys(range(2, 7), 0.2), 0: 0.0, 1: 0.0}
        params = self.next(gentlest)
        assert params["depth"] == 0
        assert params["remove_0"] > 0

    def test_where_they_do_not_the_other_ladder_is_not_climbed(self):
        shapes = known_shapes(self.space)
        kept = {n: 0.0 if n < 5 else 0.2 for n in range(len(shapes))}
        params = self.next(kept)
        assert params is None or params["depth"] == 1
