"""What the reader of a whole report should know that no single figure says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bench import schedule
from bench.cells import files_of
from bench.records import Records
from bench.report.answer_warnings import answer_warnings
from bench.report.file_warnings import find_file_warnings
from bench.report.setting_warnings import setting_warnings
from bench.report.starts import start_warnings
from bench.report.warnings import find_warnings
from bench.stats import stopping
from bench.stats.sample import Sample
from bench.stats.summary import summarize
from bench.values import Estimate, Launch, Plan, ReportWarning

if TYPE_CHECKING:
    from bench.report import Table

ByCell = Mapping[tuple[str, str], Sample]
"""Launches by target and variant; none is an empty sample."""


def session_warnings(
    records: Records, tables: Sequence[Table], launches: ByCell
) -> tuple[ReportWarning, ...]:
    """What the reader should know that no single figure says."""
    session = records.session
    found = list(session.warnings)
    if records.end is None:
        total = session.plan.launches * len(session.variants) * len(session.targets)
        made = f"only {len(records.launches)} of {total} launches were made"
        if session.plan.until is not None:
            made = f"{len(records.launches)} launches were made, and more were to come"
        elif len(records.launches) >= total and session.plan.warm_starts:
            made = "not all cold and warm starts were made"
        found.append(
            ReportWarning(
                code="unfinished",
                message=made,
                hint="mend first what failed; the same command then goes on with the missing ones"
                if _was_left(records)
                else "run the same command again: it goes on with the missing ones",
            )
        )
    launched = {launch.target for launch in records.launches}
    local = [t.environment.target for t in tables if t.environment.kind == "local"]
    if not launched.isdisjoint(local):
        found.append(
            ReportWarning(
                code="local",
                message="latency was measured on this machine's interpreter, not on a phone",
                hint="plug in a phone and see: bench targets",
            )
        )
    asked = {each.target for each in records.answers}
    unasked = {t.environment.target for t in tables if t.environment.kind != "local"} - asked
    if records.accuracies and unasked:
        found.append(
            ReportWarning(
                code="accuracy-elsewhere",
                message="accuracy was measured on this machine's interpreter, latency on the phone",
                hint="other kernels may round differently or compute nonsense: leave "
                "--phone-samples as it is, and the phone answers too",
            )
        )
    if not records.accuracies and session.data.get("missing"):
        found.append(
            ReportWarning(
                code="no-accuracy",
                message=f"no accuracy: {session.data['missing']}",
                hint="give --data FILE.npz with x_test and y_test",
            )
        )
    found.extend(answer_warnings(records.answers))
    found.extend(start_warnings(records.starts))
    found.extend(find_file_warnings(files_of(session.variants)))
    for table in tables:
        found.extend(setting_warnings(session.plan, table.environment))
        found.extend(_launch_warnings(records, table, launches))
        if session.plan.profile and not any(table.profile.values()):
            found.append(
                ReportWarning(
                    code="no-profile",
                    message="no profile: nothing there told what single ops take",
                    hint="only benchmark_model on a phone does: -t adb --profile",
                    target=table.environment.target,
                )
            )
    return tuple(found)


def _was_left(records: Records) -> bool:
    """Whether a target could not be launched on: the same again would not help by itself."""
    return any(
        failure.block is None
        and not failure.discarded
        and failure.target in records.session.targets
        and schedule.wants_more(
            records.launches_of(failure.target, failure.variant), records.session.plan
        )
        for failure in records.failures
    )


def _launch_warnings(records: Records, table: Table, launches: ByCell) -> Sequence[ReportWarning]:
    """What the launches of one target say beyond their figures."""
    target = table.environment.target
    by_variant = {
        variant.name: launches[target, variant.name] for variant in records.session.variants
    }
    baseline = records.session.variants[0].name if records.session.variants else None
    unknown = _not_known(records.session.plan, by_variant, target)
    return [*find_warnings(by_variant, baseline=baseline), *unknown]


def _not_known(
    plan: Plan, by_variant: Mapping[str, Sequence[Launch]], target: str
) -> Iterable[ReportWarning]:
    """Variants that were launched as often as may be, and whose median is still not known."""
    if plan.until is None:
        return
    for name, launches in by_variant.items():
        needed = stopping.needed(launches, plan.until) if launches else 0
        if needed and len(launches) >= plan.max_launches:
            median = summarize(launches).median_us
            yield ReportWarning(
                code="not-known",
                message=f"after {len(launches)} launches the median is known to "
                f"±{_half_width(median):.1%}, not to the ±{plan.until:.1%} asked for",
                hint=f"about {needed} more would do (--max-launches), or a machine at rest",
                variant=name,
                target=target,
            )


def _half_width(estimate: Estimate) -> float:
    """The longer half of an interval, as a fraction of the figure."""
    if estimate.low is None or estimate.high is None:
        return math.inf
    return max(estimate.high / estimate.value, estimate.value / max(estimate.low, 1e-9)) - 1
