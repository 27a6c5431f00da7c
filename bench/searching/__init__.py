"""The best variant of a model within limits, found by the tool: ``bench search``, ``bench.search``.

===============================  =================================================================
:mod:`bench.searching.space`     what can be tried on this model, and the recipe of each point
:mod:`bench.searching.looks`     before anything is trained: sizes, latency of structures
:mod:`bench.searching.trials`    the study: Optuna proposes, its journal keeps
:mod:`bench.searching.rungs`     who deserves a longer training
:mod:`bench.searching.executor`  where recipes are built; others may take this machine's place
:mod:`bench.searching.cluster`   the workers of a Dask scheduler in its place
:mod:`bench.searching.loop`      all of it together, until the budget is used
:mod:`bench.searching.front`     what nothing else beats
:mod:`bench.searching.report`    the front on the test samples, and what to ship
===============================  =================================================================

Everything is chosen on validation samples. The test samples are used once, at the end, on the
front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench import cache, pipeline, writable
from bench.errors import BuildError, UsageError
from bench.inputs.launches import feed
from bench.observers import SILENT, Observer
from bench.pipeline import choose, prepare
from bench.pipeline.choose import Targets
from bench.pipeline.prepare import Source
from bench.records import new_path, read, schemas
from bench.records.adding import add
from bench.records.search import Search
from bench.report import Report, assemble
from bench.report.recommend import Aim
from bench.searching import bounds
from bench.searching.bits import endings_of
from bench.searching.cluster import connected
from bench.searching.executor import (
    Executor,
    MakeExecutor,
    samples_of,
    validation_data,
    validation_of,
)
from bench.searching.fastest import with_fastest_ending
from bench.searching.int8 import with_int8_that_converts
from bench.searching.layout import READY, Layout
from bench.searching.looks import Stopwatch
from bench.searching.loop import Budget, Loop
from bench.searching.report import SearchReport, front_of, record_of
from bench.searching.space import Space
from bench.searching.trials import Sampling, Study, require
from bench.searching.values import Goal, Limits, Trial
from bench.targets import Target
from bench.text import count, duration
from bench.values import Plan, Recipe, ReportWarning, Variant

SCHEMA = 9
"""Raised whenever trials of an earlier version may not be gone on with."""

DEFAULT_SECONDS = 600.0
"""A search's budget where none is given."""

RESERVE_SHARE, MOST_RESERVE_S = 0.1, 60.0
"""Of the budget, kept for evaluating and launching the front at the end."""


@dataclass(frozen=True)
class Question:
    """What is searched for.

    Attributes:
        aim: what is to be best.
        goal: at which the search stops early.
        seconds, trials: of the budget; both None is ``DEFAULT_SECONDS``.
        sampling: ``random`` to hold the sampler against chance.
    """

    aim: Aim = "zipped"
    limits: Limits = field(default_factory=Limits)
    goal: Goal | None = None
    seconds: float | None = None
    trials: int | None = None
    sampling: Sampling = "tpe"

    def budget(self) -> Budget:
        """What the trials may take; the end of the search comes on top of it."""
        seconds = self.seconds
        if seconds is None and self.trials is None:
            seconds = DEFAULT_SECONDS
        if seconds is not None:
            seconds -= min(RESERVE_SHARE * seconds, MOST_RESERVE_S)
        return Budget(seconds, self.trials)


