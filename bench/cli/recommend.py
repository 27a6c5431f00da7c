"""``bench recommend``: which variant of a saved run to ship."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import FAILED, GOOD
from bench.records import read
from bench.report import assemble
from bench.report.recommend import Limits, Recommendation, merits, recommendations


def recommend(asked: argparse.Namespace) -> int:
    """Carry out ``bench recommend``: exit 3 where no variant keeps to the limits."""
    report = assemble(read(Path(asked.file)))
    limits = Limits(
        loss=asked.max_loss,
        size_bytes=asked.max_size,
        zipped_bytes=asked.max_zipped,
        median_us=asked.max_median,
        p99_us=asked.max_p99,
    )
    found = recommendations(report, limits, asked.by)
    print("\n\n".join(_words(each) for each in found))
    return GOOD if all(each.chosen is not None for each in found) else FAILED


def _words(found: Recommendation) -> str:
    if found.chosen is None:
        lines = [f"on {found.environment.label}: no variant keeps to these limits"]
    else:
        lines = [
            f"on {found.environment.label}: ship {found.chosen.variant.name}",
            f"  {merits(found.chosen)}",
        ]
    if found.loss_limit:
        lines.append(f"  limit: {found.loss_limit}")
    if found.equals:
        names = ", ".join(row.variant.name for row in found.equals)
        lines.append(f"  no clear difference to: {names}")
    lines += [f"  not {row.variant.name}: {reason}" for row, reason in found.rejected]
    return "\n".join(lines)
