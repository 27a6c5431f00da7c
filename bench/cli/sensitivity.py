"""``bench sensitivity``: which layers mind being made smaller."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli import GOOD, _quantities, _shared

if TYPE_CHECKING:
    from bench.searching.sensitivity import Sensitivity

DESCRIPTION = (
    "Make one layer at a time smaller (fewer channels, zeros, few values, few bits), train "
    "nothing, and show what the model loses on validation samples. Fine-tuning wins most of it "
    "back: the figures say which layers to spare, not what a variant will lose."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What can be typed behind ``bench sensitivity``."""

    model: str
    data: str | None = None
    samples: int = 500
    seed: int = 0
    custom_objects: str | None = None
    output: tuple[Path, ...] = ()
    quiet: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL", help=_shared.MODEL_HELP)
    parser.add_argument("--data", metavar="DATA", help=_shared.DATA_HELP)
    parser.add_argument(
        "--samples",
        type=_quantities.whole(1),
        metavar="N",
        help=f"validation samples that are looked at, at most (default: {Arguments.samples})",
    )
    parser.add_argument(
        "--seed", type=_quantities.whole(0), metavar="N", help="of their choice (default: 0)"
    )
    parser.add_argument("--custom-objects", metavar="MODULE", help="your own layers, as bench run")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        metavar="FILE",
        help="also write it there; the suffix picks the format: .png, .svg, .txt, .md, .csv, "
        ".json; may be repeated",
    )
    _shared.add_quiet(parser)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench sensitivity``."""
    from bench import cache
    from bench.observers.terminal import Terminal
    from bench.searching.sensitivity import sensitivity

    for path in asked.output:
        _check_output(path)
    with Terminal(quiet=asked.quiet) as observer:
        found = sensitivity(
            asked.model,
            asked.data,
            samples=asked.samples,
            seed=asked.seed,
            custom_objects=asked.custom_objects,
            observer=observer,
        )
    print(found.text(), end="")
    for path in asked.output:
        cache.write(path, _rendered(found, path.suffix))
    return GOOD


def _rendered(found: Sensitivity, suffix: str) -> bytes:
    if suffix in PICTURES:
        import vl_convert

        chart = found.chart().properties(background="#ffffff", padding=16).to_json()
        chart = chart.replace("currentColor", "#1c2024")
        if suffix == ".svg":
            return str(vl_convert.vegalite_to_svg(chart)).encode()
        return bytes(vl_convert.vegalite_to_png(chart, scale=2))
    return str(getattr(found, TEXTS[suffix])()).encode()


def _check_output(path: Path) -> None:
    """See that it can be written, before anything is tried.

    Raises:
        UsageError: no format has that suffix, an extra is missing, or it cannot be written.
    """
    from bench.cli import _show
    from bench.errors import UsageError

    if path.suffix not in (*TEXTS, *PICTURES):
        raise UsageError(
            f"-o {path}: no format has the suffix {path.suffix!r}",
            hint=f"use {', '.join((*TEXTS, *PICTURES))}",
        )
    _show.require_writable(path)
    if path.suffix in PICTURES:
        from bench.charts import require

        require()


TEXTS: Mapping[str, str] = {".txt": "text", ".md": "markdown", ".csv": "csv", ".json": "json"}
PICTURES = (".png", ".svg")
"""Suffixes of what is drawn."""
