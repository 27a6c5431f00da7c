"""What a search found: the front on the test samples, what to ship, and how it was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.records.search import DroppedPoint, Search, SearchTrial
from bench.report import Report
from bench.report.losses import Verdict
from bench.report.recommend import Aim
from bench.report.searched import Searched
from bench.searching.front import non_dominated, thinned
from bench.searching.rungs import highest
from bench.searching.values import Limits, Trial, careful_loss, keeps
from bench.values import Recipe

if TYPE_CHECKING:
    import pandas

SHOWN = 6
"""Of a front, at most: each is evaluated, launched and judged beside the others."""

LOSSY = 4.0
"""A front ends where so many times the loss is lost that may be."""


def front_of(trials: Sequence[Trial], limits: Limits, aim: Aim) -> list[Trial]:
    """The trials to be shown: what none beats on the validation samples, the best of it first.

    Each point counts as it was trained longest. Those that keep to the limits go in first.
    """
    known = [one for one in highest(trials) if careful_loss(one, limits) <= LOSSY * limits.loss]
    points = [(trial.figure(aim), careful_loss(trial, limits)) for trial in known]
    front = non_dominated(points)
    fitting = [index for index in front if keeps(known[index], limits)]
    if not fitting:
        # What keeps to a limit on latency or bytes may be beaten by what does not.
        others = [index for index in range(len(known)) if keeps(known[index], limits)]
        fitting = sorted(others, key=lambda index: points[index])[:1]
        front = sorted({*front, *fitting}, key=lambda index: points[index])
    return [known[index] for index in thinned(front, SHOWN, fitting[: SHOWN // 2])]


def record_of(
    trials: Sequence[Trial],
    front: Mapping[str, Trial],
    aim: Aim,
    limits: Limits,
    samples: int,
    seconds: float,
    ended: str,
    dropped: Sequence[DroppedPoint] = (),
) -> Search:
    """What a report file keeps of a search; see :class:`SearchReport` for what is what."""
    return Search(
        by=aim,
        limits=limits,
        samples=samples,
        seconds=seconds,
        ended=ended,
        front={name: trial.number for name, trial in front.items()},
        trials=tuple(
            SearchTrial(one.number, one.rung, str(one.recipe), one.origin, one.outcome)
            for one in trials
        ),
        dropped=tuple(dropped),
    )


@dataclass(frozen=True)
class SearchReport:
    """The end of a search.

    Attributes:
        report: float32 and the front, evaluated on the test samples and launched; every format
            shows it, and its file is a report as that of any run.
        front: trials by the names that their recipes have in the report, the best first.
        trials: all that were made.
        aim, limits: what was searched for.
        samples: validation samples that everything was chosen on.
        seconds: of work, over all sittings.
        ended: why the search ended.
    """

    report: Report
    front: Mapping[str, Trial]
    trials: tuple[Trial, ...]
    aim: Aim
    limits: Limits
    samples: int
    seconds: float
    ended: str

    @property
    def recipes(self) -> dict[str, Recipe]:
        """The front's recipes by name."""
        return {name: trial.recipe for name, trial in self.front.items()}

    @cached_property
    def _searched(self) -> Searched:
        kept = self.report.search or record_of(
            self.trials, self.front, self.aim, self.limits, self.samples, self.seconds, self.ended
        )
        return Searched(self.report, kept)

    @property
    def chosen(self) -> str | None:
        """The name of what to ship: the best on the validation samples that no figure refutes.

        None where nothing keeps to the limits: float32 stays what it is.
        """
        return self._searched.chosen

    @property
    def certain(self) -> str | None:
        """The best of the front that keeps to all limits for certain; None where none does."""
        return self._searched.certain

    def verdict(self, name: str) -> Verdict:
        """One of the front against the limits, by test samples and launches."""
        return self._searched.verdict(name)

    def line(self) -> str:
        """The recommendation in one line, which begins with ``ship``."""
        return self._searched.line()

    def notes(self) -> list[str]:
        """How it was chosen, how sure it is, and what choosing from many does to it."""
        return self._searched.notes()

    def to_toml(self) -> str:
        """The front as a file of named recipes, for ``bench run MODEL -r @FILE.toml``."""
        lines = [f"# {note}" for note in (self.line(), *self.notes()[len(self.front) :])]
        lines += [f'{_key(name)} = "{recipe}"' for name, recipe in self.recipes.items()]
        return "\n".join(lines) + "\n"

    def to_dataframe(self) -> pandas.DataFrame:
        """All trials, one row each: recipe, where it comes from, figures on validation samples."""
        import pandas

        frame: pandas.DataFrame = pandas.DataFrame(
            [
                {
                    "trial": trial.number,
                    "recipe": str(trial.recipe),
                    "origin": trial.origin,
                    "rung": trial.rung,
                    "size_bytes": trial.outcome.size_bytes,
                    "zipped_bytes": trial.outcome.zipped_bytes,
                    "times": min(trial.outcome.times.values(), default=None),
                    "loss": trial.outcome.loss,
                    "loss_error": trial.outcome.loss_error,
                    "seconds": trial.outcome.seconds,
                    "failure": trial.outcome.failure,
                }
                for trial in self.trials
            ]
        )
        return frame

    def _repr_html_(self) -> str:
        """The front's table in a notebook."""
        return self.report._repr_html_()


def _key(name: str) -> str:
    """A name as TOML writes it."""
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isalnum() and bare.isascii() else f'"{name}"'
