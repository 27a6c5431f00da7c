"""``bench build``: build variants without measuring them."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from bench.cli import FAILED, GOOD, _shared
from bench.values import Failure, Plan, Variant

DESCRIPTION = "Build variants without measuring them."


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.RecipeArguments):
    """What can be typed behind ``bench build``."""

    model: str
    signature: str | None = None
    output: Path | None = None
    quiet: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    what = parser.add_argument_group("model and recipes")
    what.add_argument("model", metavar="MODEL", help=_shared.MODEL_HELP)
    _shared.add_recipe_arguments(what)
    what.add_argument("--signature", help=_shared.SIGNATURE_HELP)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="copy the .tflite files there (default: list them)",
    )
    _shared.add_quiet(output)


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench build``."""
    from bench import recipes, writable
    from bench.cli import _show
    from bench.observers.terminal import Terminal
    from bench.pipeline import prepare

    chosen = recipes.parse_all(asked.recipe)
    if asked.output is not None:
        writable.require_folder(asked.output, "give another -o FOLDER")
    plan = Plan(seed=asked.seed, signature=asked.signature)
    with (
        Terminal(quiet=asked.quiet) as observer,
        writable.scratch_folder() as scratch,
    ):
        source = prepare.load(asked.model, asked.data, scratch, asked.custom_objects)
        prepare.check_recipes(source, chosen)
        built = list(prepare.build_each(source, chosen, plan, observer))
    failures = [each for each in built if isinstance(each, Failure)]
    _show.rows([_row(each, asked.output) for each in built if isinstance(each, Variant)])
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(f"{failure.message}: {failure.hint}", []).append(failure.variant)
    for reason, names in reasons.items():
        print(f"failed: {', '.join(names)}: {reason}")
    return FAILED if failures else GOOD


def _row(variant: Variant, folder: Path | None) -> dict[str, str]:
    from bench import cache
    from bench.text import size

    path = variant.path
    if folder is not None:
        path = folder / f"{file_name(variant.name)}.tflite"
        path.parent.mkdir(parents=True, exist_ok=True)
        cache.write(path, variant.path.read_bytes())
    return {
        "variant": variant.name,
        "size": size(variant.size_bytes),
        "zipped": size(variant.zipped_bytes),
        "file": str(path),
    }


def file_name(recipe: str) -> str:
    """``prune:0.8+quantize:int8`` as ``prune-0.8+quantize-int8``."""
    return re.sub(r"[^\w.+=!,-]", "-", recipe)
