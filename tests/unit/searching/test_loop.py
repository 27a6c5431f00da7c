"""The loop with trainings that take no time: what is tried, kept, dropped and told.

The executor stands in for building; the real one is in ``tests/integration/test_search.py``.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

import bench
from bench.errors import UsageError
from bench.metrics.values import Accuracy, Score
from bench.searching.costs import TYPICAL
from bench.searching.executor import Done
from bench.searching.loop import Budget, Loop
from bench.searching.values import Goal, Limits
from bench.values import Variant
from tests.unit.searching.points import SHAPES, space

trials = pytest.importorskip("bench.searching.trials")
pytest.importorskip("optuna", reason="needs the extra [search]")

FLOAT32 = Variant("float32", Path("float32.tflite"), "0", 60_000, 50_000, None)


class Executor:
    """Fewer channels and more zeros make a file smaller, and lose more; longer training less."""

    slots = 1

    def __init__(self, slots=1, fails=lambda recipe: False):
        self.slots, self.fails, self.built = slots, fails, []
        self.most = 0
        self.open = []

    def submit(self, recipe, *, evaluate, progress):
        self.built.append(str(recipe))
        future = Future()
        self.open.append((future, recipe))
        self.most = max(self.most, len(self.open))
        if len(self.open) >= self.slots:
            for waiting, theirs in self.open:
                waiting.set_result(self.done(theirs))
            self.open = []
        return future

    def done(self, recipe):
        if self.fails(recipe):
            return Done(None, failure="it broke: mend it")
        removed = sum(
            float(s.argument) for s in recipe.steps if s.technique in ("channels", "prune")
        )
        epochs = max((int(dict(s.options).get("epochs", 3)) for s in recipe.steps), default=0)
        size = int(20_000 * (1 - 0.45 * removed))
        loss = 0.04 * removed**2 / (1 + 0.1 * epochs)
        score = Score("", "accuracy", 0.9, loss=loss, loss_low=loss - 1e-4, loss_high=loss + 1e-4)
        variant = Variant(str(recipe), Path("x.tflite"), str(recipe), size, size, None)
        return Done(variant, Accuracy(str(recipe), 100, (score,)))


class Told(bench.Observer):
    def __init__(self):
        self.lines = []

    def inform(self, words):
        self.lines.append(words)


def loop(
    folder, executor, *, count=6, goal=None, limits=None, seconds=None, observer=None, **options
):
    limits = limits or Limits()
    study = trials.Study(folder, space(), limits, "zipped", seed=0)
    made = Loop(
        study,
        space(),
        executor,
        FLOAT32,
        aim="zipped",
        limits=limits,
        budget=Budget(seconds, count),
        goal=goal,
        stopwatch=None,
        observer=observer or bench.Observer(),
        **options,
    )
    return made, study


def test_it_makes_so_many_trials_and_builds_no_recipe_twice(tmp_path):
    executor = Executor()
    made, study = loop(tmp_path, executor, count=24)
    assert made.run() == "all of 24 trials made"
    assert len(study.trials()) == 24
    assert len(set(executor.built)) == len(executor.built) == 24
    assert {trial.origin for trial in study.trials()} >= {"known shape", "promoted", "sampler"}


def test_it_begins_gently_and_brackets_where_the_limit_breaks(tmp_path):
    executor = Executor()
    made, _ = loop(tmp_path, executor, count=3)
    made.run()
    assert executor.built[0] == "quantize:int8+scales:5+strip"
    assert executor.built[1] == str(space().recipe(SHAPES[TYPICAL], 0))


def test_the_best_keeps_to_the_limits(tmp_path):
    made, study = loop(tmp_path, Executor(), count=15)
    made.run()
    assert made.best is not None
    assert made.best.outcome.loss < 0.01
    better = [t for t in study.trials() if t.outcome.zipped_bytes < made.best.outcome.zipped_bytes]
    assert all(trial.outcome.loss > 0.0075 for trial in better)


def test_it_goes_on_and_ends_as_if_it_had_never_stopped(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    whole, study = loop(tmp_path / "a", Executor(), count=10)
    whole.run()
    loop(tmp_path / "b", Executor(), count=4)[0].run()
    executor = Executor()
    rest, again = loop(tmp_path / "b", executor, count=10)
    rest.run()
    assert len(executor.built) == 6
    assert [t.recipe for t in again.trials()] == [t.recipe for t in study.trials()]


def test_a_recipe_that_fails_is_told_and_the_others_go_on(tmp_path):
    told = Told()
    fails = lambda recipe: "prune" in str(recipe)  # noqa: E731  # one line says it
    made, study = loop(tmp_path, Executor(fails=fails), observer=told)
    made.run()
    assert any("failed (it broke: mend it)" in line for line in told.lines)
    assert any(trial.works for trial in study.trials())
    assert len(study.trials()) == 6


def test_a_goal_that_is_met_ends_it_before_the_budget(tmp_path):
    executor = Executor()
    made, _ = loop(tmp_path, executor, goal=Goal(times=2))
    assert made.run() == "the goal is met"
    assert len(executor.built) == 1


def test_several_slots_are_filled_at_once(tmp_path):
    executor = Executor(slots=2)
    made, study = loop(tmp_path, executor, count=6)
    made.run()
    assert executor.most == 2
    assert len(study.trials()) == 6


def test_what_cannot_keep_to_a_limit_on_bytes_is_never_built(tmp_path):
    executor = Executor()
    made, study = loop(tmp_path, executor, count=6, limits=Limits(0.5, zipped_bytes=6000))
    made.run()
    assert "quantize:int8" not in executor.built, "its weights alone take twice as much"
    assert study.asked > len(study.trials()) == 6


def test_a_budget_that_is_shorter_than_one_trial_says_how_long_one_takes(tmp_path):
    made, study = loop(tmp_path, Executor(), count=None, seconds=30, epoch_seconds=600)
    with pytest.raises(UsageError, match=r"shorter than one trial: one takes about \d+ min"):
        made.run()
    assert study.trials() == []
