"""``bench recommend``: which variant of a saved run to ship."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import FAILED, GOOD
from bench.records import read
from bench.report import Row, assemble
from bench.report.recommend import Recommendation, Requirements, recommendations
from bench.stats.summary import describe


def recommend(asked: argparse.Namespace) -> int:
    """Carry out ``bench recommend``: exit 3 where no variant keeps to the limits."""
    records = read(Path(asked.file))
    report = assemble(records)
    limits = Requirements(
        loss=asked.max_loss,
        size_bytes=asked.max_size,
        zipped_bytes=asked.max_zipped,
        median_us=asked.max_median,
        p99_us=asked.max_p99,
    )
    found = recommendations(records, report, limits, asked.by)
    print("\n\n".join(_words(each) for each in found))
    return GOOD if all(each.chosen is not None for each in found) else FAILED


def _words(found: Recommendation) -> str:
    if found.chosen is None:
        lines = [f"on {found.environment.label}: no variant keeps to these limits"]
    else:
        lines = [
            f"on {found.environment.label}: ship {found.chosen.variant.name}",
            f"  {_merits(found.chosen)}",
        ]
    if found.equals:
        names = ", ".join(row.variant.name for row in found.equals)
        lines.append(f"  no clear difference to: {names}")
    lines += [f"  not {row.variant.name}: {reason}" for row, reason in found.rejected]
    return "\n".join(lines)


def _merits(row: Row) -> str:
    """Against the baseline: ``2.7x faster, 3.3x smaller zipped, 0.10 points lost``."""
    if row.variant is row.baseline:
        return "the baseline itself"
    parts = []
    if row.comparison is not None:
        change = describe(row.comparison)
        parts.append(change if "x" in change else f"{change} in latency")
    parts += [f"{row.size_ratio:.2f}x smaller", f"{row.zipped_ratio:.2f}x smaller zipped"]
    lost = row.loss
    parts.append("loss not known" if lost is None else _points(lost))
    return f"{', '.join(parts)}, against {row.baseline.name}"


def _points(lost: float) -> str:
    return f"{abs(lost) * 100:.2f} points {'lost' if lost >= 0 else 'gained'}"
