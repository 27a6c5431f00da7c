"""What can be asked, in words that the help shows. Imports nothing that takes time."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from bench.cli import quantities
from bench.values import Plan

MODEL_HELP = "a name (see: bench models), a .keras, .h5 or .tflite file, or a SavedModel folder"
DATA_HELP = (
    "FILE.npz or package.module:function with the arrays x_test, y_test, x_train, y_train, "
    "x_calibration (as many as there are)"
)
_DEFAULT = Plan()


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="bench",
        description="Which optimised variant of my TFLite model should I ship, on this phone, "
        "and how sure are we?",
        epilog="bench COMMAND --help tells more about each.",
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_build(commands)
    _add_report(commands)
    _add_recommend(commands)
    _add_compare(commands)
    _add_history(commands)
    _add_phone(commands)
    _add_lists(commands)
    return top


def _command(
    commands: Any, name: str, module: str, summary: str, description: str = ""
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description or f"{summary[0].upper()}{summary[1:]}."
    )
    command.set_defaults(module=module, function=name)
    return command


def _add_run(commands: Any) -> None:
    run = _command(
        commands,
        "run",
        "run",
        "build variants, measure them, show the table",
        "Build variants of a model, measure each on every target, and show them side by side. "
        "Every launch is saved at once; the same command goes on where it was interrupted.",
    )
    run.add_argument(
        "models", nargs="+", metavar="MODEL", help=MODEL_HELP + "; several .tflite are compared"
    )
    _add_recipe_options(run)
    where = run.add_argument_group("where")
    where.add_argument(
        "-t",
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="local, adb (all phones) or adb:SERIAL; may be repeated "
        "(default: phones if any is ready, else local)",
    )
    add_target_options(where)
    how = run.add_argument_group("how")
    _number(how, "--launches", int, _DEFAULT.launches, "processes per variant and target", 1)
    how.add_argument(
        "--until",
        type=quantities.reachable,
        metavar="2%",
        help="launch until each median is known to within this share (95 %% sure), not a fixed "
        "number of times; --launches are made at least",
    )
    _number(how, "--max-launches", int, None, "with --until: at most (default: 100)", 1)
    _number(how, "--runs", int, _DEFAULT.runs, "measured inferences per launch", 1)
    _number(how, "--warmup-runs", int, _DEFAULT.warmup_runs, "inferences before them, at least", 1)
    _number(how, "--warmup-s", float, _DEFAULT.warmup_s, "seconds before them, at least", 0)
    _number(how, "--threads", int, _DEFAULT.threads, "threads of the interpreter", 1)
    _number(how, "--retries", int, _DEFAULT.retries, "further tries of a broken launch", 0)
    _number(how, "--timeout", float, _DEFAULT.timeout_s, "seconds that a launch may take", 1)
    how.add_argument(
        "--input-shape",
        action="append",
        default=[],
        metavar="NAME=1,224,224,3",
        help="shape of an input with dynamic dimensions; may be repeated",
    )
    how.add_argument(
        "--input-range",
        action="append",
        default=[],
        metavar="NAME=LOW,HIGH",
        help="bounds of a random input, such as indices into a small table; may be repeated",
    )
    how.add_argument(
        "--real-inputs", action="store_true", help="feed a test sample, not random values (local)"
    )
    how.add_argument("--signature", help="key of the signature to run (default: the first)")
    how.add_argument("--affinity", help="CPUs that a launch is bound to: 0,2-3 or 0xf0")
    how.add_argument(
        "--delegate",
        choices=["xnnpack", "gpu", "nnapi", "hexagon", "npu", "none"],
        help="what must run the model (default: whatever the runtime takes by itself)",
    )
    how.add_argument(
        "--tool-arg",
        action="append",
        default=[],
        metavar="ARG",
        help="a further argument for benchmark_model (--tool-arg=--flag=value), none that --runs, "
        "--warmup-runs, --warmup-s, --threads, --timeout, --delegate, --input-shape, --input-range, "
        "--signature or --profile sets; may be repeated",
    )
    how.add_argument("--profile", action="store_true", help="also show the ops that take the time")
    saved = run.add_argument_group("what becomes of it")
    saved.add_argument(
        "--report", metavar="FILE.jsonl", help="where launches are saved (default: reports/…)"
    )
    saved.add_argument("--fresh", action="store_true", help="do not go on with an unfinished run")
    _add_output_options(saved)


def _add_build(commands: Any) -> None:
    build = _command(commands, "build", "build", "build variants without measuring them")
    build.add_argument("models", nargs=1, metavar="MODEL", help=MODEL_HELP)
    _add_recipe_options(build)
    build.add_argument(
        "-o", "--output", metavar="FOLDER", help="copy the .tflite files there (default: list them)"
    )
    build.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _add_report(commands: Any) -> None:
    report = _command(commands, "report", "report", "show a saved run again, in any format")
    report.add_argument("file", metavar="FILE.jsonl", help="what bench run saved")
    _add_output_options(report)


def _add_compare(commands: Any) -> None:
    compare = _command(
        commands,
        "compare",
        "compare",
        "what changed between two saved runs",
        "Compare two saved runs, variant by variant. Exit 1 only where a regression beyond a "
        "given limit is certain.",
    )
    compare.add_argument("old", metavar="OLD.jsonl", help="what bench run saved before")
    compare.add_argument("new", metavar="NEW.jsonl", help="what it saved now")
    compare.add_argument(
        "--fail-above",
        type=quantities.percent,
        metavar="5%",
        help="fail where a median has certainly grown by more",
    )
    compare.add_argument(
        "--fail-size",
        type=quantities.percent,
        metavar="5%",
        help="fail where a file has grown by more",
    )
    compare.add_argument(
        "--fail-accuracy",
        type=quantities.percent,
        metavar="1%",
        help="fail where more points of accuracy are lost",
    )
    compare.add_argument(
        "--across", action="store_true", help="compare though the environments differ"
    )


def _add_history(commands: Any) -> None:
    history = _command(
        commands,
        "history",
        "history",
        "one model over all its saved runs, with what changed",
        "Show median, p99, size and accuracy of a model over all its saved runs, and where they "
        "changed. Figures of different phones or settings are never joined.",
    )
    history.add_argument("model", metavar="MODEL", help="the name or file that bench run was given")
    history.add_argument(
        "--reports",
        default="reports",
        metavar="FOLDER",
        help="where to look (default: reports)",
    )
    history.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="also write it there; the suffix picks the format: .png, .svg, .txt, .md, .csv; "
        "may be repeated",
    )


def _add_recommend(commands: Any) -> None:
    recommend = _command(
        commands,
        "recommend",
        "recommend",
        "which variant of a saved run to ship, within limits",
        "Recommend a variant for each target. A limit holds only where it holds for certain; of "
        "variants that cannot be told apart the smallest is recommended. Exit 3 where none fits.",
    )
    recommend.add_argument("file", metavar="FILE.jsonl", help="what bench run saved")
    recommend.add_argument(
        "--by",
        choices=["latency", "size", "zipped"],
        default="latency",
        help="what is to be best (default: latency)",
    )
    recommend.add_argument(
        "--max-loss",
        type=quantities.percent,
        metavar="1%",
        help="points of accuracy that may be lost",
    )
    recommend.add_argument(
        "--max-size", type=quantities.size_bytes, metavar="200kB", help="of the file"
    )
    recommend.add_argument(
        "--max-zipped", type=quantities.size_bytes, metavar="100kB", help="of the file zipped"
    )
    recommend.add_argument(
        "--max-median", type=quantities.microseconds, metavar="5ms", help="of the median"
    )
    recommend.add_argument(
        "--max-p99", type=quantities.microseconds, metavar="10ms", help="of the P99"
    )


def _add_lists(commands: Any) -> None:
    targets = _command(commands, "targets", "lists", "what launches can run on, and the cures")
    add_target_options(targets)
    _command(commands, "techniques", "lists", "what recipes can be made of")
    _command(commands, "models", "lists", "the models that come along")
    inspect = _command(commands, "inspect", "lists", "what is in a .tflite file")
    inspect.add_argument("model", metavar="FILE.tflite", help="any .tflite file")
    inspect.add_argument("--json", action="store_true", help="all facts, as JSON")


def _add_phone(commands: Any) -> None:
    parse = _command(
        commands,
        "parse",
        "parse",
        "what a benchmark_model log says",
        "Read the output of TFLite's benchmark_model, of any version: one JSON line per run, with "
        "its figures or with the class of its error. Exit 3 where there is an error.",
    )
    parse.add_argument("logs", nargs="+", metavar="LOG", help="a file, or - for standard input")
    parse.add_argument(
        "--exit-code", type=int, metavar="N", help="the tool's exit code, where it is known"
    )
    doctor = _command(
        commands,
        "doctor",
        "device",
        "adb, the phones, benchmark_model: what is wrong, and the cure",
        "Look at all that measuring on a phone needs, and name the cure for each fault. "
        "Exit 3 where there is one.",
    )
    add_target_options(doctor)
    doctor.add_argument(
        "--fetch",
        nargs="?",
        const="",
        metavar="VERSION",
        help="get benchmark_model for each phone's ABI from its published address: "
        "tflite-nightly (default), litert-latest or litert-X.Y.Z",
    )
    doctor.add_argument(
        "--abi", action="append", default=[], help="fetch for this ABI, without a phone"
    )
    clean = _command(
        commands,
        "clean",
        "device",
        "remove from phones what we pushed",
        "Remove our folder from phones, and nothing else.",
    )
    clean.add_argument(
        "-t",
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="adb (all phones, the default) or adb:SERIAL; may be repeated",
    )
    add_target_options(clean)


def _add_recipe_options(command: argparse.ArgumentParser) -> None:
    what = command.add_argument_group("what")
    what.add_argument(
        "-r",
        "--recipe",
        action="append",
        default=[],
        metavar="RECIPE",
        help="technique[:argument][,option=value] joined by +, such as prune:0.8+quantize:int8; "
        "may be repeated (default: float32 and all of quantize:)",
    )
    what.add_argument("--data", metavar="DATA", help=DATA_HELP)
    _number(what, "--seed", int, _DEFAULT.seed, "of everything random", 0)


def add_target_options(command: Any) -> None:
    """Settings that the kinds of targets understand; see their modules' docstrings."""
    command.add_argument(
        "--adb-server",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="an adb server on another machine; may be repeated, for phones of several",
    )
    command.add_argument(
        "--benchmark-model", metavar="PATH", help="the TFLite benchmark_model for the phone's ABI"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a further setting of the target; may be repeated",
    )


def _add_output_options(group: Any) -> None:
    group.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="FILE",
        help="also write the report there; the suffix picks the format: .txt, .md, .csv, .json; "
        "- is standard output in Markdown; may be repeated",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="no progress, only the table")


def _number(
    group: Any,
    flag: str,
    kind: Callable[[str], float],
    default: float | None,
    text: str,
    least: float,
) -> None:
    def read(value: str) -> float:
        try:
            number = kind(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
        if not least <= number < float("inf"):
            raise argparse.ArgumentTypeError(f"{value} is too small or large: at least {least}")
        return number

    if default is not None:
        text = f"{text} (default: {default:g})"
    group.add_argument(flag, type=read, default=default, metavar="N", help=text)


class _Version(argparse.Action):
    """Looks the version up only when asked: reading package metadata takes time."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from bench.workers import version

        print(f"tflite-bench {version('tflite-bench') or 'from a checkout'}")
        parser.exit()
