"""Blocks, retries, resuming and targets side by side, on targets that answer as told."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from bench import measure
from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.metrics.values import DeviceAnswers
from bench.values import Environment, Failure, Launch, Plan
from tests import examples
from tests.fake_target import FakeTarget

VARIANTS = tuple(examples.variant(name) for name in ("a", "b", "c", "d"))
PLAN = Plan(launches=5, retries=2)
WORK = measure.Job(VARIANTS, PLAN)

transient = TransientLaunchError("it broke", hint="again", error_class="crash")
stable = StableLaunchError("it cannot", hint="never", error_class="missing_op")
lost = TransientLaunchError("it has gone", hint="plug it in", error_class="device_lost")


def run(targets, work=WORK):
    return list(measure.measure(targets, replace(work, stop=threading.Event()), lambda *_: None))


def launches(outcomes):
    return [item for item in outcomes if isinstance(item, Launch)]


def failures(outcomes, *, discarded=False):
    return [x for x in outcomes if isinstance(x, Failure) and x.discarded == discarded]


def test_every_variant_once_per_block():
    target = FakeTarget()
    outcomes = run([target])
    assert isinstance(outcomes[0], Environment)
    cells = [(launch.variant, launch.block) for launch in launches(outcomes)]
    assert Counter(cells) == {(v.name, b): 1 for v in VARIANTS for b in range(5)}
    assert [block for _, block in cells] == sorted(block for _, block in cells)
    assert (target.entered, target.left) == (1, 1)


def test_a_resumed_session_makes_the_missing_launches_in_the_same_order():
    whole = FakeTarget()
    made = launches(run([whole]))
    rest = FakeTarget()
    run([rest], replace(WORK, launches=tuple(made[:7])))
    assert rest.launched == whole.launched[7:]


def test_cells_of_another_target_are_not_done_here():
    target = FakeTarget("adb:2")
    made = tuple(examples.launch(v.name, b, target="adb:1") for v in VARIANTS for b in range(5))
    assert len(launches(run([target], replace(WORK, launches=made)))) == 20


def failing(error, *, cells, times):
    """A handler that raises at some cells, so many times at each."""
    left = Counter(dict.fromkeys(cells, times))

    def handler(variant, block):
        if left[variant, block] > 0:
            left[variant, block] -= 1
            return error
        return None

    return handler


def test_what_may_pass_is_tried_again_and_the_discarded_try_is_recorded():
    outcomes = run([FakeTarget(handler=failing(transient, cells=[("b", 1)], times=2))])
    assert len(launches(outcomes)) == 20
    assert failures(outcomes) == []
    assert [(x.variant, x.block) for x in failures(outcomes, discarded=True)] == [("b", 1)] * 2


def test_after_the_last_try_the_variant_is_given_up_and_the_others_go_on():
    outcomes = run([FakeTarget(handler=failing(transient, cells=[("b", 1)], times=3))])
    (failure,) = failures(outcomes)
    assert (failure.variant, failure.block, failure.error_class) == ("b", 1, "crash")
    assert (failure.message, failure.hint) == ("it broke", "again")
    counts = Counter(launch.variant for launch in launches(outcomes))
    assert counts == {"a": 5, "b": 1, "c": 5, "d": 5}


def test_no_retries_means_one_try():
    target = FakeTarget(handler=failing(transient, cells=[("b", 0)], times=1))
    outcomes = run([target], replace(WORK, plan=Plan(launches=2, retries=0)))
    assert failures(outcomes, discarded=True) == []
    assert len(failures(outcomes)) == 1


def test_what_fails_for_good_is_tried_once():
    target = FakeTarget(handler=failing(stable, cells=[("c", 0)], times=9))
    outcomes = run([target])
    assert target.launched.count(("c", 0)) == 1
    assert [x.error_class for x in failures(outcomes)] == ["missing_op"]
    assert len(launches(outcomes)) == 15


def test_a_lost_target_fails_its_cells_and_the_other_target_finishes():
    gone = FakeTarget("adb:1", lambda variant, block: lost if block >= 2 else None)
    good = FakeTarget("adb:2")
    outcomes = run([gone, good])
    counts = Counter(launch.target for launch in launches(outcomes))
    assert counts == {"adb:1": 8, "adb:2": 20}
    assert {x.variant for x in failures(outcomes)} == {"a", "b", "c", "d"}
    assert {(x.target, x.error_class) for x in failures(outcomes)} == {("adb:1", "device_lost")}
    assert len(gone.launched) == 8 + 1 + PLAN.retries
    assert (gone.left, good.left) == (1, 1)


def test_a_target_that_cannot_be_entered():
    shut = FakeTarget("adb:1", on_enter=TargetError("unauthorized", hint="tap allow"))
    outcomes = run([shut, FakeTarget("adb:2")])
    assert {(x.variant, x.block) for x in failures(outcomes)} == {(v.name, None) for v in VARIANTS}
    assert len(launches(outcomes)) == 20


def test_a_target_that_cannot_be_entered_fails_no_variant_that_is_done():
    shut = FakeTarget(on_enter=TargetError("unauthorized", hint="tap allow"))
    made = tuple(examples.launch("a", block) for block in range(5))
    outcomes = run([shut], replace(WORK, launches=made))
    assert {x.variant for x in failures(outcomes)} == {"b", "c", "d"}


def test_targets_run_side_by_side():
    meeting = threading.Barrier(2, timeout=10)

    def meet(variant, block):
        meeting.wait()

    targets = [FakeTarget("adb:1", meet), FakeTarget("adb:2", meet)]
    assert len(launches(run(targets))) == 40


def test_a_fault_of_our_own_is_raised_and_all_targets_are_left():
    def broken(variant, block):
        raise ZeroDivisionError

    targets = [FakeTarget("adb:1", broken), FakeTarget("adb:2")]
    with pytest.raises(ZeroDivisionError):
        run(targets)
    assert [target.left for target in targets] == [1, 1]


def test_an_end_in_the_middle_cancels_the_launch_and_leaves_the_target():
    target = FakeTarget()

    def slow(variant, block):
        if block == 1:
            assert target.cancelled.wait(10)
            return transient
        return None

    target._handler = slow
    outcomes = measure.measure([target], replace(WORK, stop=threading.Event()), lambda *_: None)
    seen = [next(outcomes) for _ in range(5)]
    assert len(launches(seen)) == 4
    outcomes.close()  # what Ctrl-C does
    assert target.left == 1
    assert len(target.launched) == 5  # a cancelled launch is not tried again


class Asker:
    """Gives a good answer for every variant, and writes down what it is told."""

    def __init__(self):
        self.asked = []

    def __call__(self, target, variant, launches, progress):
        self.asked.append((variant.name, len(launches), len(target.launched)))
        return examples.answers(variant.name, target=target.id)


def test_each_variant_is_asked_about_once_after_its_first_launch():
    asker = Asker()
    outcomes = run([FakeTarget()], replace(WORK, ask=asker))
    assert asker.asked == [(v.name, 1, len(VARIANTS)) for v in VARIANTS]
    assert [x.variant for x in outcomes if isinstance(x, DeviceAnswers)] == ["a", "b", "c", "d"]


def test_what_is_answered_already_is_not_asked_again():
    asker = Asker()
    made = tuple(launches(run([FakeTarget()])))
    known = frozenset({("local", "a"), ("local", "b"), ("adb:1", "c")})
    run([FakeTarget()], replace(WORK, launches=made, ask=asker, answered=known))
    assert [name for name, *_ in asker.asked] == ["c", "d"]


def test_a_variant_that_was_never_launched_is_not_asked_about():
    asker = Asker()
    target = FakeTarget(handler=lambda variant, block: stable if variant == "b" else None)
    run([target], replace(WORK, ask=asker))
    assert [name for name, *_ in asker.asked] == ["a", "c", "d"]
