"""The project keeps its own rules: who imports whom, who prints, where TensorFlow may be, how long.

Imports are read from the source, those within functions included, so that nothing is hidden by
being imported late.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

import bench

PACKAGE = Path(bench.__file__).parent
MODELS = PACKAGE.parent / "models"

EVERYTHING = ("*",)

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    # The vocabulary
    "errors": (),
    "writable": ("errors",),
    "estimates": (),
    "values": ("errors", "estimates", "tflite.values"),
    "affinity": ("errors",),
    "cells": ("errors", "values", "affinity"),
    "metrics.values": (),
    "text": ("values", "metrics.values"),
    # Numbers: they know launches, and neither files nor devices
    "stats*": ("errors", "values"),
    # From outputs and labels to figures: they know arrays, and neither files nor devices
    "metrics*": ("errors", "values", "plugins", "stats"),
    "metrics.endings": ("tflite",),
    # What is in a file
    "tflite*": ("errors",),
    # Finding and keeping
    "plugins": ("errors",),
    "cache": ("errors", "writable"),
    "toml_files": ("errors",),
    "recipes": ("errors", "values", "plugins", "toml_files", "quantizer.schemes"),
    "data*": ("errors", "plugins"),
    "inputs*": ("errors", "values", "plugins", "data", "tflite", "workers"),
    "sources": ("errors", "values", "text", "plugins", "cache", "data"),
    "records*": ("errors", "values", "cache", "metrics.values", "writable"),
    # Building: what may lead to TensorFlow
    "techniques": ("values", "data", "tflite.values"),
    "techniques.*": (
        *("errors", "values", "text", "metrics", "plugins", "data", "tflite"),
        "quantizer.schemes",
    ),
    # From a float .tflite to one of fewer bits, without TensorFlow
    "quantizer": (),
    "quantizer.schemes": ("values",),
    "quantizer.files": ("errors", "text", "tflite", "workers"),
    "quantizer.judge": ("errors", "data", "metrics", "workers"),
    "quantizer.choose": ("errors", "values"),
    "quantizer.worker": (
        *("errors", "values", "cache", "data", "inputs", "sources", "tflite", "workers"),
    ),
    "build": (
        *("errors", "values", "cache", "plugins", "records.encoding", "data", "recipes"),
        *("techniques", "tflite", "workers", "text", "quantizer.schemes"),
    ),
    "build.builder": ("errors", "values", "cache", "workers", "build.process"),
    "build.process": ("errors", "values", "workers"),
    "build.convert": ("errors", "values", "text", "data", "techniques", "tflite"),
    "build.finish": ("errors", "techniques", "tflite"),
    "build.trial": ("workers",),
    "build.causes": ("errors", "workers"),
    "build.forms": ("errors", "techniques"),
    "build._specs": ("errors", "inputs", "workers"),
    "build.worker": (
        *("errors", "values", "cache", "data", "inputs", "recipes", "sources", "techniques"),
        *("tflite", "workers"),
    ),
    "build._names": (),
    "build._precision": (),
    # Processes of their own that hold nothing but numpy and the interpreter
    "workers": (),
    "workers.interpreter": (),
    "workers.launch": (),
    "workers.start": (),
    "workers.answering": ("errors", "writable"),
    "workers.evaluate": ("errors", "metrics"),
    "workers.reference": ("errors",),
    "workers.client": ("errors",),
    "accuracy": (
        *("errors", "values", "cache", "records.encoding", "data", "metrics", "workers"),
        "writable",
    ),
    "answers*": (
        *("errors", "values", "accuracy", "data", "metrics", "targets", "tflite", "workers"),
        "writable",
    ),
    # Launching: targets know nothing of blocks, statistics and files, measure nothing of devices
    "benchmark_model*": ("errors", "values", "cache"),
    "targets": ("values",),
    "targets.*": (
        "errors",
        "values",
        "affinity",
        "cells",
        "plugins",
        "cache",
        "workers",
        "benchmark_model",
    ),
    "testing": ("errors", "values", "targets"),
    "schedule": ("values", "stats"),
    "warm_starts": ("errors", "values", "targets", "schedule"),
    "measure": ("errors", "values", "metrics.values", "targets", "schedule", "warm_starts"),
    # All of it in one call
    "observers*": ("values", "metrics.values"),
    "pipeline*": (
        *("errors", "values", "cache", "plugins", "workers", "recipes", "sources", "data"),
        *("build", "accuracy", "answers", "targets", "schedule", "measure", "stats", "records"),
        *("report", "observers", "inputs", "text", "metrics"),
        *("cells", "tflite", "quantizer.schemes", "writable"),
    ),
    "searching*": (
        *("errors", "values", "cache", "plugins", "recipes", "techniques", "data", "inputs"),
        *("build", "accuracy", "metrics.values", "targets", "measure", "stats", "records"),
        *("report", "observers", "pipeline", "text", "charts", "workers"),
        *("quantizer.schemes", "writable"),
    ),
    # What a Dask worker opens of what it was sent
    "searching.cluster*": (
        *("errors", "values", "cache", "plugins", "sources", "data", "build", "accuracy"),
        *("metrics.values", "observers", "pipeline.prepare", "techniques", "text", "workers"),
        "writable",
    ),
    # Showing
    "report*": (
        *("errors", "values", "charts", "metrics", "page", "plugins", "text", "stats"),
        *("schedule", "records", "cells", "benchmark_model"),
    ),
    "charts*": ("errors",),
    "page*": ("cache",),
    "formats*": (
        *("errors", "values", "metrics.values", "text", "charts", "page", "stats"),
        *("schedule", "records", "cells"),
        "report",
    ),
    # The ways in
    "": (
        *("errors", "values", "build", "data", "measure", "plugins", "recipes", "records"),
        *("report", "searching", "sources", "stats", "pipeline", "observers", "metrics.values"),
    ),
    "__main__": ("cli",),
    "cli*": EVERYTHING,
    "pytest_latency": EVERYTHING,
    "pytest_plugin": EVERYTHING,
}
"""Package or module, without ``bench.``, to what it may import; a package's own modules always."""

