"""What the ``latency`` fixture does; apart from the plugin, which every pytest run imports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bench import build, plugins, recipes, sources
from bench.errors import BenchError, LaunchError, TargetError, UsageError
from bench.measure import Job, measure
from bench.stats.summary import summarize
from bench.targets import Target
from bench.values import Environment, Estimate, Failure, Launch, Plan, Summary, Variant


def measured(
    request: pytest.FixtureRequest,
    source: str,
    *,
    recipe: str | None,
    wanted: str,
    no_phone: str,
    plan: Plan,
    measured_here: list[str],
) -> Summary:
    """Measure one variant and hand its launches to pytest-benchmark; a fault fails the test.

    Args:
        measured_here: gets the test's name if it wanted a phone and is measured on this machine.
    """
    try:
        variant = _variant(source, recipe)
        environment, launches = _launch(
            _open(request, wanted, plan, no_phone, measured_here), variant, plan
        )
    except BenchError as error:
        # What pytest.fail raises, without the chain of causes: one line is all there is to say.
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    summary = summarize(launches, until=plan.until)
    _hand_over(request, launches, summary, environment)
    return summary


def _variant(source: str, recipe: str | None) -> Variant:
    resolved = sources.resolve(source)
    if resolved.kind == "tflite":
        if recipe is not None:
            raise UsageError(f"{source} is a ready .tflite", hint="leave recipe= out")
        return build.ready([Path(source)])[0]
    chosen = recipes.parse(recipe or "float32")
    samples = sources.load_data(resolved, None)
    outcomes = build.build(
        resolved,
        [chosen],
        samples,
        data_source=None,
        seed=0,
        progress=lambda what, done, total: None,
    )
    outcome = next(iter(outcomes))
    if isinstance(outcome, Failure):
        raise LaunchError(outcome.message, hint=outcome.hint, error_class=outcome.error_class)
    return outcome.variant


def _open(
    request: pytest.FixtureRequest,
    wanted: str,
    plan: Plan,
    no_phone: str,
    measured_here: list[str],
) -> Target:
    """The target asked for; where no phone is ready, what the user chose for that case."""
    kind, _, address = wanted.partition(":")
    known = ("auto", *plugins.names("targets"))
    if kind not in known:
        raise TargetError(f"no target is called {wanted!r}", hint=plugins.nearest(kind, known))
    if kind == "local" or address:
        return _load(kind, address or None, plan)
    phones = [
        status
        for name in plugins.names("targets")
        if name != "local" and kind in ("auto", name)
        for status in plugins.load("targets", name).discover({})
    ]
    ready = [status for status in phones if status.ready]
    if ready:
        name, _, serial = ready[0].target.partition(":")
        return _load(name, serial or None, plan)
    if no_phone == "skip":
        pytest.skip(f"no phone is ready for --latency-target={wanted}")
    measured_here.append(request.node.nodeid)
    return _load("local", None, plan)


def _load(kind: str, address: str | None, plan: Plan) -> Target:
    opened: Target = plugins.load("targets", kind, TargetError).open(address, plan, {})
    return opened


def _launch(target: Target, variant: Variant, plan: Plan) -> tuple[Environment, list[Launch]]:
    launches: list[Launch] = []
    environment = None
    for outcome in measure([target], Job((variant,), plan), lambda target, words: None):
        if isinstance(outcome, Launch):
            launches.append(outcome)
        elif isinstance(outcome, Environment):
            environment = outcome
        elif not outcome.discarded:
            raise LaunchError(outcome.message, hint=outcome.hint, error_class=outcome.error_class)
    assert environment is not None
    return environment, launches


def _hand_over(
    request: pytest.FixtureRequest,
    launches: list[Launch],
    summary: Summary,
    environment: Environment,
) -> None:
    """Replay the launches before pytest-benchmark, on a clock of theirs."""
    clock = _Clock(launch.latency.median_us or launch.latency.mean_us for launch in launches)
    request.node.add_marker(pytest.mark.benchmark(timer=clock.read))
    benchmark = request.getfixturevalue("benchmark")
    benchmark.extra_info.update(
        target=environment.target,
        environment=dict(environment.facts),
        launches=summary.launches,
        runs=summary.runs,
        median_us=_figures(summary.median_us),
        p99_us=_figures(summary.p99_us) if isinstance(summary.p99_us, Estimate) else None,
    )
    benchmark.pedantic(clock.advance, rounds=len(launches), iterations=1, warmup_rounds=0)


def _figures(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "kind": estimate.kind,
    }


class _Clock:
    """Stands still, but for each round by the next launch's latency."""

    def __init__(self, latencies_us: Iterable[float]) -> None:
        self._latencies_us = iter(latencies_us)
        self._now_s = 0.0

    def read(self) -> float:
        """Seconds since it was made: pytest-benchmark's timer."""
        return self._now_s

    def advance(self) -> None:
        """One round."""
        self._now_s += next(self._latencies_us, 0.0) / 1e6
