"""``bench compare``: two report files side by side, as a gate where limits are given."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabulate import tabulate

from bench.cli import GOOD, REGRESSION
from bench.records import read
from bench.report.compare import Change, Limits, changes, verdict
from bench.text import change_text, loss_text


def compare(asked: argparse.Namespace) -> int:
    """Carry out ``bench compare``: exit 1 only where a regression is certain."""
    old, new = read(Path(asked.old)), read(Path(asked.new))
    limits = Limits(asked.fail_above, asked.fail_size, asked.fail_accuracy)
    found = changes(old, new, limits, across=asked.across)
    print(f"{new.session.model.name}: {asked.new} against {asked.old}\n")
    rows = [_row(change, limits) for change in found]
    print(tabulate(rows, headers="keys", disable_numparse=True))
    return REGRESSION if any(change.regressions for change in found) else GOOD


def _row(change: Change, limits: Limits) -> dict[str, str]:
    return {
        "variant": change.variant,
        "target": change.target,
        "median time, new against old": "-" if not change.latency else change_text(change.latency),
        "size": f"{(change.size_ratio - 1) * 100:+.1f} %",
        "accuracy": change.not_compared or ", ".join(map(loss_text, change.losses)),
        "verdict": verdict(change, limits),
    }
