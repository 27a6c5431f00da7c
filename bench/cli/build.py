"""``bench build``: build variants without measuring them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from tabulate import tabulate

from bench import cache, recipes, sources
from bench.cli import FAILED, GOOD
from bench.cli.progress import Show
from bench.cli.run import build_all
from bench.errors import UsageError
from bench.text import size
from bench.values import Variant


def build(asked: argparse.Namespace) -> int:
    """Carry out ``bench build``."""
    chosen = recipes.parse_all(asked.recipe)
    source = sources.resolve(asked.models[0])
    if source.kind == "tflite":
        raise UsageError(
            f"{source.source} is a ready .tflite, and recipes need the source model",
            hint="give the .keras, .h5 or SavedModel it was made from",
        )
    samples = sources.load_data(source, asked.data)
    with Show(quiet=asked.quiet) as progress:
        variants, failures = build_all(source, chosen, samples, asked, progress)
    rows = [_row(variant, asked.output) for variant in variants]
    print(tabulate(rows, headers=["variant", "size", "zipped", "file"], disable_numparse=True))
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(f"{failure.message}: {failure.hint}", []).append(failure.variant)
    for reason, names in reasons.items():
        print(f"failed: {', '.join(names)}: {reason}")
    return FAILED if failures else GOOD


def _row(variant: Variant, folder: str | None) -> tuple[str, str, str, str]:
    path = variant.path
    if folder is not None:
        path = Path(folder) / f"{_file_name(variant.name)}.tflite"
        path.parent.mkdir(parents=True, exist_ok=True)
        cache.write(path, variant.path.read_bytes())
    return variant.name, size(variant.size_bytes), size(variant.zipped_bytes), str(path)


def _file_name(recipe: str) -> str:
    """``prune:0.8+quantize:int8`` as ``prune-0.8+quantize-int8``."""
    return re.sub(r"[^\w.+=!,-]", "-", recipe)
