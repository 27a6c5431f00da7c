"""What a search found: the front on the test samples, what to ship, and how it was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.report import Report, Row, losses
from bench.report.losses import Verdict
from bench.report.recommend import Aim, merits
from bench.searching.front import non_dominated, thinned
from bench.searching.rungs import highest
from bench.searching.values import Limits, Trial, careful_loss, keeps
from bench.text import count, duration, three_digits
from bench.values import Estimate, Recipe

if TYPE_CHECKING:
    import pandas

SHOWN = 6
"""Of a front, at most: each is evaluated, launched and judged beside the others."""

LOSSY = 4.0
"""A front ends where so many times the loss is lost that may be."""

AIM_WORDS: Mapping[Aim, str] = {
    "latency": "the fastest",
    "size": "the smallest",
    "zipped": "the smallest zipped",
}


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

    @property
    def chosen(self) -> str | None:
        """The name of what to ship: the best on the validation samples that no figure refutes.

        None where nothing keeps to the limits: float32 stays what it is.
        """
        for name, trial in self.front.items():
            if keeps(trial, self.limits) and self.verdict(name).answer != "broken":
                return name
        return None

    @property
    def certain(self) -> str | None:
        """The best of the front that keeps to all limits for certain; None where none does."""
        return next((n for n in self.front if self.verdict(n).answer == "kept"), None)

    def verdict(self, name: str) -> Verdict:
        """One of the front against the limits, by test samples and launches."""
        verdicts = list(self._verdicts(name))
        for answer in ("broken", "can't tell"):
            for verdict in verdicts:
                if verdict.answer == answer:
                    return verdict
        return verdicts[0]

    def _verdicts(self, name: str) -> Iterator[Verdict]:
        rows = [row for table in self.report.tables for row in table.rows]
        together = len(self.front)
        for row in (row for row in rows if row.variant.name == name):
            samples = row.accuracy.samples if row.accuracy is not None else 0
            yield losses.judge_all(row.deciding, samples, self.limits.loss, together)
            yield from self._bytes_and_time(row)
        if all(row.variant.name != name for row in rows):
            yield Verdict("broken", None, "it could not be measured")

    def _bytes_and_time(self, row: Row) -> Iterator[Verdict]:
        for value, limit, words in (
            (row.variant.size_bytes, self.limits.size_bytes, ""),
            (row.variant.zipped_bytes, self.limits.zipped_bytes, " zipped"),
        ):
            if limit is not None and value > limit:
                yield Verdict("broken", None, f"it takes {value:,} bytes{words}")
        limit_us = self.limits.median_us
        if limit_us is None:
            return
        if row.summary is None:
            yield Verdict("broken", None, "it was not measured")
            return
        median: Estimate = row.summary.median_us
        low, high = median.low or median.value, median.high or median.value
        if low > limit_us:
            yield Verdict("broken", None, f"its median is {three_digits(median.value / 1e3)} ms")
        elif high > limit_us:
            yield Verdict("can't tell", None, f"its median may be {three_digits(high / 1e3)} ms")

    def line(self) -> str:
        """The recommendation in one line, which begins with ``ship``."""
        name = self.chosen
        if name is None:
            near = next(iter(self.front), None)
            reason = f"; the nearest is {near}" if near else ""
            return f"ship float32: no trial keeps to the limits{reason}"
        told = "; ".join(
            merits(row) + (f", on {table.environment.label}" if len(self.report.tables) > 1 else "")
            for table in self.report.tables
            for row in table.rows
            if row.variant.name == name
        )
        scores = [
            score
            for table in self.report.tables
            for row in table.rows
            if row.variant.name == name
            for score in row.deciding
        ]
        within = f" within {losses.at_most(self.limits.loss, scores)}" if scores else ""
        return f"ship {name}{within}: {told}"

    def notes(self) -> list[str]:
        """How it was chosen, how sure it is, and what choosing from many does to it."""
        found = [f"{name} = {recipe}" for name, recipe in self.recipes.items()]
        worked = sum(trial.works for trial in self.trials)
        found.append(
            f"chosen as {AIM_WORDS[self.aim]} of {count(worked, 'trial')} on "
            f"{self.samples:,} validation samples, with a standard error to spare (at most a "
            f"quarter of the limit), in {duration(self.seconds)}; {self.ended}"
        )
        name = self.chosen
        if name is not None:
            found += list(self._about(name))
        for other in self.front:
            if other == name:
                break
            verdict = self.verdict(other)
            if verdict.answer == "broken" and keeps(self.front[other], self.limits):
                found.append(f"not {other}, which was better on validation: {verdict.reason}")
        return found

    def _about(self, name: str) -> Iterator[str]:
        before = self.front[name].outcome.loss
        after = next(
            (row.loss for t in self.report.tables for row in t.rows if row.variant.name == name),
            None,
        )
        if before is not None and after is not None:
            yield (
                f"it lost {before * 100:.2f} on the validation samples, which choosing the best of "
                f"many flatters, and {after * 100:.2f} on the test samples, used once, at the end"
            )
        elif before is not None:
            yield (
                f"it lost {before * 100:.2f} on the validation samples, which choosing the best of "
                "many flatters; there are no test samples, which would tell the truth (x_test)"
            )
        verdict = self.verdict(name)
        together = f", jointly for {count(len(self.front), 'variant')}"
        if verdict.answer == "kept":
            yield f"it keeps to the limits with 95 %{together}"
            return
        yield f"whether it keeps to the limits with 95 %{together}: {verdict.reason}"
        if self.certain is not None and self.certain != name:
            rows = [row for table in self.report.tables for row in table.rows]
            row = next(row for row in rows if row.variant.name == self.certain)
            yield f"for certain within the limits: {self.certain}, {merits(row)}"

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
