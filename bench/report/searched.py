"""What a search found, from its report alone: what to ship, how sure that is, how it was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.records.search import By, Search, SearchTrial
from bench.report import Report, Row, losses
from bench.report.losses import Verdict
from bench.report.recommend import merits
from bench.text import count, duration, three_digits
from bench.values import Estimate

BEST: Mapping[By, str] = {
    "latency": "the fastest",
    "size": "the smallest",
    "zipped": "the smallest zipped",
}


@dataclass(frozen=True)
class Searched:
    """A search with the report of its front.

    Attributes:
        report: float32 and the front, evaluated on the test samples and launched.
    """

    report: Report
    search: Search

    @cached_property
    def front(self) -> Mapping[str, SearchTrial]:
        """Trials by the names that their recipes have in the report, the best first."""
        trials = {trial.number: trial for trial in self.search.trials}
        return {name: trials[number] for name, number in self.search.front.items()}

    @cached_property
    def chosen(self) -> str | None:
        """The name of what to ship: the best on the validation samples that no figure refutes.

        None where nothing keeps to the limits: float32 stays what it is.
        """
        for name in self.front:
            if self._keeps(name) and self.verdict(name).answer != "broken":
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

    def line(self) -> str:
        """The recommendation in one line, which begins with ``ship``."""
        name = self.chosen
        if name is None:
            near = next(iter(self.front), None)
            reason = f"; the nearest is {near}" if near else ""
            return f"ship float32: no trial keeps to the limits{reason}"
        several = len(self.report.tables) > 1
        told = "; ".join(
            merits(row) + (f", on {table.environment.label}" if several else "")
            for table in self.report.tables
            for row in table.rows
            if row.variant.name == name
        )
        scores = [score for row in self._rows(name) for score in row.deciding]
        loss = self.search.limits.loss
        within = f" within {losses.at_most(loss, scores)}" if scores else ""
        return f"ship {name}{within}: {told}"

    def notes(self) -> list[str]:
        """How it was chosen, how sure it is, and what choosing from many does to it."""
        search = self.search
        found = [f"{name} = {trial.recipe}" for name, trial in self.front.items()]
        worked = sum(trial.outcome.works for trial in search.trials)
        found.append(
            f"chosen as {BEST[search.by]} of {count(worked, 'trial')} on "
            f"{search.samples:,} validation samples, with a standard error to spare (at most a "
            f"quarter of the limit), in {duration(search.seconds)}; {search.ended}"
        )
        name = self.chosen
        if name is not None:
            found += list(self._about(name))
        for other in self.front:
            if other == name:
                break
            verdict = self.verdict(other)
            if verdict.answer == "broken" and self._keeps(other):
                found.append(f"not {other}, which was better on validation: {verdict.reason}")
        return found

    def _keeps(self, name: str) -> bool:
        return self.front[name].outcome.keeps(self.search.limits)

    def _rows(self, name: str) -> list[Row]:
        """Of one variant, on each target."""
        return [row for t in self.report.tables for row in t.rows if row.variant.name == name]

    def _verdicts(self, name: str) -> Iterator[Verdict]:
        together = len(self.front)
        rows = self._rows(name)
        for row in rows:
            samples = row.accuracy.samples if row.accuracy is not None else 0
            yield losses.judge_all(row.deciding, samples, self.search.limits.loss, together)
            yield from self._bytes_and_time(row)
        if not rows:
            yield Verdict("broken", None, "it could not be measured")

    def _bytes_and_time(self, row: Row) -> Iterator[Verdict]:
        limits = self.search.limits
        for value, limit, words in (
            (row.variant.size_bytes, limits.size_bytes, ""),
            (row.variant.zipped_bytes, limits.zipped_bytes, " zipped"),
        ):
            if limit is not None and value > limit:
                yield Verdict("broken", None, f"it takes {value:,} bytes{words}")
        limit_us = limits.median_us
        if limit_us is None:
            return
        if row.summary is None:
            yield Verdict("broken", None, "it was not measured")
            return
        median: Estimate = row.summary.median_us
        if median.low is None or median.high is None:
            yield Verdict("can't tell", None, "its median is of too few launches to be sure")
        elif median.low > limit_us:
            yield Verdict("broken", None, f"its median is {three_digits(median.value / 1e3)} ms")
        elif median.high > limit_us:
            high = three_digits(median.high / 1e3)
            yield Verdict("can't tell", None, f"its median may be {high} ms")

    def _about(self, name: str) -> Iterator[str]:
        before = self.front[name].outcome.loss
        rows = self._rows(name)
        after = next((row.loss for row in rows), None)
        relative = any(score.loss_is_relative for row in rows for score in row.deciding)
        if before is not None:
            end = "; there are no test samples, which would tell the truth (x_test)"
            if after is not None:
                end = f", and {_lost(after, relative)} on the test samples, used once, at the end"
            yield (
                f"it {_lost(before, relative)} on the validation samples, which choosing the best "
                f"of many flatters{end}"
            )
        verdict = self.verdict(name)
        together = f", jointly for {count(len(self.front), 'variant')}"
        if verdict.answer == "kept":
            yield f"it keeps to the limits with 95 %{together}"
            return
        yield f"whether it keeps to the limits with 95 %{together}: {verdict.reason}"
        certain = self.certain
        if certain is not None and certain != name:
            row = self._rows(certain)[0]
            yield f"for certain within the limits: {certain}, {merits(row)}"


def _lost(loss: float, relative: bool) -> str:
    """``lost 0.15 points`` or ``gained 3.46 points``."""
    unit = " %" if relative else " points"
    return f"{'gained' if loss < 0 else 'lost'} {abs(loss) * 100:.2f}{unit}"


def searched(report: Report) -> Searched | None:
    """What a search found; None where the report is of no search."""
    return None if report.search is None else Searched(report, report.search)
