"""Arguments that several commands take, each group with its frozen value."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.cli import _quantities
from bench.values import Plan, Recipe

MODEL_HELP = "a name (see: bench models), a .keras, .h5 or .tflite file, or a SavedModel folder"
DATA_HELP = (
    "FILE.npz or package.module:function with the arrays x_test, y_test, x_train, y_train, "
    "x_calibration (as many as there are); or a folder of pictures, DIR/CLASS/*.png"
)
SIGNATURE_HELP = "key of the signature to run (default: serving_default, or the only one)"

Group = argparse._ArgumentGroup | argparse.ArgumentParser
"""What flags are added to."""


@dataclass(frozen=True, kw_only=True)
class RecipeArguments:
    """What is built, and of what."""

    recipe: tuple[str | Recipe, ...] = ()
    data: str | None = None
    custom_objects: str | None = None
    seed: int = Plan().seed


def add_recipe_arguments(group: Group) -> None:
    """Add the flags of :class:`RecipeArguments`."""
    group.add_argument(
        "-r",
        "--recipe",
        action="append",
        metavar="RECIPE",
        help="technique[:argument][,option=value] joined by +, such as prune:0.8+quantize:int8; "
        "@FILE.toml is a table of names to recipes; may be repeated (default: float32 and all "
        "of quantize:)",
    )
    group.add_argument("--data", metavar="DATA", help=DATA_HELP)
    group.add_argument(
        "--custom-objects",
        metavar="MODULE",
        help="a Python module with your own layers and functions, importable from the current "
        "folder; the building process runs its code",
    )
    group.add_argument(
        "--seed",
        type=_quantities.whole(0),
        metavar="N",
        help=f"of everything random (default: {RecipeArguments.seed})",
    )


@dataclass(frozen=True, kw_only=True)
class TargetArguments:
    """Options of the kinds of targets; see their modules' docstrings."""

    adb_server: tuple[str, ...] = ()
    benchmark_model: Path | None = None
    set: tuple[tuple[str, str], ...] = ()

    def options(self) -> dict[str, str]:
        """All of them by name, as targets take them; what has a flag of its own goes first."""
        options = dict(self.set)
        if self.adb_server:
            options["adb_server"] = ",".join(self.adb_server)
        if self.benchmark_model is not None:
            options["benchmark_model"] = str(self.benchmark_model)
        return options


def add_target_arguments(group: Group) -> None:
    """Add the flags of :class:`TargetArguments`."""
    group.add_argument(
        "--adb-server",
        action="append",
        metavar="HOST:PORT",
        help="an adb server on another machine; may be repeated, for phones of several",
    )
    group.add_argument(
        "--benchmark-model",
        type=Path,
        metavar="PATH",
        help="the TFLite benchmark_model for the phone's ABI",
    )
    group.add_argument(
        "--set",
        type=_quantities.option,
        action="append",
        metavar="KEY=VALUE",
        help="a further option of the target; may be repeated",
    )


@dataclass(frozen=True, kw_only=True)
class PhoneArguments(TargetArguments):
    """Which phones, for commands that are about nothing else."""

    target: tuple[str, ...] = ("adb",)


def add_phones(group: Group) -> None:
    """Add the flag of :class:`PhoneArguments`; those of its base have a function of their own."""
    group.add_argument(
        "-t",
        "--target",
        action="append",
        metavar="TARGET",
        help="adb (all phones, the default) or adb:SERIAL; may be repeated",
    )


COLUMN_NAMES = (
    *("answers", "phone-accuracy", "agrees", "size", "size-ratio", "zipped", "zipped-ratio"),
    *("int8", "int4", "accuracy", "lost", "launches", "median", "p99", "vs"),
    *("init", "cold-init", "warm-init", "first", "memory"),
)
"""Those of ``bench.report.view``, which takes time to load at each start; a test compares them."""


@dataclass(frozen=True, kw_only=True)
class OutputArguments:
    """Where the report goes besides standard output."""

    output: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    quiet: bool = False


def add_output_arguments(group: Group) -> None:
    """Add the flags of :class:`OutputArguments`."""
    group.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="FILE",
        help="also write the report there; the suffix picks the format: .txt, .md, .csv, .json; "
        "- is standard output in Markdown; may be repeated",
    )
    group.add_argument(
        "--columns",
        type=_quantities.several(_quantities.column),
        metavar="NAME,NAME…",
        help=f"columns of the table, in this order, of: {', '.join(COLUMN_NAMES)}; or all "
        "(default: those that fit; csv and json always hold all)",
    )
    add_quiet(group)


def add_quiet(group: Group) -> None:
    """Add ``-q``."""
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, only the table")