def search(
    model: Any,
    data: Any = None,
    targets: Targets = (),
    *,
    by: Aim = "zipped",
    max_loss: float = 0.01,
    max_size: int | None = None,
    max_zipped: int | None = None,
    max_median_us: float | None = None,
    goal: Goal | None = None,
    budget_s: float | None = None,
    trials: int | None = None,
    sampling: Sampling = "tpe",
    plan: Plan | None = None,
    target_options: Mapping[str, str] | None = None,
    custom_objects: str | None = None,
    observer: Observer = SILENT,
    command: Sequence[str] = (),
    cluster: str | None = None,
    at_once: int | None = None,
    executor: MakeExecutor | None = None,
) -> SearchReport:
    """Find the variant of a model that is smallest or fastest within limits, with no recipe given.

    Every trial is kept the moment it ends. Called again with the same arguments it goes on where it
    was interrupted, or with the rest of a larger budget.

    Args:
        model, data, targets, target_options, custom_objects, observer, command: as
            :func:`bench.run` takes them. Of a ready ``.tflite`` bits alone are searched.
        by: what is to be best: ``latency``, ``size`` or ``zipped``.
        max_loss: of the metric that decides, against float32; 0.01 is one point.
        max_size, max_zipped: bytes.
        max_median_us: of the latency, on each target.
        goal: stop as soon as it is met.
        budget_s: seconds of work over all calls; ten minutes where ``trials`` is not given either.
        trials: at most so many.
        sampling: ``random`` proposes by chance alone, to be held against.
        plan: how the front is launched at the end, and the seed of everything random.
        cluster: address of a Dask scheduler, ``tcp://HOST:PORT``, whose workers build and train
            instead of this machine; launches stay here.
        at_once: at most so many trials at once. Where nothing is given: on a cluster one per
            worker, on this machine as many as its cores and memory bear, and one where ``trials``
            alone is given, so that the same call finds the same.
        executor: what builds instead of this machine or a cluster.

    Returns:
        The front on the test samples, and what to ship.

    Raises:
        UsageError: (or a kind of it) the call cannot be carried out as it is: no samples to choose
            on, limits that contradict each other or that nothing can keep, too short a budget, no
            Optuna.
        BuildError: not even float32 could be built.
        KeyboardInterrupt: all trials that ended are kept.
    """
    require()
    limits = Limits(max_loss, max_size, max_zipped, max_median_us)
    question = Question(by, limits, goal, budget_s, trials, sampling)
    bounds.check(question.aim, limits, goal)
    bounds.check_ready(prepare.tflite_paths(model) or (), cluster)
    plan = plan or Plan()
    if at_once is None and cluster is None and question.budget().seconds is None:
        at_once = 1
    with connected(cluster, at_once, observer) as make, writable.scratch_folder() as scratch:
        options = dict(target_options or {})
        sample = scratch / "samples.npz"
        options["samples"] = str(sample)

        def opened() -> Sequence[Target]:
            return choose.open_targets(targets, plan, options)

        ids = [target.id for target in opened()]  # before any work: a wrong one is told at once
        source = prepare.load(model, data, scratch, custom_objects)
        validation = validation_of(source)
        chosen_on = validation_data(samples_of(source), validation)
        searching = _Searching(source, question, plan, opened, ids, sample, observer)
        with (executor or make)(source, chosen_on, plan) as builds:
            ended, study = searching.run(builds)
        found = study.trials()
        front = {f"front-{n}": t for n, t in enumerate(front_of(found, limits, by), start=1)}
        seconds = float(study.noted("seconds", 0.0))
        samples = len(validation)
        record = record_of(
            found, front, by, limits, samples, seconds, ended, dropped=study.dropped()
        )
        path = _report_path(study, source, front, plan)
        report = _finished(path, record) or pipeline.run(
            model,
            {name: trial.recipe for name, trial in front.items()} or "float32",
            data,
            targets,
            plan=plan,
            target_options=target_options,
            report=path,
            custom_objects=custom_objects,
            observer=observer,
            command=command,
            warnings=_warnings(found, samples),
            search=record,
        )
    return SearchReport(report, front, tuple(found), by, limits, samples, seconds, ended)


