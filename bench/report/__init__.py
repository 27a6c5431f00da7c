"""Launches -> Report: everything that a table, a file or a data frame shows, with no formatting.

Nothing here touches a device: any old file can be assembled again, on a machine with no TensorFlow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import plugins, schedule
from bench.cells import base_of, setting_of
from bench.errors import UsageError
from bench.metrics.values import Accuracy, DeviceAnswers, Score
from bench.records import End, Records, Session
from bench.records.search import Search
from bench.report import losses
from bench.report.in_app import InApp, in_app
from bench.report.op_times import OpTimes, op_times
from bench.report.session_warnings import session_warnings
from bench.report.starts import StartTimes, start_times
from bench.stats.sample import Sample
from bench.stats.summary import compare_paired, summarize
from bench.values import (
    Comparison,
    Environment,
    Failure,
    Launch,
    ReportWarning,
    Setting,
    Summary,
    Variant,
)

if TYPE_CHECKING:
    import pandas as pd

    from bench.report.recommend import Aim


@dataclass(frozen=True)
class Row:
    """One variant on one target; ``failure`` says why there is no summary, or not a whole one.

    ``answers`` is what it answers there, None where that was not asked; ``setting`` is what it was
    launched with.
    ``starts`` are cold and warm starts, None where none were asked for.
    """

    variant: Variant
    baseline: Variant
    accuracy: Accuracy | None
    summary: Summary | None
    comparison: Comparison | None
    failure: Failure | None
    baseline_accuracy: Accuracy | None = None
    answers: DeviceAnswers | None = None
    setting: Setting = field(default_factory=Setting)
    starts: StartTimes | None = None

    @property
    def is_baseline_file(self) -> bool:
        """Whether its file is the baseline's, under whatever setting: it loses nothing."""
        return base_of(self.variant) == base_of(self.baseline)

    @property
    def in_app(self) -> InApp:
        """What an app is told to run the variant as it was launched."""
        return in_app(self.setting)

    @property
    def deciding(self) -> tuple[Score, ...]:
        """The scores that limits are held against, each with its loss where it is known."""
        return losses.deciding(self.accuracy, self.baseline_accuracy)

    @property
    def loss(self) -> float | None:
        """What is lost against the baseline, of the output that loses most.

        A difference of the metric that decides, or a fraction of the baseline's (``values.Score``);
        None where it is not known.
        """
        return 0.0 if self.is_baseline_file else losses.worst(self.deciding)

    @property
    def size_ratio(self) -> float:
        """How many times smaller than the baseline's file."""
        return self.baseline.size_bytes / self.variant.size_bytes

    @property
    def zipped_ratio(self) -> float:
        """How many times smaller than the baseline's file, both zipped."""
        return self.baseline.zipped_bytes / self.variant.zipped_bytes


