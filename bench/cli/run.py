"""``bench run``: build, evaluate, measure, save, show."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from bench import accuracy, build, cache, data, plugins, recipes, schedule, workers
from bench.cli import options, show, where
from bench.cli.progress import Show
from bench.cli.tally import Tally
from bench.errors import BuildError, StoreError, UsageError
from bench.inputs import launches
from bench.measure import Work, measure
from bench.records import End, Session, Writer, new_path, read, unfinished
from bench.sources import load_data, resolve
from bench.stats.summary import can_give_p99
from bench.targets import Target
from bench.values import (
    Accuracy,
    Environment,
    Failure,
    Launch,
    Model,
    Plan,
    Recipe,
    ReportWarning,
    Variant,
)

REPORTS = Path("reports")


@dataclass(frozen=True)
class Sources:
    """What was built, of what, and what could not be built."""

    model: Model
    data: data.Data | None
    variants: tuple[Variant, ...]
    failures: tuple[Failure, ...]
    missing: str
    """Why there will be no accuracy; empty where there will be."""
    noticed: tuple[ReportWarning, ...] = ()
    """What the samples tell before anything is measured."""


def run(asked: argparse.Namespace) -> int:
    """Carry out ``bench run``."""
    plan = options.plan(asked)
    wanted = options.outputs(asked)
    settings = options.target_options(asked)
    addresses = where.chosen(asked.target, settings)
    with (
        Show(quiet=asked.quiet) as progress,
        tempfile.TemporaryDirectory(prefix="tflite-bench-") as scratch,
    ):
        settings["samples"] = str(Path(scratch) / "samples.npz")
        # Before anything is built: a wrong target is told at once.
        targets = _targets(addresses, plan, settings)
        sources = _sources(asked, plan, progress)
        # Before a file is begun: samples that do not fit leave nothing behind.
        evaluated = _evaluate(sources, plan, progress)
        launches.write_sample(Path(settings["samples"]), sources.data, sources.variants)
        session = _session(asked, plan, sources, targets)
        path = _path(asked, session)
        with Writer(path, session) as writer:
            _announce(asked, sources, addresses)
            _say_if_no_p99(plan, targets)
            try:
                _measure(writer, (*sources.failures, *evaluated), targets, progress)
            except KeyboardInterrupt:
                _say_kept(path)
                raise
    return show.report(path, wanted, quiet=asked.quiet)


def _sources(asked: argparse.Namespace, plan: Plan, progress: Show) -> Sources:
    """Build what is to be measured, or take ready files as they are."""
    paths = options.tflite_paths(asked.models)
    if paths is not None:
        return _ready(asked, plan, paths)
    chosen = recipes.parse_all(asked.recipe)
    source = resolve(asked.models[0])
    samples = load_data(source, asked.data)
    fitted = samples

    def check(first: Variant) -> None:
        # Before the others are built: what this one cannot be fed would fail with all of them.
        nonlocal fitted
        fed = launches.prepare([first], plan, samples)
        fitted = fed.data
        for warning in fed.warnings:
            progress.say(f"warning: {warning.message}: {warning.hint}")

    variants, failures = build_all(source, chosen, samples, asked, progress, check)
    if not variants:
        first = failures[0]
        raise BuildError(f"no variant could be built ({first.message})", hint=first.hint)
    return _fed(source, variants, failures, plan, fitted)


def _ready(asked: argparse.Namespace, plan: Plan, paths: Sequence[Path]) -> Sources:
    if asked.recipe:
        raise UsageError(
            f"{paths[0]} is a ready .tflite, and recipes need the source model",
            hint="give the .keras, .h5 or SavedModel it was made from, or leave -r out",
        )
    variants = build.ready(paths)
    name = "+".join(path.stem for path in paths)
    source = Model(name, "tflite", " ".join(map(str, paths)), cache.hash_files(paths))
    samples = data.load(asked.data) if asked.data else None
    return _fed(source, variants, (), plan, samples)


def _fed(
    model: Model,
    variants: Sequence[Variant],
    failures: tuple[Failure, ...],
    plan: Plan,
    samples: data.Data | None,
) -> Sources:
    """The sources with what their launches are fed."""
    fed = launches.prepare(variants, plan, samples)
    missing = _why_no_accuracy(model, fed.data)
    return Sources(model, fed.data, fed.variants, failures, missing, fed.warnings)


def build_all(
    source: Model,
    chosen: Sequence[Recipe],
    samples: data.Data | None,
    asked: argparse.Namespace,
    progress: Show,
    check: Callable[[Variant], object] = lambda first: None,
) -> tuple[tuple[Variant, ...], tuple[Failure, ...]]:
    """Build each recipe and show how it goes; ``check`` is told the first variant at once."""
    variants: list[Variant] = []
    failures: list[Failure] = []
    built = build.build(
        source,
        chosen,
        samples,
        data_source=asked.data,
        seed=asked.seed,
        progress=progress.step,
        signature=asked.signature,
    )
    for outcome in built:
        progress.finish()
        if isinstance(outcome, Failure):
            failures.append(outcome)
            progress.say(f"{outcome.variant} failed: {outcome.message}: {outcome.hint}")
        else:
            if not variants:
                check(outcome.variant)
            variants.append(outcome.variant)
    return tuple(variants), tuple(failures)


def _why_no_accuracy(source: Model, samples: data.Data | None) -> str:
    if samples is not None and samples.test is not None:
        return ""
    if source.kind == "named":
        return str(getattr(plugins.load("models", source.source), "NO_ACCURACY", "")) or "no data"
    return "no test samples were given"


def _targets(
    addresses: Sequence[where.Address], plan: Plan, settings: dict[str, str]
) -> list[Target]:
    opened: dict[str, Target] = {}
    for kind, address in addresses:
        target = plugins.load("targets", kind).open(address, plan, settings)
        opened[target.id] = target
    return list(opened.values())


def _announce(
    asked: argparse.Namespace, sources: Sources, addresses: Sequence[where.Address]
) -> None:
    """Tell what the user did not ask for and will get."""
    if sources.model.kind == "tflite" and not asked.quiet:
        print("measured as it is: recipes need the source model", file=sys.stderr)
    if not asked.target and where.LOCAL in addresses:
        print(
            "NO PHONE is attached: measuring on this machine's LiteRT interpreter, whose figures "
            "say little about a phone (see: bench targets)",
            file=sys.stderr,
        )


def _say_if_no_p99(plan: Plan, targets: Sequence[Target]) -> None:
    """Say before anything is measured what the plan will not give."""
    for local in sorted({target.id == "local" for target in targets}):
        missing = can_give_p99(schedule.least_launches(plan), plan.runs, samples=local)
        if missing is not None:
            print(f"this plan gives no P99: {missing.reason}", file=sys.stderr)


def _session(
    asked: argparse.Namespace, plan: Plan, sources: Sources, targets: Sequence[Target]
) -> Session:
    samples = sources.data
    about_data = {"missing": sources.missing} if sources.missing else {}
    if samples is not None:
        about_data |= {"source": samples.source, "sha256": samples.sha256}
    return Session(
        model=sources.model,
        plan=plan,
        variants=tuple(
            replace(variant, path=variant.path.absolute()) for variant in sources.variants
        ),
        targets=tuple(target.id for target in targets),
        data=about_data,
        warnings=sources.noticed,
        command=tuple(sys.argv[1:]),
        version=workers.version("tflite-bench") or "",
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def _path(asked: argparse.Namespace, session: Session) -> Path:
    """Where launches are saved: the file named, an unfinished one of this session, or a new one."""
    if asked.report:
        return Path(asked.report)
    if not asked.fresh and (found := unfinished(REPORTS, session)):
        print(f"going on with {found} (--fresh would start anew)", file=sys.stderr)
        return found
    return new_path(REPORTS, session.model.name)


def _measure(
    writer: Writer,
    known: Sequence[Accuracy | Failure],
    targets: Sequence[Target],
    progress: Show,
) -> None:
    """Launch all that the file does not hold yet, each outcome saved at once.

    Args:
        known: what was evaluated, and what could not be built or evaluated: saved first.
    """
    records = read(writer.path)
    for item in known:
        if item not in (*records.accuracies, *records.failures):
            writer.append(item)
    begin = time.perf_counter()
    launches_s = 0.0
    left = False  # whether a target was left before all its cells were tried: to be gone on with
    work = Work(records.session.variants, records.session.plan, records.launches)
    tally = Tally(records)
    for outcome in measure(targets, work, lambda target, words: progress.note(_bar(target), words)):
        writer.append(outcome)
        if isinstance(outcome, Launch):
            # What a phone's tool took is told apart from the way there and back.
            launches_s += outcome.facts.get("tool_s", outcome.wall_s)
            tally.add(outcome)
        if isinstance(outcome, (Environment, Launch)):
            tally.show(outcome.target, _bar(outcome.target), progress)
        if isinstance(outcome, Failure) and outcome.block is None:
            left = True
    if left:
        return
    wall_s = time.perf_counter() - begin
    # Targets are measured side by side: one second of the wall's is one second of each of theirs.
    writer.append(End(wall_s=wall_s, launches_s=launches_s / len(targets)))


def _bar(target: str) -> str:
    return f"measuring {target}"


def _evaluate(sources: Sources, plan: Plan, progress: Show) -> list[Accuracy | Failure]:
    """Accuracy or agreement of each variant, where there are samples."""
    samples = sources.data
    if samples is None or samples.test is None:
        return []
    evaluated = []
    for outcome in accuracy.evaluate(
        sources.variants, samples, signature=plan.signature, progress=progress.step
    ):
        progress.finish()
        evaluated.append(outcome)
    return evaluated


def _say_kept(path: Path) -> None:
    with contextlib.suppress(StoreError):
        count = len(read(path).launches)
        print(
            f"\ninterrupted: {count} launches are kept in {path}; the same command goes on",
            file=sys.stderr,
        )
