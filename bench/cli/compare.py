"""``bench compare``: two report files side by side, as a gate where limits are given."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import GOOD, REGRESSION, _quantities
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.report.compare import Change, Tolerances

DESCRIPTION = (
    "Compare two saved runs, variant by variant. Exit 1 only where a regression beyond a given "
    "limit is certain."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench compare``."""

    old: Path
    new: Path
    fail_above: float | None = None
    fail_size: float | None = None
    fail_accuracy: float | None = None
    across: bool = False
    output: tuple[Path, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("old", type=Path, metavar="OLD.jsonl", help="what bench run saved before")
    parser.add_argument("new", type=Path, metavar="NEW.jsonl", help="what it saved now")
    for flag, example, text in (
        ("--fail-above", "5%", "fail where a median has certainly grown by more"),
        ("--fail-size", "5%", "fail where a file has grown by more"),
        ("--fail-accuracy", "1%", "fail where more points of accuracy are certainly lost"),
    ):
        parser.add_argument(flag, type=_quantities.percent, metavar=example, help=text)
    parser.add_argument(
        "--across", action="store_true", help="compare though the environments or models differ"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        metavar="FILE.html",
        help="also write a page there; may be repeated",
    )


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench compare``: exit 1 only where a regression is certain."""
    from bench import cache
    from bench.cli import _show
    from bench.records import read
    from bench.report import compare_page
    from bench.report.compare import Tolerances, changes, left_out

    for path in asked.output:
        _check_output(path)
    old, new = read(asked.old), read(asked.new)
    limits = Tolerances(asked.fail_above, asked.fail_size, asked.fail_accuracy)
    found = changes(old, new, limits, across=asked.across)
    title = f"{new.session.model.name}: {asked.new} against {asked.old}"
    rows = [_row(change, limits) for change in found]
    print(f"{title}\n")
    _show.rows(rows)
    notes = left_out(old, new, across=asked.across)
    if notes:
        print("\n" + "\n".join(notes))
    for path in asked.output:
        cache.write(path, compare_page.render(title, found, rows, limits, notes).encode())
    return REGRESSION if any(change.regressions for change in found) else GOOD


def _check_output(path: Path) -> None:
    """Refused before anything is read."""
    from bench.charts import require
    from bench.cli import _show
    from bench.report import compare_page

    if path.suffix != compare_page.SUFFIX:
        raise UsageError(f"-o {path}: a comparison is written as a page", hint="use .html")
    _show.require_writable(path)
    require()


def _row(change: Change, limits: Tolerances) -> dict[str, str]:
    from bench.report.compare import verdict
    from bench.text import change_text, loss_text

    return {
        "variant": change.variant,
        "target": change.target,
        "median time, new against old": "-" if not change.latency else change_text(change.latency),
        "size": f"{(change.size_ratio - 1) * 100:+.1f} %",
        "accuracy": change.not_compared or ", ".join(map(loss_text, change.losses)),
        "verdict": verdict(change, limits),
    }