@dataclass(frozen=True)
class Table:
    """All variants on one target; figures of two targets never share a column.

    ``spent`` is what launching until the medians are known took; None for a fixed plan.
    ``profile`` is each variant's time by type of op, empty without ``--profile``.
    """

    environment: Environment
    rows: tuple[Row, ...]
    spent: schedule.Spent | None = None
    profile: Mapping[str, OpTimes] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A session, ready to be rendered; ``search`` is what chose its variants, where one did."""

    session: Session
    tables: tuple[Table, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[ReportWarning, ...]
    end: End | None
    all_launches: tuple[Launch, ...] = ()
    path: Path | None = None
    search: Search | None = None

    def launches_of(self, target: str, variant: str) -> list[Launch]:
        """The launches of one variant on one target, in the order they were made."""
        return list(self._launches.get((target, variant), ()))

    @cached_property
    def _launches(self) -> Mapping[tuple[str, str], list[Launch]]:
        """All launches by target and variant, sorted once: there may be many."""
        sorted_out: dict[tuple[str, str], list[Launch]] = defaultdict(list)
        for item in self.all_launches:
            sorted_out[item.target, item.variant].append(item)
        return sorted_out

    def pareto(self, *, x: str = "median_us", y: str = "score", target: str = "") -> Any:
        """An Altair chart of size or latency against accuracy; a panel for each setting.

        Args:
            x: what is to be small: ``median_us``, ``zipped_bytes`` or ``size_bytes``.
            y: ``score`` (accuracy or another metric), or one of the former where none is known.
            target: id; empty is the first.

        Raises:
            UsageError: the extra ``plot`` is not installed, or there is no such target.
        """
        from bench.charts import look, require
        from bench.report.small_multiples import pareto_chart

        require()
        return look(pareto_chart(self, self._table(target).environment.target, x=x, y=y))

    def launches(self, *, target: str = "") -> Any:
        """An Altair chart of each launch over time, with the phone's temperature and waits.

        Of several settings it has a panel each, on equal axes.

        Args:
            target: id; empty is the first.

        Raises:
            UsageError: the extra ``plot`` is not installed, or there is no such target.
        """
        from bench.charts import look, require
        from bench.report.small_multiples import launches_chart

        require()
        return look(launches_chart(self, self._table(target).environment.target))

    def _table(self, target: str) -> Table:
        for table in self.tables:
            if target in ("", table.environment.target):
                return table
        known = ", ".join(table.environment.target for table in self.tables) or "none"
        raise UsageError(f"no table of target {target!r}", hint=f"there is: {known}")

    def best(
        self,
        *,
        by: Aim = "latency",
        max_loss: float | None = None,
        max_size_bytes: int | None = None,
        max_zipped_bytes: int | None = None,
        max_median_us: float | None = None,
        max_p99_us: float | None = None,
        target: str = "",
    ) -> Row:
        """The row of the variant to ship on a target; ``best().variant.path`` is its file,
        ``best().in_app.kotlin`` what gives an app its setting.

        A Python warning says so where its launches are too few to be sure.

        Args:
            by: what is to be best: ``latency``, ``size`` or ``zipped``.
            max_loss: accuracy that may be lost against the baseline; None is one point (0.01), or
                any where nothing was evaluated.
            max_size_bytes, max_zipped_bytes: of the file.
            max_median_us, max_p99_us: that the upper ends of the intervals keep to.
            target: id; empty is the only one.

        Raises:
            UsageError: no variant keeps to the limits for certain, or the target must be named.
        """
        from bench.report.recommend import Requirements, best_row

        limits = Requirements(max_loss, max_size_bytes, max_zipped_bytes, max_median_us, max_p99_us)
        return best_row(self, limits, by, target)

    def _repr_html_(self) -> str:
        """The tables, for notebooks."""
        html: str = plugins.load("formats", "html").fragment(self)
        return html

    def to_dataframe(self) -> pd.DataFrame:
        """One line per variant and target, one column per figure, units in the names.

        Columns without any figure are kept: two reports always have the same ones.
        """
        from bench.report.dataframe import frame_of

        return frame_of(self)


def assemble(records: Records) -> Report:
    """Summarize and compare all launches of a report file."""
    session, plan = records.session, records.session.plan
    launches = _by_cell(records)
    answers = {(each.target, each.variant): each for each in records.answers}
    accuracies = {accuracy.variant: accuracy for accuracy in records.accuracies}
    kept = tuple(f for f in records.failures if f.discarded or not _made_up_for(f, records))
    failures = {(f.target, f.variant): f for f in kept if not f.discarded}
    tables = []
    for environment in _environments(records):
        target = environment.target
        baseline = session.variants[0] if session.variants else None
        rows = []
        for variant in session.variants:
            assert baseline is not None
            mine, theirs = launches[target, variant.name], launches[target, baseline.name]
            comparison = None
            if variant is not baseline and mine and theirs:
                comparison = compare_paired(theirs, mine)
            summary = summarize(mine, until=plan.until) if mine else None
            failure = failures.get((target, variant.name))
            rows.append(
                Row(
                    variant=variant,
                    baseline=baseline,
                    accuracy=accuracies.get(base_of(variant)),
                    baseline_accuracy=accuracies.get(base_of(baseline)),
                    summary=summary,
                    comparison=comparison,
                    failure=failure if schedule.wants_more(mine, plan) else None,
                    answers=answers.get((target, variant.name)),
                    setting=setting_of(variant, plan),
                    starts=start_times(records.starts_of(target, variant.name)),
                )
            )
        by_variant = {v.name: launches[target, v.name] for v in session.variants}
        profile = {name: op_times(those) for name, those in by_variant.items()}
        spent = schedule.spent(by_variant, plan)
        tables.append(Table(environment, tuple(rows), spent, profile))
    return Report(
        session=session,
        tables=tuple(tables),
        failures=kept,
        warnings=session_warnings(records, tables, launches),
        end=records.end,
        all_launches=records.launches,
        path=records.path,
        search=records.search,
    )


def _by_cell(records: Records) -> Mapping[tuple[str, str], Sample]:
    """One sample per target and variant, from which all its figures are made."""
    launches: dict[tuple[str, str], list[Launch]] = defaultdict(list)
    for launch in records.launches:
        launches[launch.target, launch.variant].append(launch)
    samples = {cell: Sample.of(those) for cell, those in launches.items()}
    return defaultdict(lambda: Sample.of(()), samples)


def _made_up_for(failure: Failure, records: Records) -> bool:
    """Whether a later sitting has made the launches, or the evaluation, that failed."""
    if failure.error_class == "accuracy":
        return any(accuracy.variant == failure.variant for accuracy in records.accuracies)
    launches = [
        launch
        for launch in records.launches
        if (launch.target, launch.variant) == (failure.target, failure.variant)
    ]
    if failure.block is None:
        return not schedule.wants_more(launches, records.session.plan)
    return any(launch.block == failure.block for launch in launches)


def harness_cost(end: End) -> float:
    """The fraction of the measuring's wall time that was spent outside launches."""
    return max(0.0, 1.0 - end.launches_s / end.wall_s) if end.wall_s else 0.0


def _environments(records: Records) -> Iterable[Environment]:
    """Those met, and a bare one for a target that was never reached."""
    known = {environment.target: environment for environment in records.environments}
    for target in records.session.targets:
        kind = target.partition(":")[0]
        yield known.get(target) or Environment(target, kind, f"{target} (not reached)")
