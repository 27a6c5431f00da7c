"""The search itself: propose, look, train, keep; until the budget is used or the goal is met."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from bench.errors import UsageError
from bench.observers import Observer
from bench.report import losses
from bench.report.recommend import Aim
from bench.searching import looks
from bench.searching.costs import Costs
from bench.searching.executor import Done, Executor
from bench.searching.looks import Speed, Stopwatch
from bench.searching.planner import Planner
from bench.searching.space import Space
from bench.searching.trials import TRIED, Study
from bench.searching.values import Goal, Limits, Origin, Outcome, Params, Trial, keeps
from bench.stats.proportions import Z
from bench.text import count, duration, size
from bench.values import Recipe, Variant

MOST_DROPPED = 60
"""Points in a row that a look drops, or that were tried, before the search ends."""

JOINED_S = 1.0
"""How often it is seen whether more trials can be made at once."""


@dataclass(frozen=True)
class Budget:
    """How long a search goes on: seconds of work over all sittings, or trials.

    Attributes:
        seconds: for the trials; None where their number decides.
        trials: None where the seconds decide.
    """

    seconds: float | None = None
    trials: int | None = None


@dataclass(frozen=True)
class _Running:
    number: int
    name: str
    recipe: Recipe
    speed: Speed
    begin: float


class Loop:
    """One search over a space; see :meth:`run`.

    Args:
        study: with the trials of earlier sittings.
        baseline: float32, built.
        stopwatch: None where no latency matters.
        epoch_seconds: that an epoch of the whole model takes; 0 where it does not matter.
    """

    def __init__(
        self,
        study: Study,
        space: Space,
        executor: Executor,
        baseline: Variant,
        *,
        aim: Aim,
        limits: Limits,
        budget: Budget,
        goal: Goal | None,
        stopwatch: Stopwatch | None,
        observer: Observer,
        epoch_seconds: float = 0.0,
    ) -> None:
        self._study, self._space, self._executor = study, space, executor
        self._baseline, self._aim, self._limits = baseline, aim, limits
        self._budget, self._goal = budget, goal
        self._stopwatch, self._observer = stopwatch, observer
        self._epoch_seconds = epoch_seconds
        self._running: dict[Future[Done], _Running] = {}
        self._used_before = float(study.noted("seconds", 0.0))
        self._begin = time.perf_counter()
        self._trials = study.trials()
        self._unfinished = list(study.unfinished)
        self._recipes = {trial.recipe: trial for trial in self._trials}

    def run(self) -> str:
        """Search, and say why it ended.

        Raises:
            UsageError: the budget is shorter than one trial.
            BenchError: no recipe at all can be built.
        """
        self._check_budget()
        dropped = 0
        while True:
            while len(self._running) < self._executor.slots:
                if reason := self._why_over():
                    break
                outcome = self._propose()
                if outcome == "nothing":
                    reason = self._why_nothing()
                    break
                dropped = dropped + 1 if outcome == "dropped" else 0
                if dropped >= MOST_DROPPED:
                    reason = f"none of {MOST_DROPPED} further proposals could be better"
                    break
            if not self._running:
                return reason
            for future in self._ended():
                self._keep(future)

    def _ended(self) -> list[Future[Done]]:
        """Trials that have ended, in their order; none where more can be begun instead."""
        slots = self._executor.slots
        done: set[Future[Done]] = set()
        while not done and self._executor.slots <= slots:
            done, _ = wait(self._running, timeout=JOINED_S, return_when=FIRST_COMPLETED)
        return sorted(done, key=lambda future: self._running[future].number)

    @property
    def used(self) -> float:
        """Seconds of work so far, over all sittings."""
        return self._used_before + time.perf_counter() - self._begin

    @property
    def best(self) -> Trial | None:
        """The best that keeps to all limits on the validation samples."""
        fitting = [trial for trial in self._trials if keeps(trial, self._limits)]
        return min(fitting, key=lambda trial: trial.figure(self._aim), default=None)

    def _why_over(self) -> str:
        if self._budget.trials is not None and self._count() >= self._budget.trials:
            return f"all of {count(self._budget.trials, 'trial')} made"
        best = self.best
        if self._goal is not None and best is not None:
            value, baseline = self._goal_figures(best)
            if self._goal.is_met(value, baseline):
                return "the goal is met"
        return ""

    def _why_nothing(self) -> str:
        endings = len(self._space.endings)
        if not self._space.trains and self._study.asked >= endings:
            return f"all of {count(endings, 'way')} to quantize it tried"
        return "no trial that is left fits into the budget"

    def _goal_figures(self, best: Trial) -> tuple[float, float]:
        """The best trial's figure and float32's, in bytes or microseconds."""
        if self._aim == "size":
            return best.outcome.size_bytes, self._baseline.size_bytes
        if self._aim == "zipped":
            return best.outcome.zipped_bytes, self._baseline.zipped_bytes
        slowest = min(best.outcome.times, key=lambda target: best.outcome.times[target])
        value = best.outcome.medians_us[slowest]
        return value, value * best.outcome.times[slowest]

    def _count(self) -> int:
        return len(self._trials) + len(self._running)

    # What comes next

    def _propose(self) -> str:
        """Start one more trial: ``started``, ``dropped`` by a look, or ``nothing`` fits."""
        plan = self._plan()
        number, params, rung = self._next(plan)
        if number < 0:
            return "nothing"
        recipe = self._space.recipe(params, rung)
        running = any(one.recipe == recipe for one in self._running.values())
        if running or recipe in self._recipes or not recipe.steps:
            self._study.drop(number, TRIED)
            return "dropped"
        speed = self._look(number, params, plan.hoped(params))
        if speed is None:
            return "dropped"
        what = f"trial {self._count() + 1}"
        progress = self._watched(what)
        begin = time.perf_counter()
        future = self._executor.submit(recipe, evaluate=True, progress=progress)
        self._running[future] = _Running(number, what, recipe, speed, begin)
        return "started"

    def _next(self, plan: Planner) -> tuple[int, Params, int]:
        """The next point to look at; a negative number where nothing fits into the budget."""
        if self._unfinished:
            return self._ask(*self._unfinished.pop(0))
        proposal = plan.next(self._study)
        return (-1, {}, 0) if proposal is None else self._ask(*proposal)

    def _ask(self, fixed: Params, origin: Origin) -> tuple[int, Params, int]:
        number, asked = self._study.ask(fixed, origin)
        params = {name: value for name, value in asked.items() if name != "rung"}
        return number, params, int(asked["rung"])

    def _costs(self) -> Costs:
        left = None if self._budget.seconds is None else self._budget.seconds - self.used
        seconds, each = self._budget.seconds, self._epoch_seconds
        slots = self._executor.slots
        return Costs(self._space, self._trials, seconds, left, each, slots)

    def _plan(self) -> Planner:
        return Planner(self._space, self._limits, self._trials, self._costs())

    def _check_budget(self) -> None:
        """See that the budget bears one trial at least.

        Raises:
            UsageError: it does not; says how long one takes.
        """
        budget = self._budget.seconds
        if budget is None or any(trial.is_timed for trial in self._trials):
            return
        about = self._costs().least_seconds()
        if about > budget:
            raise UsageError(
                f"the budget of {duration(budget)} for trials is shorter than one trial",
                hint=f"one takes about {duration(about)} here: give --budget "
                f"{max(1, round(10 * about / 60))}min, or --trials 1",
            )

    def _watched(self, what: str) -> Callable[[str, int, int], None]:
        """Progress of a trial by its number."""

        def progress(step: str, done: int, total: int) -> None:
            self._observer.step(f"{what}: {_stage(step)}", done, total)

        return progress

    # Looks and outcomes

    def _look(self, number: int, params: Params, hoped: Params) -> Speed | None:
        """What cheap looks say; None where the point was dropped.

        Args:
            hoped: what may come of the point, as the planner tells.

        Raises:
            BenchError: a target gives no figure, so that nothing can be told of any point.
        """
        best = self.best
        found = None if best is None else best.figure(self._aim)
        reason = looks.why_too_large(self._space, hoped, self._limits, best)
        speed = Speed()
        if not reason and self._stopwatch is not None:
            variant = self._structure(params)
            if variant is None:
                self._study.drop(number, "its structure cannot be built")
                return None
            with self._executor.still():
                speed = self._stopwatch.time(variant)
            limit = found if self._aim == "latency" else None
            reason = looks.why_too_slow(speed, self._limits, limit)
            most = self._limits.size_bytes
            if not reason and most is not None and variant.size_bytes > most:
                reason = f"{size(variant.size_bytes)}"
        if reason:
            self._study.drop(number, reason, teaches=True)
            return None
        return speed

    def _structure(self, params: Params) -> Variant | None:
        """The untrained file of a point; None where it cannot be built, which is told."""
        recipe = self._space.structure(params)
        done = self._executor.submit(recipe, evaluate=False, progress=self._observer.step).result()
        self._observer.finish()
        if done.variant is None:
            self._observer.warn(f"{recipe} failed ({done.failure})")
            return None
        return done.variant

    def _keep(self, future: Future[Done]) -> None:
        """Write down what came of a trial, and tell it."""
        running = self._running.pop(future)
        done = future.result()
        self._observer.finish(f"{running.name}:")
        outcome = _outcome(done, running.speed, time.perf_counter() - running.begin)
        before = self.best
        trial = self._study.tell(running.number, str(running.recipe), outcome)
        self._study.note("seconds", self.used)
        self._trials.append(trial)
        self._recipes[trial.recipe] = trial
        self._observer.inform(self._told(running.name, trial, before, done.where))

    def _told(self, name: str, trial: Trial, before: Trial | None, where: str) -> str:
        """One line on what a trial gave."""
        on = f" on {where}" if where else ""
        head = f"{name} ({trial.origin}, {duration(trial.outcome.seconds)}{on})"
        if not trial.works:
            return f"{head}: failed ({trial.outcome.failure or 'no loss is known'})"
        best = self.best
        figures = f"{self._figure(trial)}, {trial.outcome.loss:.2%} lost"
        if best is trial:
            return f"{head}: {figures}: the best so far within the limits"
        if before is None:
            return f"{head}: {figures}; nothing keeps to the limits yet"
        return f"{head}: {figures}; the best is {self._figure(before)}"

    def _figure(self, trial: Trial) -> str:
        if self._aim == "latency":
            times = 1 / trial.figure("latency")
            return f"{times:.2f}x faster" if times >= 1 else f"{1 / times:.2f}x slower"
        mine = trial.figure(self._aim)
        theirs = self._baseline.size_bytes if self._aim == "size" else self._baseline.zipped_bytes
        return f"{size(round(mine))} ({theirs / mine:.1f}x smaller)"


def _stage(step: str) -> str:
    """What a trial is at, in a word or two: ``channels`` of ``channels:0.5+qat: channels epoch 3``.

    The recipe is told when it is done, and each epoch would be one more line in a log.
    """
    words = step.rpartition(": ")[2]
    return "evaluating" if words.startswith("evaluating") else words.partition(" epoch ")[0]


def _outcome(done: Done, speed: Speed, seconds: float) -> Outcome:
    if done.variant is None or done.accuracy is None:
        return Outcome(failure=done.failure or "it was not evaluated", seconds=seconds)
    scores = done.accuracy.deciding
    loss = losses.worst(scores)
    widths = [
        (score.loss_high - score.loss_low) / 2 / Z
        for score in scores
        if score.loss_high is not None and score.loss_low is not None
    ]
    return Outcome(
        size_bytes=done.variant.size_bytes,
        zipped_bytes=done.variant.zipped_bytes,
        loss=loss,
        loss_error=max(widths, default=0.0),
        medians_us=dict(speed.medians_us),
        times=dict(speed.times),
        seconds=seconds,
        cached=done.cached,
    )
