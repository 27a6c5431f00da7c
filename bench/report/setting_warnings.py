"""What the reader should know of the settings that launches ran with."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cells import beyond_cpus, settings_of, words
from bench.text import count
from bench.values import Environment, Plan, ReportWarning


def setting_warnings(plan: Plan, environment: Environment) -> Iterator[ReportWarning]:
    """One for each setting with more threads than CPUs; code ``threads-beyond-cpus``."""
    settings = settings_of(plan)
    for setting, number in beyond_cpus(plan, environment.facts):
        threads = count(setting.threads, "thread")
        who = words(setting, settings) if len(settings) > 1 else threads
        who = who if who.startswith(threads) else f"{threads}, {who}"
        yield ReportWarning(
            code="threads-beyond-cpus",
            message=f"{who} on {count(number, 'CPU')}: they wait for each other",
            hint=f"--threads {number} at most there, or more CPUs"
            + ("" if setting.affinity is None else ", or no --affinity"),
            target=environment.target,
        )
