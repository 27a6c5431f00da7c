"""What the ``latency`` fixture does; apart from the plugin, which every pytest run imports."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from bench import pipeline, writable
from bench.errors import BenchError, LaunchError, UsageError
from bench.metrics.values import DeviceAnswers
from bench.pipeline import choose, prepare
from bench.report import Report
from bench.report.answer_warnings import why_not_to_ship
from bench.targets import Target
from bench.values import Estimate, Plan, Summary

Advance = Callable[[float], None]
"""Told so many microseconds: the clock that pytest-benchmark times a test by."""


def measured(
    request: pytest.FixtureRequest,
    source: Any,
    *,
    recipe: str | None,
    data: Any,
    custom_objects: str | None,
    wanted: str | Target,
    no_phone: str,
    plan: Plan,
    advance: Advance,
    measured_here: list[str],
) -> Summary:
    """Measure one variant and hand its launches to pytest-benchmark; a fault fails the test.

    Args:
        advance: the clock of this test.
        measured_here: gets the test's name if it wanted a phone and is measured on this machine.
    """
    try:
        target = _target(request, wanted, no_phone, measured_here)
        report = _measure(source, recipe, data, custom_objects, target, plan)
        _check_answers(report.tables[0].rows[0].answers)
    except BenchError as error:
        # What pytest.fail raises, without the chain of causes: one line is all there is to say.
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    summary = report.tables[0].rows[0].summary
    assert summary is not None  # without one there is a failure, which was raised
    _hand_over(request.getfixturevalue("benchmark"), report, summary, advance)
    return summary


def _target(
    request: pytest.FixtureRequest, wanted: str | Target, no_phone: str, measured_here: list[str]
) -> str | Target:
    """The target asked for; where no phone is ready, what the user chose for that case."""
    if not isinstance(wanted, str):
        return wanted
    kind, address = (wanted, None) if wanted == "auto" else choose.split(wanted)
    if kind == "local" or address:
        return wanted
    if ready := choose.ready_phones({}, () if kind == "auto" else (kind,)):
        return ready[0]
    if no_phone == "skip":
        pytest.skip(f"no phone is ready for --latency-target={wanted}")
    measured_here.append(request.node.nodeid)
    return "local"


def _measure(
    source: Any,
    recipe: str | None,
    data: Any,
    custom_objects: str | None,
    target: str | Target,
    plan: Plan,
) -> Report:
    """One variant on one target.

    Raises:
        BenchError: there is not every launch that was planned.
    """
    if recipe is not None and prepare.tflite_paths(source):
        raise UsageError(f"{source} is a ready .tflite", hint="leave recipe= out")
    recipes = () if prepare.tflite_paths(source) else (recipe or "float32")
    with writable.scratch_folder() as folder:
        report = pipeline.run(
            source,
            recipes,
            data,
            [target],
            plan=plan,
            report=folder / "report.jsonl",
            custom_objects=custom_objects,
            with_float32=False,
            with_accuracy=data is not None,
        )
    for failure in report.failures:
        if not failure.discarded:
            raise LaunchError(failure.message, hint=failure.hint, error_class=failure.error_class)
    return report


def _check_answers(answers: DeviceAnswers | None) -> None:
    """See that the phone answers as this machine does; what is not known is a warning.

    Raises:
        LaunchError: it does not.
    """
    if answers is None:
        return
    if answers.is_bad:
        raise LaunchError(
            why_not_to_ship(answers), hint=answers.hint, error_class=f"answers {answers.verdict}"
        )
    if answers.verdict == "not known":
        warnings.warn(f"the phone's answers are not known: {answers.reason}", stacklevel=2)


def _hand_over(benchmark: Any, report: Report, summary: Summary, advance: Advance) -> None:
    """Replay the launches before pytest-benchmark, on a clock of theirs."""
    latencies_us = [
        launch.latency.median_us or launch.latency.mean_us for launch in report.all_launches
    ]
    environment = report.tables[0].environment
    row = report.tables[0].rows[0]
    if row.answers is not None:
        benchmark.extra_info["answers"] = row.answers.verdict
    if row.deciding:
        score = row.deciding[0]
        benchmark.extra_info["score"] = {"metric": score.label, "value": score.value}
    benchmark.extra_info.update(
        target=environment.target,
        environment=dict(environment.facts),
        launches=summary.launches,
        runs=summary.runs,
        median_us=_figures(summary.median_us),
        p99_us=_figures(summary.p99_us) if isinstance(summary.p99_us, Estimate) else None,
    )
    steps = iter(latencies_us)
    benchmark.pedantic(
        lambda: advance(next(steps, 0.0)),
        rounds=len(latencies_us),
        iterations=1,
        warmup_rounds=0,
    )


def _figures(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "kind": estimate.kind,
    }
