"""``bench run``: build, evaluate, measure, save, show."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.cli import _quantities, _shared
from bench.errors import UsageError
from bench.values import Plan

DESCRIPTION = (
    "Build variants of a model, measure each on every target, and show them side by side. "
    "Every launch is saved at once; the same command goes on where it was interrupted."
)
_PLAN = Plan()
DELEGATES = ("none", "xnnpack", "gpu", "nnapi", "hexagon", "npu")


@dataclass(frozen=True, kw_only=True)
class Arguments(_shared.RecipeArguments, _shared.TargetArguments, _shared.OutputArguments):
    """What can be typed behind ``bench run``."""

    models: tuple[str, ...]
    metric: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    launches: int = _PLAN.launches
    until: float | None = None
    max_launches: int | None = None
    runs: int = _PLAN.runs
    warmup_runs: int = _PLAN.warmup_runs
    warmup_s: float = _PLAN.warmup_s
    threads: tuple[int, ...] = (_PLAN.threads,)
    retries: int = _PLAN.retries
    warm_starts: int = _PLAN.warm_starts
    timeout: float = _PLAN.timeout_s
    input_shape: tuple[_quantities.Shape, ...] = ()
    input_range: tuple[_quantities.Range, ...] = ()
    real_inputs: bool = False
    phone_samples: int | Literal["all"] | None = None
    signature: str | None = None
    affinity: tuple[str | None, ...] = (None,)
    delegate: tuple[str | None, ...] = (None,)
    tool_arg: tuple[str, ...] = ()
    profile: bool = False
    report: Path | None = None
    fresh: bool = False

    def plan(self) -> Plan:
        """The plan that was typed.

        Raises:
            UsageError: bounds that contradict each other, or a setting named twice.
        """
        from bench.cells import cross

        settings = cross(self.threads, self.delegate, self.affinity)
        return Plan(
            launches=self.launches,
            runs=self.runs,
            warmup_runs=self.warmup_runs,
            warmup_s=self.warmup_s,
            threads=settings[0].threads,
            seed=self.seed,
            retries=self.retries,
            warm_starts=self.warm_starts,
            timeout_s=self.timeout,
            input_shapes=self.input_shape,
            input_ranges=self.input_range,
            real_inputs=self.real_inputs,
            phone_samples=self.phone_samples,
            signature=self.signature,
            delegate=settings[0].delegate,
            affinity=settings[0].affinity,
            tool_args=self.tool_arg,
            profile=self.profile,
            until=self.until,
            max_launches=self._max_launches(),
            settings=settings if len(settings) > 1 else (),
        )

    def _max_launches(self) -> int:
        """A bound that was typed must leave room; the default one makes room."""
        from bench.stats.stopping import MIN_LAUNCHES

        least = max(self.launches, MIN_LAUNCHES)
        if self.max_launches is None:
            return max(_PLAN.max_launches, least) if self.until else _PLAN.max_launches
        if self.until is None:
            raise UsageError(
                "--max-launches without --until", hint="add --until 2%, or use --launches"
            )
        if self.max_launches < least:
            raise UsageError(
                f"--max-launches {self.max_launches} is less than the {least} launches that are "
                "made in any case",
                hint=f"give at least {least}",
            )
        return self.max_launches


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, by what they are about."""
    _add_what(parser.add_argument_group("model and recipes"))
    _add_where(parser.add_argument_group("where"))
    how = parser.add_argument_group("how")
    _add_counts(how)
    _add_inputs(how)
    _add_runtime(how)
    _add_output(parser.add_argument_group("output"))


def carry_out(asked: Arguments) -> int:
    """Carry out ``bench run``."""
    from bench import pipeline
    from bench.cli import _show
    from bench.observers.terminal import Terminal

    plan = asked.plan()
    wanted = _show.outputs(asked.output)
    with Terminal(quiet=asked.quiet) as observer:
        report = pipeline.run(
            asked.models,
            asked.recipe,
            asked.data,
            asked.target,
            plan=plan,
            target_options=asked.options(),
            report=asked.report,
            fresh=asked.fresh,
            custom_objects=asked.custom_objects,
            metrics=asked.metric,
            observer=observer,
            command=sys.argv[1:],
        )
    return _show.show(report, wanted, asked.columns, quiet=asked.quiet)


def _add_what(group: _shared.Group) -> None:
    group.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help=_shared.MODEL_HELP + "; several .tflite are compared",
    )
    _shared.add_recipe_arguments(group)
    group.add_argument(
        "--metric",
        action="append",
        metavar="[OUTPUT=]METRIC",
        help="what outputs are measured by: accuracy, mae, agreement, … or module:function; may be "
        "repeated, the first decides (default: what the labels ask for)",
    )