WAYS_IN = ("cli", "pytest_latency", "pytest_plugin", "__main__")
"""Imported by nothing but themselves."""

TENSORFLOW = {"tensorflow", "keras", "tf_keras", "tensorflow_model_optimization"}
MAY_HOLD_TENSORFLOW = (
    *(
        "build.worker",
        "build.convert",
        "build.forms",
        "build._specs",
        "build._precision",
        "build._names",
    ),
    *("sources", "techniques.*"),
)
LAUNCH_PATH = (
    *("workers.launch", "workers.evaluate", "targets.local", "measure", "accuracy"),
    "stats.summary",
)

MAY_PRINT = ("cli*", "observers.terminal", "workers.evaluate", "workers.reference")
"""The command line, what shows progress there, and a worker, whose output is its answer."""

MAX_LINES = 400
STILL_TOO_LONG = {"tflite.reader": 410}
"""Modules that are yet to be split, with the length that they may not grow beyond."""

FILES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    .removesuffix("__init__")
    .removesuffix("."): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The full names of all modules that these nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their package"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole.removeprefix("bench.") in FILES else str(node.module)


def ours(module: str) -> set[str]:
    """What a module imports from bench, without ``bench.``; the vocabulary at the top is ``""``."""
    return {
        name.removeprefix("bench").removeprefix(".")
        for name in imported(ast.walk(tree(FILES[module])))
        if name.partition(".")[0] == "bench"
    }


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but the insides of functions and type checks."""
    for child in ast.iter_child_nodes(node):
        typed = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        if typed or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from at_import(child)


def rule(module: str) -> tuple[str, ...]:
    """The narrowest rule that covers a module."""
    patterns = [pattern for pattern in MAY_IMPORT if fnmatch(module, pattern)]
    assert patterns, f"{module} stands in no rule: add it to the table"
    return MAY_IMPORT[max(patterns, key=len)]


def covers(allowed: str, name: str) -> bool:
    return allowed in ("*", name) or name.startswith(f"{allowed}.")


def package(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_what_its_rule_allows(module):
    own = package(module) if module else None
    foreign = {name for name in ours(module) if package(name) != own}
    refused = {n for n in foreign if not any(covers(allowed, n) for allowed in rule(module))}
    assert not refused


def test_every_rule_is_for_a_module_that_is_there():
    unused = [pattern for pattern in MAY_IMPORT if not any(fnmatch(m, pattern) for m in FILES)]
    assert not unused


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_the_ways_in_are_imported_by_nobody(way_in):
    importers = {
        module
        for module in FILES
        if package(module) not in WAYS_IN and any(covers(way_in, name) for name in ours(module))
    }
    assert not importers


def test_nobody_imports_in_a_circle():
    edges = {
        module: {
            name.removeprefix("bench").removeprefix(".")
            for name in imported(at_import(tree(path)))
            if name.partition(".")[0] == "bench"
        }
        for module, path in FILES.items()
    }
    while leaves := {module for module, names in edges.items() if not names & edges.keys()}:
        edges = {module: names for module, names in edges.items() if module not in leaves}
    assert not edges


def test_no_two_packages_import_each_other():
    edges: dict[str, set[str]] = {}
    for module in FILES:
        others = {package(name) for name in ours(module)} - {package(module), ""}
        edges.setdefault(package(module), set()).update(others)
    while leaves := {name for name, others in edges.items() if not others & edges.keys()}:
        edges = {name: others for name, others in edges.items() if name not in leaves}
    assert not edges


@pytest.mark.parametrize("module", FILES)
def test_what_is_private_stays_in_its_package(module):
    theirs = {
        name
        for name in ours(module)
        for part in [name.split(".")]
        for index, word in enumerate(part)
        if word.startswith("_") and part[:index] != module.split(".")[:index]
    }
    assert not theirs


@pytest.mark.parametrize("module", FILES)
def test_no_import_of_ours_needs_another_name(module):
    renamed = [
        alias.asname
        for node in ast.walk(tree(FILES[module]))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench")
        for alias in node.names
        if alias.asname
    ]
    assert not renamed


@pytest.mark.parametrize("path", [*FILES.values(), *sorted(MODELS.glob("*.py"))], ids=str)
def test_tensorflow_is_never_imported_at_the_top(path):
    tops = {name.partition(".")[0] for name in imported(at_import(tree(path)))}
    assert tops.isdisjoint(TENSORFLOW)


def holds_tensorflow(module: str) -> bool:
    names = {name.partition(".")[0] for name in imported(ast.walk(tree(FILES[module])))}
    return not names.isdisjoint(TENSORFLOW)


def test_tensorflow_is_only_where_variants_are_built():
    holders = {module for module in FILES if holds_tensorflow(module)}
    assert holders
    strays = {m for m in holders if not any(fnmatch(m, known) for known in MAY_HOLD_TENSORFLOW)}
    assert not strays


@pytest.mark.parametrize("module", LAUNCH_PATH)
def test_the_launch_path_leads_nowhere_near_tensorflow(module):
    seen: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= (ours(name) & FILES.keys()) - seen
    assert not {name for name in seen if holds_tensorflow(name)}


def test_a_launch_imports_nothing_of_ours_but_the_interpreter():
    assert ours("workers.launch") == {"workers.interpreter"}
    assert ours("workers.interpreter") == set()


def test_only_the_command_line_prints():
    printers = {
        module
        for module, path in FILES.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("print", "pprint")
    }
    assert "cli._show" in printers
    assert not {m for m in printers if not any(fnmatch(m, known) for known in MAY_PRINT)}


@pytest.mark.parametrize("module", FILES)
def test_a_module_is_short_enough_to_be_read(module):
    lines = len(FILES[module].read_text(encoding="utf-8").splitlines())
    limit = STILL_TOO_LONG.get(module, MAX_LINES)
    assert lines <= limit
    assert limit == MAX_LINES or lines > MAX_LINES, "short enough now: take it off the list"


@pytest.mark.parametrize("module", FILES)
def test_every_module_and_every_public_thing_says_what_it_is(module):
    path = FILES[module]
    assert ast.get_docstring(tree(path))
    silent = [
        node.name
        for node in tree(path).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent
