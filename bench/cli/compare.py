"""``bench compare``: two report files side by side, as a gate where limits are given."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabulate import tabulate

from bench.cli import GOOD, REGRESSION
from bench.records import read
from bench.report.compare import Change, Tolerances, changes
from bench.stats.summary import describe


def compare(asked: argparse.Namespace) -> int:
    """Carry out ``bench compare``: exit 1 only where a regression is certain."""
    old, new = read(Path(asked.old)), read(Path(asked.new))
    limits = Tolerances(asked.fail_above, asked.fail_size, asked.fail_accuracy)
    found = changes(old, new, limits, across=asked.across)
    print(f"{new.session.model.name}: {asked.new} against {asked.old}\n")
    rows = [_row(change, limits) for change in found]
    print(tabulate(rows, headers="keys", disable_numparse=True))
    return REGRESSION if any(change.regressions for change in found) else GOOD


def _row(change: Change, limits: Tolerances) -> dict[str, str]:
    latency = "-"
    if change.latency is not None:
        latency = describe(change.latency)
        if change.latency.low is not None and change.latency.high is not None:
            latency += f" [{change.latency.low:.3f}, {change.latency.high:.3f}]"
    accuracy = "-"
    if change.accuracy_change is not None:
        accuracy = f"{change.accuracy_change * 100:+.2f} points"
    return {
        "variant": change.variant,
        "target": change.target,
        "time, new over old": latency,
        "size": f"{(change.size_ratio - 1) * 100:+.1f} %",
        "accuracy": accuracy,
        "verdict": _verdict(change, limits),
    }


def _verdict(change: Change, limits: Tolerances) -> str:
    if change.regressions:
        return f"regression: {', '.join(change.regressions)}"
    if limits == Tolerances() and change.latency is not None:
        told = change.latency.verdict
        more = change.more_launches if told == "no clear change" else None
        return f"{told}: about {more} more launches would tell" if more else told
    if limits.latency is None or change.gate == "pass":
        return "pass"
    if change.latency is None:
        return "can't tell: one side has no launches"
    if change.more_launches is None:
        return "can't tell: too few launches, or the change lies at the limit"
    return f"can't tell: about {change.more_launches} more launches would"
