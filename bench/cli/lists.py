"""``bench targets``, ``techniques``, ``models`` and ``inspect``: what is here."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench import encoding, plugins
from bench.cli import FAILED, GOOD, options
from bench.tflite.facts import check_file, fact_rows, read_facts

TEXT_WIDTH = 76


def targets(asked: argparse.Namespace) -> int:
    """Carry out ``bench targets``: exit 3 where a device needs a cure."""
    settings = options.target_options(asked)
    statuses = [
        status
        for kind in plugins.names("targets")
        for status in plugins.load("targets", kind).discover(settings)
    ]
    _print(
        [{"target": s.target, "state": s.state, "what": s.label, "cure": s.hint} for s in statuses]
    )
    return GOOD if all(status.ready for status in statuses) else FAILED


def techniques(asked: argparse.Namespace) -> int:
    """Carry out ``bench techniques``."""
    rows = []
    for name in plugins.names("techniques"):
        module = plugins.load("techniques", name)
        argument = f" Argument: {module.ARGUMENT}." if module.ARGUMENT else ""
        rows.append((name + (":…" if argument else ""), f"{module.SUMMARY}.{argument}"))
        rows += [(f" ,{key}=", text) for key, text in module.OPTIONS.items()]
        rows.append(("", ""))
    print(tabulate(rows[:-1], tablefmt="plain", maxcolwidths=[None, TEXT_WIDTH]))
    return GOOD


def models(asked: argparse.Namespace) -> int:
    """Carry out ``bench models``."""
    _print(
        [
            {"model": name, "what": plugins.load("models", name).SUMMARY}
            for name in plugins.names("models")
        ]
    )
    return GOOD


def inspect(asked: argparse.Namespace) -> int:
    """Carry out ``bench inspect``."""
    path = Path(asked.model)
    check_file(path, runnable=False)
    facts = read_facts(path)
    if asked.json:
        print(encoding.encode(facts, indent=2).decode())
        return GOOD
    for title, rows in fact_rows(facts).items():
        print(f"{title}\n")
        _print(rows)
        print()
    return GOOD


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    print(tabulate([dict(row) for row in rows], headers="keys", disable_numparse=True))