class _Searching:
    """What stands around the loop: the baseline, the space, the study's folder."""

    def __init__(
        self,
        source: Source,
        question: Question,
        plan: Plan,
        opened: Callable[[], Sequence[Target]],
        targets: Sequence[str],
        sample: Path,
        observer: Observer,
    ) -> None:
        self._source, self._question, self._plan = source, question, plan
        self._opened, self._targets, self._sample = opened, targets, sample
        self._observer = observer

    def run(self, executor: Executor) -> tuple[str, Study]:
        """Search; why it ended, and the study with all trials."""
        self._observer.step("looking at the model", 0, 0)
        baseline = self._build(executor, Recipe())
        if self._source.files:
            layout = Layout((), (), READY)
        else:
            layout = Layout.of(executor.look("layout", self._observer.step))
        self._observer.finish()
        space = self._space(layout)
        space = with_int8_that_converts(space, partial(self._build, executor), self._observer)
        stopwatch = self._stopwatch(baseline)
        build = partial(self._try, executor)
        bounds.check_reachable(space, self._question.limits, build, stopwatch)
        folder = self._folder(space)
        try:
            with FileLock(folder / "search.lock", timeout=0):
                return self._search(executor, space, baseline, stopwatch, build, folder)
        except Timeout:
            raise UsageError(
                "this very search is running already", hint="wait for it, or end it first"
            ) from None

    def _search(
        self,
        executor: Executor,
        space: Space,
        baseline: Variant,
        stopwatch: Stopwatch | None,
        build: Callable[[Recipe], Variant | None],
        folder: Path,
    ) -> tuple[str, Study]:
        """The loop over a study of its own folder."""
        question = self._question
        study = Study(
            folder,
            space,
            question.limits,
            question.aim,
            seed=self._plan.seed,
            sampling=question.sampling,
        )
        self._tell(space, study)
        space = with_fastest_ending(space, study, build, stopwatch, self._observer)
        loop = Loop(
            study,
            space,
            executor,
            baseline,
            aim=question.aim,
            limits=question.limits,
            budget=question.budget(),
            goal=question.goal,
            stopwatch=stopwatch,
            observer=self._observer,
            epoch_seconds=self._epoch_seconds(executor, space, study),
        )
        try:
            ended = loop.run()
        except KeyboardInterrupt:
            self._observer.warn(
                f"interrupted: {count(len(study.trials()), 'trial')} kept; the same command goes on"
            )
            raise
        self._observer.inform(f"searched {duration(loop.used)}: {ended}")
        return ended, study

    def _space(self, layout: Layout) -> Space:
        data = samples_of(self._source)
        train = data.splits.get("train")
        samples = 0 if train is None else len(data.training()[0])
        most = self._question.limits.loss
        endings = endings_of(layout, self._question.aim, samples, max_loss=most)
        has_labels = train is not None and bool(train.y)
        zipped = self._question.limits.zipped_bytes is not None
        return Space(layout, self._question.aim, endings, samples, has_labels, zipped)

    def _tell(self, space: Space, study: Study) -> None:
        if space.trains:
            what = f"{count(len(space.groups), 'group')} of channels, {len(space.endings)} endings"
        else:
            reason = space.layout.refused or "there are no training samples"
            what = f"how it is quantized alone, since nothing can be trained ({reason})"
        known = len(study.trials())
        went_on = f"; going on with {count(known, 'trial')} of before" if known else ""
        self._observer.inform(f"searching over {what}{went_on}")

    def _epoch_seconds(self, executor: Executor, space: Space, study: Study) -> float:
        """How long training takes here; looked at where time counts and no trial told yet."""
        known = any(trial.is_timed for trial in study.trials())
        if known or not space.trains or self._question.budget().seconds is None:
            return 0.0
        self._observer.step("looking how fast it trains", 0, 0)
        seconds = float(executor.look("speed", self._observer.step, batch=space.batch))
        self._observer.finish()
        return seconds

    def _stopwatch(self, baseline: Variant) -> Stopwatch | None:
        if not self._times():
            return None
        fed = feed([baseline], self._plan, self._source.data)
        return Stopwatch(self._opened, baseline, fed.data, self._plan, self._sample, self._observer)

    def _build(self, executor: Executor, recipe: Recipe) -> Variant:
        is_baseline = not recipe.steps
        done = executor.submit(recipe, evaluate=is_baseline, progress=self._observer.step).result()
        if done.variant is None or (is_baseline and done.failure):
            raise BuildError(done.failure, hint="mend that first")
        return done.variant

    def _try(self, executor: Executor, recipe: Recipe) -> Variant | None:
        try:
            return self._build(executor, recipe)
        except BuildError:
            return None

    def _folder(self, space: Space) -> Path:
        question = self._question
        about = {
            "schema": SCHEMA,
            "model": self._source.model.sha256,
            "data": samples_of(self._source).sha256,
            "aim": question.aim,
            "endings": space.endings,
            "limits": asdict(question.limits),
            "targets": list(self._targets) if self._times() else [],
            "plan": [self._plan.seed, self._plan.threads, self._plan.signature],
            "sampling": question.sampling,
        }
        return cache.folder("searches", cache.key(about))

    def _times(self) -> bool:
        return self._question.aim == "latency" or self._question.limits.median_us is not None


def _report_path(study: Study, source: Source, front: Mapping[str, Trial], plan: Plan) -> Path:
    """Where the front's launches are saved: the same for the same front, so that they go on."""
    about = {
        "schema": schemas.SCHEMA,
        "front": {n: str(t.recipe) for n, t in front.items()},
        "plan": asdict(plan),
    }
    name = f"report {cache.key(about)}"
    known = study.noted(name)
    if known is not None and Path(known).is_file():
        return Path(known)
    path = new_path(pipeline.REPORTS, f"{source.model.name}-search").absolute()
    study.note(name, str(path))
    return path


def _finished(path: Path, record: Search) -> Report | None:
    """The report of a front that was evaluated and launched to the end by an earlier call.

    Trials that were made since, and did not change the front, are added to it.
    """
    if not path.is_file():
        return None
    records = read(path)
    if records.end is None:
        return None
    if records.search != record:
        add(path, record)
    return assemble(replace(records, search=record))


def _warnings(trials: Sequence[Trial], samples: int) -> tuple[ReportWarning, ...]:
    """What choosing from many does, kept with the report."""
    return (
        ReportWarning(
            "search",
            f"these variants were chosen of {count(len(trials), 'trial')} on {samples:,} "
            "validation samples",
            "figures on test samples are not flattered by that choice; choosing among these by "
            "them would be",
        ),
    )
