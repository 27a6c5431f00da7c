"""Where recipes are built and trained: this machine's one worker, or what else takes its place.

The search hands recipes to an :class:`Executor` and looks at what comes back; it does not know
where the work is done. Latency is measured by the search itself, on the machine that holds the
phones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from bench import accuracy, build
from bench.cache import key
from bench.data import Data, Split
from bench.errors import BenchError, DataError
from bench.inputs.launches import feed
from bench.metrics.values import Accuracy
from bench.pipeline.prepare import Source
from bench.values import Failure, Plan, Recipe, StepProgress, Variant


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
    source: Source, plan: Plan, *, place: str = "", modules: Path | None = None
) -> build.Builds:
    """What builds the recipes of a source, with the seed and the signature of a plan.

    Args:
        place, modules: as :class:`bench.build.Builds` takes them.
    """
    return build.Builds(
        source.model,
        source.data,
        data_source=source.data_source,
        seed=plan.seed,
        signature=plan.signature,
        place=place,
        modules=modules,
    )


class LocalExecutor:
    """One recipe after another, by one worker on this machine.

    Args:
        source: the model and its samples, as given.
        chosen_on: samples whose ``test`` is the validation split.
        plan: its seed and signature are those of the builds.
        place, modules: as :class:`bench.build.Builds` takes them.

    Attributes:
        builds: what it builds with.
    """

    slots = 1

    def __init__(
        self,
        source: Source,
        chosen_on: Data,
        plan: Plan,
        *,
        place: str = "",
        modules: Path | None = None,
    ) -> None:
        self.builds = builds_of(source, plan, place=place, modules=modules)
        self._chosen_on = chosen_on
        self._plan = plan
        self._baseline: Variant | None = None

    def __enter__(self) -> LocalExecutor:
        self.builds.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.builds.__exit__(*raised)

    def submit(self, recipe: Recipe, *, evaluate: bool, progress: StepProgress) -> Future[Done]:
        """Do it now; the future is done when it comes back."""
        future: Future[Done] = Future()
        begin = time.perf_counter()
        try:
            done = self._do(recipe, evaluate, progress)
        except BenchError as error:
            future.set_exception(error)
        else:
            future.set_result(replace(done, seconds=time.perf_counter() - begin))
        return future

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
        *_, last = accuracy.evaluate(
            pair, self._chosen_on, signature=self._plan.signature, progress=progress
        )
        if isinstance(last, Failure):
            return Done(built.variant, failure=f"{last.message}: {last.hint}")
        return Done(built.variant, last, cached=built.cached)
