"""``bench recommend``: which variant of a saved run to ship."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import FAILED, GOOD, _quantities

if TYPE_CHECKING:
    from bench.report.recommend import Aim, Recommendation

DESCRIPTION = (
    "Recommend a variant for each target. A limit holds only where it holds for certain; of "
    "variants that cannot be told apart the smallest is recommended. Exit 3 where none fits."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench recommend``."""

    file: Path
    by: Aim = "latency"
    max_loss: float | None = None
    max_size: int | None = None
    max_zipped: int | None = None
    max_median: float | None = None
    max_p99: float | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="what bench run saved")
    parser.add_argument(
        "--by",
        choices=["latency", "size", "zipped"],
        help="what is to be best (default: latency)",
    )
    for flag, kind, example, text in (
        (
            "--max-loss",
            _quantities.percent,
            "1%",
            "points of accuracy that may be lost (default: 1%%)",
        ),
        ("--max-size", _quantities.size_bytes, "200kB", "of the file"),
        ("--max-zipped", _quantities.size_bytes, "100kB", "of the file zipped"),
        ("--max-median", _quantities.microseconds, "5ms", "of the median"),
        ("--max-p99", _quantities.microseconds, "10ms", "of the P99"),
    ):
        parser.add_argument(flag, type=kind, metavar=example, help=text)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench recommend``: exit 3 where no variant keeps to the limits."""
    from bench.records import read
    from bench.report import assemble
    from bench.report.recommend import Requirements, recommendations
    from bench.report.searched import searched

    report = assemble(read(asked.file))
    limits = Requirements(
        loss=asked.max_loss,
        size_bytes=asked.max_size,
        zipped_bytes=asked.max_zipped,
        median_us=asked.max_median,
        p99_us=asked.max_p99,
    )
    if (search := searched(report)) is not None:
        print(f"the search, on validation samples: {search.line()}")
        print("chosen anew, on test samples, which flatters the choice:\n")
    found = recommendations(report, limits, asked.by)
    print("\n\n".join(_words(each) for each in found))
    return GOOD if all(each.chosen is not None for each in found) else FAILED


def _words(found: Recommendation) -> str:
    from bench.report.recommend import merits

    lines = [f"on {found.environment.label}: {found.line()}"]
    if found.chosen is not None:
        lines.append(f"  {merits(found.chosen)}")
        if found.chosen.variant.setting is not None:
            told = found.chosen.in_app
            lines.append(f"  benchmark_model {told.flags}")
            for language, code in (("Kotlin", told.kotlin), ("C++", told.cpp)):
                lines += [f"  {language}:", *(f"    {line}" for line in code.splitlines())]
    if found.loss_limit:
        lines.append(f"  limit: {found.loss_limit}")
    if found.equals:
        names = ", ".join(row.variant.name for row in found.equals)
        lines.append(f"  no clear difference to: {names}")
    lines += [f"  not {row.variant.name}: {reason}" for row, reason in found.rejected]
    return "\n".join(lines)
