"""Pairs of cold and warm starts: when they are made, tried again, gone on with and given up."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

from bench import measure
from bench.errors import LaunchError, StableLaunchError, TransientLaunchError
from bench.values import Failure, Launch, Plan, StartPair
from tests import examples
from tests.fake_target import FakeTarget

VARIANTS = tuple(examples.variant(name) for name in ("a", "b", "c"))
PLAN = Plan(launches=2, retries=2, warm_starts=3)
WORK = measure.Job(VARIANTS, PLAN)

transient = TransientLaunchError("it broke", hint="again", error_class="crash")
stable = StableLaunchError("nothing was kept", hint="another", error_class="no_result")
lost = StableLaunchError("it has gone", hint="plug it in", error_class="device_lost")


class StartingTarget(FakeTarget):
    """Starts as it is told: an error by variant and number, so many times."""

    def __init__(self, *faults: tuple[str, int, LaunchError, int], without: str = "") -> None:
        super().__init__("adb:1")
        self._without = without
        self._faults = {(name, number): [error] * n for name, number, error, n in faults}
        self.started: list[tuple[str, int]] = []
        self.launches_before: list[int] = []

    def no_warm_start(self, variant, progress):
        return ("no cache", "another delegate") if variant.name == self._without else ("", "")

    def start_pair(self, variant, number, progress):
        self.started.append((variant.name, number))
        self.launches_before.append(len(self.launched))
        if left := self._faults.get((variant.name, number)):
            raise left.pop()
        return StartPair(variant.name, self.id, number, 900.0, 90.0, "weights", 8)


def run(target, work=WORK):
    job = replace(work, stop=threading.Event())
    return list(measure.measure([target], job, lambda *_: None))


def pairs(outcomes):
    return [item for item in outcomes if isinstance(item, StartPair)]


def test_pairs_come_after_all_launches_in_blocks_that_the_seed_shuffles():
    target = StartingTarget()
    made = pairs(run(target))
    cells = [(pair.variant, pair.number) for pair in made]
    assert cells == target.started
    assert Counter(cells) == {(v.name, number): 1 for v in VARIANTS for number in range(3)}
    assert [number for _, number in cells] == sorted(number for _, number in cells)
    assert set(target.launches_before) == {6}
    other = StartingTarget()
    run(other, replace(WORK, plan=replace(PLAN, seed=5)))
    assert other.started != target.started


def test_none_is_made_where_none_was_asked_for():
    target = StartingTarget()
    assert not pairs(run(target, replace(WORK, plan=replace(PLAN, warm_starts=0))))
    assert not target.started


def test_what_cannot_be_is_told_before_the_first_launch_and_not_tried():
    target = StartingTarget(without="b")
    outcomes = run(target)
    first = next(x for x, item in enumerate(outcomes) if isinstance(item, Launch))
    told = pairs(outcomes[:first])
    assert [(pair.variant, pair.fault, pair.hint) for pair in told] == [
        ("b", "no cache", "another delegate")
    ]
    assert {name for name, _ in target.started} == {"a", "c"}


def test_a_target_that_knows_no_starts_says_so_of_each_variant_and_is_measured():
    outcomes = run(FakeTarget())
    assert [pair.variant for pair in pairs(outcomes)] == ["a", "b", "c"]
    assert all("keeps no cache" in pair.fault for pair in pairs(outcomes))
    assert len([item for item in outcomes if isinstance(item, Launch)]) == 6


def test_what_may_pass_is_tried_again_and_what_may_not_ends_its_variant_alone():
    target = StartingTarget(("a", 1, transient, 2), ("b", 1, stable, 1), ("c", 0, transient, 3))
    made = pairs(run(target))
    assert Counter(pair.variant for pair in made if not pair.fault) == {"a": 3, "b": 1}
    faults = {(pair.variant, pair.number): pair.fault for pair in made if pair.fault}
    assert faults == {("b", 1): "nothing was kept", ("c", 0): "it broke"}
    assert Counter(target.started)["a", 1] == 3


def test_a_lost_target_is_told_of_every_variant_that_is_not_done():
    target = StartingTarget(("b", 1, lost, 1))
    outcomes = run(target)
    assert {pair.variant for pair in pairs(outcomes) if pair.fault} >= {"b"}
    assert {pair.error_class for pair in pairs(outcomes) if pair.fault} == {"device_lost"}
    assert {pair.variant for pair in pairs(outcomes) if pair.fault} == {"a", "b", "c"}
    assert not [item for item in outcomes if isinstance(item, Failure)]


def test_a_resumed_session_makes_the_missing_pairs_and_tries_faults_again():
    whole = StartingTarget(("b", 0, stable, 1))
    outcomes = run(whole)
    launches = tuple(item for item in outcomes if isinstance(item, Launch))
    rest = StartingTarget()
    run(rest, replace(WORK, launches=launches, started=tuple(pairs(outcomes))))
    assert not rest.launched
    assert Counter(rest.started) == {("b", number): 1 for number in range(3)}
    elsewhere = tuple(replace(pair, target="adb:2") for pair in pairs(outcomes))
    again = StartingTarget()
    run(again, replace(WORK, launches=launches, started=elsewhere))
    assert len(again.started) == 9


def test_a_variant_that_was_never_launched_is_not_started():
    def handler(variant, block):
        return stable if variant == "b" else None

    target = StartingTarget()
    target._handler = handler
    run(target)
    assert {name for name, _ in target.started} == {"a", "c"}
