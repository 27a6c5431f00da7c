"""Which optimised variant of my TFLite model should I ship, on this phone, how sure are we?

All of it in one call, or any saved run again::

    import bench

    report = bench.run("model.keras", ["quantize:int8"], data="samples.npz", targets="local")
    report = bench.assemble(bench.read("reports/model-2026-11-24.jsonl"))
    report.to_dataframe()

Values and errors are named here, and what makes new ones of old ones; each stage by itself stays in
its module, such as ``bench.build.build`` and ``bench.measure.measure``. Nothing is
imported before it is asked for (PEP 562), so that ``import bench`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench import build, data, measure, plugins, recipes, sources
    from bench.data import Data
    from bench.errors import (
        BenchError,
        BuildError,
        DataError,
        LaunchError,
        ModelError,
        RecipeError,
        StableLaunchError,
        StoreError,
        TargetError,
        TransientLaunchError,
        UsageError,
        VerificationError,
    )
    from bench.metrics.values import Accuracy, DeviceAnswers, Score
    from bench.observers import Observer
    from bench.pipeline import run
    from bench.records import Records, read
    from bench.report import Report, assemble
    from bench.searching import search
    from bench.searching.report import SearchReport
    from bench.stats.summary import compare_paired, summarize
    from bench.values import (
        Comparison,
        Environment,
        Estimate,
        Failure,
        Latency,
        Launch,
        MeasuredInput,
        Missing,
        Model,
        Plan,
        Recipe,
        ReportWarning,
        Setting,
        StartPair,
        Step,
        Summary,
        Variant,
    )

__version__: str

__all__ = [
    "Accuracy",
    "BenchError",
    "BuildError",
    "Comparison",
    "Data",
    "DataError",
    "DeviceAnswers",
    "Environment",
    "Estimate",
    "Failure",
    "Latency",
    "Launch",
    "LaunchError",
    "MeasuredInput",
    "Missing",
    "Model",
    "ModelError",
    "Observer",
    "Plan",
    "Recipe",
    "RecipeError",
    "Records",
    "Report",
    "ReportWarning",
    "Score",
    "SearchReport",
    "Setting",
    "StableLaunchError",
    "StartPair",
    "Step",
    "StoreError",
    "Summary",
    "TargetError",
    "TransientLaunchError",
    "UsageError",
    "Variant",
    "VerificationError",
    "assemble",
    "build",
    "compare_paired",
    "data",
    "measure",
    "plugins",
    "read",
    "recipes",
    "run",
    "search",
    "sources",
    "summarize",
]

_MODULES = ("build", "data", "measure", "plugins", "recipes", "sources")
_HOMES = {
    "Accuracy": "metrics.values",
    "Data": "data",
    "DeviceAnswers": "metrics.values",
    "Observer": "observers",
    "Records": "records",
    "Report": "report",
    "Score": "metrics.values",
    "assemble": "report",
    "compare_paired": "stats.summary",
    "read": "records",
    "run": "pipeline",
    "SearchReport": "searching.report",
    "search": "searching",
    "summarize": "stats.summary",
}
"""Where a name comes from that is neither an error nor a value."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tflite-bench")
    if name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f"bench.{name}")
    home = _HOMES.get(name) or ("errors" if name.endswith("Error") else "values")
    return getattr(importlib.import_module(f"bench.{home}"), name)


def __dir__() -> list[str]:
    return __all__