def _add_where(group: _shared.Group) -> None:
    group.add_argument(
        "-t",
        "--target",
        action="append",
        metavar="TARGET",
        help="local, adb (all phones) or adb:SERIAL; may be repeated "
        "(default: phones if any is ready, else local)",
    )
    _shared.add_target_arguments(group)


def _add_counts(group: _shared.Group) -> None:
    """How often, and for how long."""
    whole, real = _quantities.whole, _quantities.real
    _number(group, "--launches", whole(1), _PLAN.launches, "processes per variant and target")
    group.add_argument(
        "--until",
        type=_quantities.reachable,
        metavar="2%",
        help="launch until each median is known this precisely (95 %% sure), not a fixed number "
        "of times; --launches are made at least",
    )
    group.add_argument(
        "--max-launches",
        type=whole(1),
        metavar="N",
        help=f"with --until: at most (default: {_PLAN.max_launches})",
    )
    _number(group, "--runs", whole(1), _PLAN.runs, "measured inferences per launch")
    _number(group, "--warmup-runs", whole(1), _PLAN.warmup_runs, "inferences before, at least")
    _number(group, "--warmup-s", real(0), _PLAN.warmup_s, "seconds before them, at least")
    _number(group, "--retries", whole(0), _PLAN.retries, "further tries of a broken launch")
    _number(
        group,
        "--warm-starts",
        whole(0),
        _PLAN.warm_starts,
        "pairs of further launches that hold initialisation with an empty cache of the delegate's "
        "against initialisation with a filled one, after all others",
    )
    _number(group, "--timeout", real(1), _PLAN.timeout_s, "seconds that a launch may take")


def _add_inputs(group: _shared.Group) -> None:
    """What launches are fed."""
    group.add_argument(
        "--input-shape",
        type=_quantities.shape,
        action="append",
        metavar="NAME=1,224,224,3",
        help="shape of an input whose file leaves sizes open (default: a sample's); may be "
        "repeated; names: bench inspect",
    )
    group.add_argument(
        "--input-range",
        type=_quantities.bounds,
        action="append",
        metavar="NAME=LOW,HIGH",
        help="bounds of a random input, such as indices into a small table; may be repeated",
    )
    group.add_argument(
        "--real-inputs", action="store_true", help="feed a test sample, not random values"
    )
    group.add_argument(
        "--phone-samples",
        type=_quantities.samples,
        metavar="N|all|no",
        help="test samples that the phone answers with each variant, held against this machine's "
        "answers (default: what takes about 5 s there)",
    )
    group.add_argument("--signature", help=_shared.SIGNATURE_HELP)


def _add_runtime(group: _shared.Group) -> None:
    """What runs the model."""
    several = _quantities.several
    group.add_argument(
        "--threads",
        type=several(_quantities.whole(1)),
        metavar="N[,N…]",
        help="threads of the interpreter; each variant is launched under every combination of "
        f"several threads, delegates and affinities (default: {_PLAN.threads})",
    )
    group.add_argument(
        "--affinity",
        type=several(_quantities.affinity, "/"),
        metavar="CPUS[/CPUS…]",
        help="CPUs that a launch is bound to: 0,2-3, 0xf0, big, little or all",
    )
    group.add_argument(
        "--delegate",
        type=several(_quantities.one_of(*DELEGATES)),
        metavar="NAME[,NAME…]",
        help=f"what must run the model: {', '.join(DELEGATES)} (default: whatever the runtime "
        "takes by itself)",
    )
    group.add_argument(
        "--tool-arg",
        action="append",
        metavar="ARG",
        help="a further argument for benchmark_model (--tool-arg=--flag=value), none that another "
        "flag of ours sets, such as --runs; may be repeated",
    )
    group.add_argument(
        "--profile", action="store_true", help="also show the ops that take the time"
    )


def _add_output(group: _shared.Group) -> None:
    group.add_argument(
        "--report",
        type=Path,
        metavar="FILE.jsonl",
        help="where launches are saved (default: reports/…)",
    )
    group.add_argument("--fresh", action="store_true", help="do not go on with an unfinished run")
    _shared.add_output_arguments(group)


def _number(
    group: _shared.Group, flag: str, kind: _quantities.Number, default: float, text: str
) -> None:
    group.add_argument(flag, type=kind, metavar="N", help=f"{text} (default: {default:g})")
