"""The study: Optuna proposes points and keeps what came of them, in a file of its own.

Everything that a trial is goes into Optuna's journal the moment it is known, so that a search that
was killed goes on from there. A sampler is made anew for each proposal, seeded by the study's seed
and the number of trials: what is proposed depends on the trials so far alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench import recipes
from bench.cache import key
from bench.errors import UsageError
from bench.records.search import DroppedPoint
from bench.report.recommend import Aim
from bench.searching.space import Distribution, Space
from bench.searching.values import Limits, Origin, Outcome, Params, Trial, careful_loss, violations
from bench.writable import writing

if TYPE_CHECKING:
    import optuna

Sampling = Literal["tpe", "random"]
"""Tree-structured Parzen estimators over several objectives, or chance, to be held against."""

STARTUP_TRIALS = 4
"""Trials that the sampler wants to see before it proposes anything but chance."""

GO_ON = "set TFLITE_BENCH_CACHE to a folder you may write: the same command then goes on"
"""The cure where the study cannot be written; what was kept before is whole."""

TRIED = "tried already"
"""Why a point is dropped whose recipe was a trial before."""

UNKNOWN = 1e3
"""Stands for figures of a point that was dropped: worse than any, and it breaks a limit anyway."""


def require() -> None:
    """See that Optuna is installed.

    Raises:
        UsageError: it is not.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "searching needs Optuna, which is not installed",
            hint="pip install 'tflite-bench[search]'",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)


