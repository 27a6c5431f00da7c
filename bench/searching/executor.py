"""Where recipes are built and trained: this machine's workers, or what else takes their place.

The search hands recipes to an :class:`Executor` and looks at what comes back; it does not know
where the work is done. Latency is measured by the search itself, on the machine that holds the
phones.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench import accuracy, build
from bench.cache import key
from bench.data import Data, Split
from bench.errors import BenchError, DataError
from bench.inputs.launches import feed
from bench.metrics.values import Accuracy
from bench.pipeline.prepare import Source
from bench.values import Failure, Plan, Recipe, StepProgress, Variant

T = TypeVar("T")

MOST_AT_ONCE = 4
"""Recipes, where nobody says how many."""
MEMORY_SHARE, WORKER_BYTES, COPIES = 0.6, 1.5e9, 4
"""Of the machine's memory for training; of it each worker takes so much besides its samples, of
which it holds so many copies."""

END_S = 10.0
"""So long is waited for what is killed."""


@dataclass(frozen=True, eq=False)
class Done:
    """What came of one recipe.

    Attributes:
        variant: None where it could not be built.
        accuracy: on the validation samples; None where it was not asked for.
        failure: why something is missing; empty where nothing is.
        cached: the file was there already.
        where: the machine that did it; empty is this one.
    """

    variant: Variant | None
    accuracy: Accuracy | None = None
    failure: str = ""
    seconds: float = 0.0
    cached: bool = False
    where: str = ""


class Executor(Protocol):
    """Builds recipes, here or elsewhere. A context manager."""

    @property
    def slots(self) -> int:
        """How many recipes it works on at once."""

    def __enter__(self) -> Executor: ...

    def __exit__(self, *raised: object) -> None: ...

    def submit(self, recipe: Recipe, *, evaluate: bool, progress: StepProgress) -> Future[Done]:
        """Have a recipe built, and evaluated on the validation samples against float32.

        A recipe that was built before comes from where it is kept. The future raises where no
        recipe at all can be built.
        """

    def look(self, what: str, progress: StepProgress, **options: Any) -> Any:
        """What can be seen in the model without building; as ``bench.build.Builds.look``."""

    def still(self) -> AbstractContextManager[None]:
        """While it is entered, nothing is computed on this machine but what the caller does."""


MakeExecutor = Callable[[Source, Data, Plan], Executor]
"""Makes what builds, of the model, the samples that are chosen on, and the plan."""


def validation_data(data: Data, validation: Split) -> Data:
    """The validation samples in the place of the test samples, for :mod:`bench.accuracy`."""
    mark = key({"validation of": data.sha256})
    return replace(data, sha256=mark, splits={**data.splits, "test": validation})


def samples_of(source: Source) -> Data:
    """The samples of a model.

    Raises:
        DataError: it has none.
    """
    if source.data is None:
        raise DataError(
            f"validation samples are needed, and {source.model.name} brings none",
            hint="give --data with x_train and y_train, or x_validation and y_validation",
        )
    return source.data


def validation_of(source: Source) -> Split:
    """The samples that everything is chosen on.

    Raises:
        DataError: there are none, and none to take them from.
    """
    data = samples_of(source)
    if "validation" in data.splits:
        return data.splits["validation"]
    if "train" not in data.splits:
        raise DataError(
            f"{data.source} has no validation samples to choose on",
            hint="add x_validation and y_validation, or x_train and y_train, a tenth of which is "
            "then held out; test samples are never chosen on",
        )
    return data.training()[1]


def builds_of(
    source: Source,
    plan: Plan,
    *,
    place: str = "",
    modules: Path | None = None,
    at_once: int = 1,
) -> build.Builds:
    """What builds the recipes of a source, with the seed and the signature of a plan.

    Args:
        place, modules, at_once: as :class:`bench.build.Builds` takes them.
    """
    return build.Builds(
        source.model,
        source.data,
        data_source=source.data_source,
        seed=plan.seed,
        signature=plan.signature,
        place=place,
        modules=modules,
        at_once=at_once,
    )


def in_thread(do: Callable[[], T]) -> Future[T]:
    """Have it done in a thread that does not keep the process from ending."""
    future: Future[T] = Future()

    def run() -> None:
        with contextlib.suppress(InvalidStateError):  # somebody gave up waiting, and said why
            try:
                result = do()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    threading.Thread(target=run, daemon=True).start()
    return future


def fitting_at_once(data: Data) -> int:
    """How many recipes this machine trains at once where nobody says: by cores and memory.

    A small model keeps hardly more than one core busy: on two cores, two trainings of `fashion`
    take as long as one with both.
    """
    samples = sum(a.nbytes for split in data.splits.values() for a in split.x.values())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    bearable = int(memory * MEMORY_SHARE / (WORKER_BYTES + COPIES * samples))
    return max(1, min(MOST_AT_ONCE, os.cpu_count() or 1, bearable))


class LocalExecutor:
    """One recipe or several at once, by workers on this machine.

    Args:
        source: the model and its samples, as given.
        chosen_on: samples whose ``test`` is the validation split.
        plan: its seed and signature are those of the builds.
        place, modules: as :class:`bench.build.Builds` takes them.
        at_once: so many recipes, each on its part of the cores; None is as many as fit.

    Attributes:
        builds: what it builds with.
        slots: how many recipes it works on at once.
    """

    def __init__(
        self,
        source: Source,
        chosen_on: Data,
        plan: Plan,
        *,
        place: str = "",
        modules: Path | None = None,
        at_once: int | None = 1,
    ) -> None:
        self.slots = fitting_at_once(chosen_on) if at_once is None else at_once
        self.builds = builds_of(source, plan, place=place, modules=modules, at_once=self.slots)
        self._running: set[Future[Done]] = set()
        self._evaluating = threading.Lock()
        self._chosen_on = chosen_on
        self._plan = plan
        self._baseline: Variant | None = None

    def __enter__(self) -> LocalExecutor:
        self.builds.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._running:  # something was raised, or they would have been waited for
            self.builds.kill()
            wait(self._running, timeout=END_S)
        self.builds.__exit__(*raised)

    def submit(self, recipe: Recipe, *, evaluate: bool, progress: StepProgress) -> Future[Done]:
        """Do it now where one is done at a time, and the future is done; else in a thread."""
        if self.slots > 1:
            future = in_thread(lambda: self._timed(recipe, evaluate, progress))
            self._running.add(future)
            future.add_done_callback(self._running.discard)
            return future
        future = Future()
        try:
            future.set_result(self._timed(recipe, evaluate, progress))
        except BenchError as error:
            future.set_exception(error)
        return future

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Trainings stop where they are, when an evaluation has ended, and go on afterwards.

        Where this process is killed meanwhile, the system ends what it left behind stopped.
        """
        with self._evaluating:
            self.builds.hold(still=True)
            try:
                yield
            finally:
                self.builds.hold(still=False)

    def _timed(self, recipe: Recipe, evaluate: bool, progress: StepProgress) -> Done:
        begin = time.perf_counter()
        done = self._do(recipe, evaluate, progress)
        return replace(done, seconds=time.perf_counter() - begin)

    def look(self, what: str, progress: StepProgress, **options: Any) -> Any:
        """As ``bench.build.Builds.look``."""
        return self.builds.look(what, progress, **options)

    def _do(self, recipe: Recipe, evaluate: bool, progress: StepProgress) -> Done:
        built = self.builds.build(recipe, progress)
        if isinstance(built, Failure):
            return Done(None, failure=f"{built.message}: {built.hint}")
        if not recipe.steps:
            fed = feed([built.variant], self._plan, self._chosen_on)
            (self._baseline,) = fed.variants
            self._chosen_on = fed.data or self._chosen_on
        if not evaluate:
            return Done(built.variant, cached=built.cached)
        assert self._baseline is not None, "float32 is built first"
        # The first is what others are held against; it is kept by content, as all of them are.
        pair = [self._baseline, *([built.variant] if recipe.steps else [])]
        with self._evaluating:
            *_, last = accuracy.evaluate(
                pair, self._chosen_on, signature=self._plan.signature, progress=progress
            )
        if isinstance(last, Failure):
            return Done(built.variant, failure=f"{last.message}: {last.hint}")
        return Done(built.variant, last, cached=built.cached)
