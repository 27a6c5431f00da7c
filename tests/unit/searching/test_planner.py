"""What comes next, by what is known and what the budget bears."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.searching.costs import TYPICAL, Costs
from bench.searching.planner import Planner
from bench.searching.shapes import between, in_int8_alone, known_shapes
from bench.searching.values import Limits
from tests.unit.searching.points import (
    SHAPES,
    Study,
    at_rung,
    in_int8,
    layout_with_blocks,
    space,
    trial,
    tried,
)

LIMITS = Limits()


def planner(*trials, budget=None, left=None, of=None, rung=None, **options):
    of = of or space()
    costs = Costs(of, trials, budget, left if left is not None else budget, **options)
    return Planner(of, LIMITS, trials, costs if rung is None else at_rung(costs, rung))


def tight(*trials, rung=1, budget=60, left=50, **options):
    """Where few are trained, all of them at one rung."""
    return planner(*trials, budget=budget, left=left, rung=rung, **options)


def proposal(*trials, study=None, **options):
    return planner(*trials, **options).next(study or Study.of(trials))


def alone(shape):
    return dict(in_int8_alone(space(), shape))


def test_what_trains_nothing_comes_first():
    params, origin = proposal()
    assert (params, origin) == ({**SHAPES[0], "rung": 0}, "known shape")


def test_the_ladder_is_climbed_where_limits_may_be_kept_and_left_where_not():
    kept = proposal(tried(0), tried(3, loss=0.0))[0]
    lost = proposal(tried(0), tried(3, loss=0.2))[0]
    assert kept["remove_0"] > SHAPES[3]["remove_0"] > lost["remove_0"]


def test_the_next_shape_is_as_strong_as_what_was_lost_lets_hope():
    def after(loss):
        trials = [tried(0), in_int8(tried(TYPICAL, rung=1), loss)]
        return tight(*trials)._known_shape(Study.of(trials))["remove_1"]

    removed = [after(loss) for loss in (0.05, 0.012, 0.007, 0.0)]
    assert removed == sorted(removed)
    assert removed[1] < SHAPES[TYPICAL]["remove_1"] < removed[2] < removed[3]


def test_between_two_neighbours_of_the_ladder_lies_one_more():
    kept, broken = tried(3, loss=0.0), tried(4, loss=0.2)
    params, origin = proposal(tried(0), kept, broken)
    low, high = SHAPES[3]["remove_1"], SHAPES[4]["remove_1"]
    assert (origin, params["remove_1"]) == ("known shape", pytest.approx((low + high) / 2))
    assert params["sparsity"] == SHAPES[3]["sparsity"]


def test_a_shape_that_does_not_fit_is_trained_shorter():
    whole = tight(tried(0), tried(1), rung=2)
    needed = whole._costs.seconds(SHAPES[TYPICAL], 2)
    for left, shorter in ((1.01 * needed, 0), (0.99 * needed, 1)):
        found = tight(tried(0), tried(1), rung=2, left=left)
        point = found._longest({**SHAPES[TYPICAL], "rung": 2}, Study())
        assert point["rung"] == 2 - shorter


def test_a_failed_shape_counts_as_one_that_breaks_the_limits():
    assert proposal(tried(0), tried(3, loss=None))[0]["remove_0"] < SHAPES[3]["remove_0"]


def test_beside_a_shape_that_is_trained_the_next_stronger_one_is():
    first = {**SHAPES[TYPICAL], "rung": 0}
    params, origin = proposal(tried(0), study=Study({**SHAPES[0], "rung": 0}, running=[first]))
    assert (params, origin) == ({**SHAPES[TYPICAL + 1], "rung": 0}, "known shape")


def test_what_another_trial_is_training_is_not_trained_beside_it():
    running = {**SHAPES[TYPICAL], "rung": 0}
    same_beginning, another = {**running, "ending": "quantize:int8"}, {**running, "remove_0": 0.1}
    found = planner(tried(0))
    assert found._is_being_begun(same_beginning, [running])
    assert not found._is_being_begun(another, [running])
    assert not found._is_being_begun({**same_beginning, "rung": 1}, [running])
    # Once one trial with it has ended, the beginning lies there for all others.
    begun = planner(tried(0), tried(TYPICAL))
    assert not begun._is_being_begun(same_beginning, [running])


def test_a_trained_beginning_is_tried_with_another_ending():
    trials = [*(tried(index) for index in range(len(SHAPES))), tried(3, rung=1)]
    _, origin = proposal(*trials, study=Study.of(trials, number=8))
    assert origin in ("same beginning", "promoted")


class TestFewAreTrained:
    """Where the budget bears few trainings, for the zipped size."""

    def next(self, *trials, **options):
        found = tight(*trials, **options)
        assert found._costs.begins_alone
        return found.next(Study.of(trials, number=2))

    def test_a_shape_is_seen_in_int8_alone_before_its_ending_is_trained(self):
        params, origin = self.next(tried(0))
        assert (params, origin) == ({**alone(SHAPES[TYPICAL]), "rung": 1}, "known shape")

    def test_its_ending_comes_before_half_a_step_of_the_channels(self):
        kept = in_int8(tried(TYPICAL, rung=1), 0.004)
        broken = in_int8(tried(TYPICAL + 1, rung=1), 0.02)
        params, origin = self.next(tried(0), kept, broken)
        assert (params, origin) == ({**SHAPES[TYPICAL], "rung": 1}, "same beginning")

    def test_what_was_trained_longer_is_not_trained_shorter(self):
        """What a training takes, and so how long it may be, is known better with each."""
        kept, broken = tried(3, rung=2, loss=0.004), tried(5, rung=2, loss=0.03)
        found = tight(tried(0), kept, broken, rung=1)
        asked = {**alone(SHAPES[4]), "rung": 2}
        assert found._known_shape(Study.of([tried(0)]))["remove_1"] == SHAPES[4]["remove_1"]
        assert found._known_shape(Study(asked, {**SHAPES[0], "rung": 0})) is None

    def test_its_ending_comes_next_where_that_keeps_to_the_limits(self):
        kept = in_int8(tried(TYPICAL, rung=1), 0.006)
        params, origin = self.next(tried(0), kept)
        assert (params, origin) == ({**SHAPES[TYPICAL], "rung": 1}, "same beginning")

    def test_a_stronger_shape_comes_next_where_that_does_not_lose_much(self):
        kept = in_int8(tried(TYPICAL, rung=1), 0.004)
        params, origin = self.next(tried(0), kept)
        assert origin == "known shape"
        assert params["remove_1"] > SHAPES[TYPICAL]["remove_1"]

    @pytest.mark.parametrize("loss", [0.011, 0.2])
    def test_a_gentler_one_comes_next_where_that_breaks_them(self, loss):
        params, origin = self.next(tried(0), in_int8(tried(TYPICAL, rung=1), loss))
        assert origin == "known shape"
        assert 0 < params["remove_1"] < SHAPES[TYPICAL]["remove_1"]
        assert params["ending"] == "quantize:int8"

    def test_endings_come_before_another_shape(self):
        base = tried(TYPICAL, rung=1, loss=0.013)
        params, origin = self.next(tried(0), base, in_int8(base, 0.002))
        assert origin == "same beginning"
        assert params["remove_0"] == base.params["remove_0"]
        assert params["ending"] == "qat"

    def test_a_shape_whose_channels_keep_to_the_limits_leads_to_stronger_ones(self):
        own = tried(TYPICAL, rung=1, loss=0.03)
        assert tight(tried(0))._may_keep(SHAPES[TYPICAL]) is None
        assert tight(tried(0), own)._may_keep(SHAPES[TYPICAL]) is False
        assert tight(tried(0), own, in_int8(own, 0.002))._may_keep(SHAPES[TYPICAL]) is True

    def test_a_loss_within_the_limit_but_for_its_error_is_none_that_keeps(self):
        doubted = tried(TYPICAL, rung=1, loss=0.009, error=0.002)
        assert tight(tried(0), doubted)._may_keep(SHAPES[TYPICAL]) is False
        # A longer training may lose less.
        costs = at_rung(Costs(space(), (), 60, 50), 2)
        short = Planner(space(), LIMITS, [tried(0), doubted], costs)
        assert short._may_keep(SHAPES[TYPICAL]) is True

    def test_no_ending_is_trained_for_what_int8_alone_breaks(self):
        broken = in_int8(tried(TYPICAL, rung=1), 0.02)
        timed = tried(1, rung=1, loss=0.02)
        assert self.next(tried(0), broken, in_int8(timed, 0.02), timed, left=1) is None

    def test_the_sampler_chooses_no_ending(self):
        found = tight(tried(0))._sampled()
        ends = {n: v for n, v in alone(SHAPES[0]).items() if not n.startswith(("remove", "dist"))}
        assert found == {**ends, "rung": 1}
        assert planner(tried(0))._sampled() == {"rung": 0}

    def test_what_is_hoped_of_a_beginning_is_its_own_ending(self):
        found = tight(tried(0))
        first = alone(SHAPES[TYPICAL])
        assert found.hoped(first) == SHAPES[TYPICAL]
        assert found.hoped(SHAPES[0]) == SHAPES[0], "nothing is trained that could be ended"
        assert found.hoped(SHAPES[1]) == SHAPES[1]
        assert planner(tried(0)).hoped(first) == first

    def test_where_one_short_training_is_all_that_fits_its_endings_are_tried_too(self):
        base = tried(TYPICAL, loss=0.024)
        params, origin = self.next(tried(0), base, rung=0, budget=12, left=2)
        assert origin == "same beginning"
        assert (params["ending"], params["rung"]) == ("quantize:int8", 0)

    def test_the_strongest_shape_of_which_there_is_hope_is_trained_as_long_as_the_others(self):
        """The first trainings are shorter, until it is known what one takes."""
        short, broken = tried(4, rung=0, loss=0.012), tried(5, rung=3, loss=0.03)
        trials = [tried(0), short, broken]
        found = tight(*trials, rung=3, budget=1000, left=900)
        assert found._known_shape(Study.of(trials)) == {**alone(SHAPES[4]), "rung": 3}
        trials += [tried(4, rung=3, loss=0.008)]
        found = tight(*trials, rung=3, budget=1000, left=900)
        assert found._known_shape(Study.of(trials)) is None
        between_ = found._finer_shape(Study.of(trials))
        assert SHAPES[4]["remove_0"] < between_["remove_0"] < SHAPES[5]["remove_0"]


@pytest.mark.parametrize(("rung", "top", "ending"), [(1, 1, None), (0, 1, "quantize:w4a8")])
def test_where_few_are_trained_none_is_for_fewer_bits(rung, top, ending):
    """What was trained for other shapes is tried in them."""
    fewer = space(endings=("qat", "quantize:int8", "quantize:w4a8"))
    kept, broken = tried(1, rung=rung), tried(2, rung=rung, loss=0.2)
    trials = [tried(0), kept, broken]
    costs = at_rung(Costs(fewer, trials, 1000, 900), rung, top)
    middle = {**costs.first_try(between(fewer, kept.params, broken.params)), "rung": rung}
    known = Study(middle, *({**t.params, "rung": t.rung} for t in trials))
    shape = Planner(fewer, LIMITS, trials, costs)._finer_shape(known)
    assert (shape and shape["ending"]) == ending


def test_by_raw_size_shapes_are_trained_with_their_endings():
    trials = [tried(0), tried(TYPICAL, rung=1, loss=0.002)]
    found = tight(*trials, of=space("size"))
    _, origin = found.next(Study.of([*trials, in_int8(trials[1], 0.0)], number=2))
    assert origin == "known shape"


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_nothing_is_begun_that_does_not_fit(left):
    trials = [tried(0), tried(1), tried(3)]
    assert proposal(*trials, budget=10_000, left=left) is None


class TestLengthening:
    """The end of a search that bears few trainings, some of which may be longer."""

    def planner(self, *trials, left):
        costs = at_rung(Costs(space(), trials, 1000, left), 1, longest=3)
        return Planner(space(), LIMITS, trials, costs)

    def next(self, *trials, left, running=()):
        return self.planner(*trials, left=left).next(Study.of(trials, running=running))

    def trials(self):
        """A shape that keeps to the limits, a near miss and a farther one; ten seconds each."""
        losses = {2: 0.001, 3: 0.011, 4: 0.015}
        of_shapes = [in_int8(tried(n, rung=1), loss) for n, loss in losses.items()]
        sized = [
            replace(one, outcome=replace(one.outcome, zipped_bytes=10_000 // one.number))
            for one in of_shapes
        ]
        return [tried(0), *sized]

    def seconds(self, rung):
        trials = self.trials()
        return Costs(space(), trials, 1000, 900).seconds(trials[2].params, rung)

    def test_shapes_are_sought_as_long_as_a_long_training_fits_after_them(self):
        params, _ = self.next(*self.trials(), left=900)
        assert params["rung"] == 1

    def test_then_the_nearest_miss_is_trained_longer(self):
        *_, near, _ = trials = self.trials()
        params, origin = self.next(*trials, left=1.1 * self.seconds(3))
        assert (params, origin) == ({**near.params, "rung": 3}, "promoted")

    def test_another_is_where_that_is_being_trained(self):
        *_, near, far = trials = self.trials()
        running = [{**near.params, "rung": 3}]
        params, _ = self.next(*trials, left=1.1 * self.seconds(3), running=running)
        assert params == {**far.params, "rung": 3}

    def test_what_is_left_when_it_does_not_fit_is_spent_as_before(self):
        params, _ = self.next(*self.trials(), left=0.5 * self.seconds(3))
        assert params["rung"] == 1

    def test_no_beginning_is_trained_longer_twice(self):
        *_, near, far = trials = self.trials()
        longer = replace(near, number=20, rung=3, params={**near.params, "sparsity": 1})
        found = self.planner(*trials, longer, left=1.1 * self.seconds(3))
        assert list(found._lengthened()) == [{**far.params, "rung": 3}]


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
        return planner(*trials, of=self.space)._known_shape(Study.of(trials))

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
        assert params["remove_1"] > 0

    def test_the_ladder_that_promises_more_is_climbed_first(self):
        """The larger file may lose so much less that it is the better one at the limit."""
        losses = {0: 0.0, TYPICAL: 0.009}
        assert self.next(losses, flat=0.009)["depth"] == 1
        assert self.next(losses, flat=0.001)["depth"] == 0

    def test_where_they_do_not_the_other_ladder_is_not_climbed(self):
        shapes = known_shapes(self.space)
        kept = {n: 0.0 if n < 5 else 0.2 for n in range(len(shapes))}
        params = self.next(kept)
        assert params is None or params["depth"] == 1