class Study:
    """All trials of one search, kept in a folder.

    Args:
        folder: of this search alone.
        space, limits, aim: what is searched, and for what.
        seed: of the sampler.
        sampling: ``random`` for comparisons.

    Raises:
        UsageError: Optuna is not installed.
        StoreError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        limits: Limits,
        aim: Aim,
        *,
        seed: int,
        sampling: Sampling = "tpe",
    ) -> None:
        require()
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        self._space, self._limits, self._aim = space, limits, aim
        self._seed, self._sampling = seed, sampling
        self._path = folder / "trials.log"
        with writing(self._path, GO_ON):
            path = str(self._path)
            # The lock by an open file works where there are no symbolic links, too.
            backend = JournalFileBackend(path, lock_obj=JournalFileOpenLock(path))
            self._study = optuna.create_study(
                storage=JournalStorage(backend),
                study_name="search",
                directions=["minimize", "minimize"],
                load_if_exists=True,
            )
        self._open: dict[int, optuna.Trial] = {}
        self.unfinished = self._release()
        self._asked = {_point(trial.params) for trial in self._study.trials}
        self._asked -= {_point(params) for params, _ in self.unfinished}

    def _release(self) -> list[tuple[Params, Origin]]:
        """Trials that were running when an earlier process ended, each with its ``rung``."""
        import optuna

        found: list[tuple[Params, Origin]] = []
        for trial in self._study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            self._study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if self._distributions().keys() <= trial.params.keys():
                found.append((dict(trial.params), trial.user_attrs.get("origin", "sampler")))
        return found

    @property
    def asked(self) -> int:
        """How many trials were ever asked for, those that were not worth a training among them."""
        return len(self._study.trials)

    def note(self, name: str, value: Any) -> None:
        """Keep a fact of the whole search."""
        with writing(self._path, GO_ON):
            self._study.set_user_attr(name, value)

    def noted(self, name: str, default: Any = None) -> Any:
        """A fact that was kept."""
        return self._study.user_attrs.get(name, default)

    @property
    def by_chance(self) -> bool:
        """Whether nothing but chance may propose."""
        return self._sampling == "random"

    def was_asked(self, params: Params) -> bool:
        """Whether this very point, its ``rung`` with it, was proposed before."""
        return _point(params) in self._asked

    def is_running(self, params: Params) -> bool:
        """Whether this very point, its ``rung`` with it, is being tried."""
        return any(_point(params) == _point(trial.params) for trial in self._open.values())

    def running(self) -> list[Params]:
        """The points that are being tried, each with its ``rung``."""
        return [dict(trial.params) for trial in self._open.values()]

    def ask(self, fixed: Params, origin: Origin) -> tuple[int, Params]:
        """The next point, with its ``rung``, and the number to tell its outcome by.

        Args:
            fixed: parameters that the sampler may not choose; all of them is a given point.
        """
        self._study.sampler = self._sampler(dict(fixed))
        with writing(self._path, GO_ON):
            trial = self._study.ask(self._distributions())
            trial.set_user_attr("origin", origin)
        self._open[trial.number] = trial
        self._asked.add(_point(trial.params))
        return trial.number, dict(trial.params)

    def tell(self, number: int, recipe: str, outcome: Outcome) -> Trial:
        """Keep what came of a point."""
        trial = self._open.pop(number)
        user = {"origin": trial.user_attrs["origin"], "recipe": recipe, "outcome": asdict(outcome)}
        told = self._trial(trial.number, trial.params, user)
        figure = told.figure(self._aim)
        worked = told.works and math.isfinite(figure) and figure > 0
        with writing(self._path, GO_ON):
            trial.set_user_attr("recipe", recipe)
            if worked:
                trial.set_constraint("look", 0.0)
            for index, broken in enumerate(violations(told, self._limits) if worked else ()):
                trial.set_constraint(f"limit {index}", broken)
            # Last of all: a trial with an outcome is one that is known.
            trial.set_user_attr("outcome", asdict(outcome))
            self._end(
                number, [math.log(figure), careful_loss(told, self._limits)] if worked else None
            )
        return told

    def _end(self, number: int, values: Sequence[float] | None) -> None:
        import optuna

        if values is None:
            self._study.tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(number, list(values))

    def drop(self, number: int, reason: str, *, teaches: bool = False) -> None:
        """Say why a point is not worth a training; it does not count as a trial.

        Args:
            teaches: the sampler is told that points like it break a limit; else nothing.
        """
        trial = self._open.pop(number)
        with writing(self._path, GO_ON):
            trial.set_user_attr("dropped", reason)
            if teaches:
                trial.set_constraint("look", 1.0)
            self._end(number, [UNKNOWN, UNKNOWN] if teaches else None)

    def trials(self) -> list[Trial]:
        """All that were built, or failed to be, in their order."""
        return [
            self._trial(one.number, one.params, one.user_attrs)
            for one in self._study.trials
            if "outcome" in one.user_attrs
        ]

    def dropped(self) -> list[DroppedPoint]:
        """The points that were not worth a training, but for those that were tried before."""
        return [
            DroppedPoint(one.number, one.user_attrs["dropped"])
            for one in self._study.trials
            if one.user_attrs.get("dropped", TRIED) != TRIED
        ]

    def _trial(self, number: int, params: Mapping[str, Any], told: Mapping[str, Any]) -> Trial:
        point = {name: value for name, value in params.items() if name != "rung"}
        return Trial(
            number,
            point,
            int(params["rung"]),
            recipes.parse(told["recipe"]),
            told["origin"],
            Outcome(**told["outcome"]),
        )

    def _distributions(self) -> dict[str, Any]:
        import optuna

        found: dict[str, Any] = {
            name: _distribution(one) for name, one in self._space.distributions().items()
        }
        found["rung"] = optuna.distributions.IntDistribution(0, self._space.rungs - 1)
        return found

    def _sampler(self, fixed: dict[str, Any]) -> Any:
        import warnings

        import optuna

        seed = int(key({"seed": self._seed, "asked": self.asked})[:8], 16)
        with warnings.catch_warnings():
            # What we use of it is marked as experimental; the version is pinned.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._sampling == "random":
                sampler: Any = optuna.samplers.RandomSampler(seed=seed)
            else:
                sampler = optuna.samplers.TPESampler(
                    seed=seed,
                    n_startup_trials=STARTUP_TRIALS,
                    multivariate=True,
                    constant_liar=True,
                )
            return optuna.samplers.PartialFixedSampler(fixed, sampler)


def _distribution(one: Distribution) -> Any:
    from optuna import distributions

    kind, low, high, step = one
    if kind == "choice":
        return distributions.CategoricalDistribution(list(low))
    if kind == "int":
        return distributions.IntDistribution(low, high, step=step)
    return distributions.FloatDistribution(low, high, step=step)


def _point(params: Params) -> str:
    """A point by its values, whatever the type of their numbers."""
    known = {k: v if isinstance(v, str) else round(float(v), 6) for k, v in params.items()}
    return json.dumps(known, sort_keys=True)
