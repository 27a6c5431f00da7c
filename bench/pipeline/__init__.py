"""From a model to a report in one call: build, evaluate, launch, save, put side by side.

This is what the command line, the pytest fixture and a notebook call. It prints nothing, and raises
errors of ``bench.errors`` alone. Its stages can be taken one by one, as a search does:

================================  ================================================================
:mod:`bench.pipeline.choose`      which targets a user means
:mod:`bench.pipeline.prepare`     model and samples; recipes to variants; their accuracy
:mod:`bench.pipeline.launches`    launches into a report file, from where it stopped
================================  ================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import cells, schedule, workers, writable
from bench.answers import Examiner
from bench.errors import DataError
from bench.inputs.launches import write_sample
from bench.metrics import Wanted, read_wanted
from bench.observers import SILENT, Observer
from bench.pipeline import choose, launches, prepare
from bench.pipeline.choose import Targets
from bench.pipeline.prepare import Prepared
from bench.recipes import Recipes, parse_all
from bench.records import Session, Writer, new_path, read, unfinished
from bench.records.appended import INSTEAD
from bench.records.search import Search
from bench.report import Report, assemble
from bench.stats.summary import can_give_p99
from bench.targets import Target
from bench.text import count, duration
from bench.values import Plan, ReportWarning, utc_now

NO_PHONE = (
    "NO PHONE is attached: measuring on this machine's LiteRT interpreter, whose figures say "
    "little about a phone (see: bench targets)"
)
REPORTS = Path("reports")
"""Where reports are saved if no file is named, in the current folder."""


def run(
    model: Any,
    recipes: Recipes = (),
    data: Any = None,
    targets: Targets = (),
    *,
    plan: Plan | None = None,
    target_options: Mapping[str, str] | None = None,
    report: str | Path | None = None,
    fresh: bool = False,
    custom_objects: str | None = None,
    with_float32: bool = True,
    with_accuracy: bool = True,
    metrics: Sequence[str] = (),
    observer: Observer = SILENT,
    command: Sequence[str] = (),
    warnings: Sequence[ReportWarning] = (),
    search: Search | None = None,
) -> Report:
    """Build variants of a model, measure each on every target, and put them side by side.

    Every launch is saved at once. Called again with the same arguments it goes on where it was
    interrupted: what is built is in the cache, what was launched in the report file.

    Args:
        model: a name (see ``bench models``), the path of a .keras, .h5 or .tflite file or of a
            SavedModel folder, several .tflite paths, or a Keras 3 or tf_keras model in memory.
        recipes: texts such as ``prune:0.8+quantize:int8``, or a mapping of names to them; none is
            every ``quantize:`` of the converter's; of a .tflite, which takes those of the
            quantizer, the file as it is. ``float32`` is added as the first.
        data: samples: the path of an .npz, ``package.module:function``, a folder of pictures, a
            mapping of arrays (``x_test``, ``y_test``, ``x_train``, …), a pair of arrays or a
            ``tf.data.Dataset``; see :mod:`bench.data.loaders`. None is the model's own, if any.
        targets: texts such as ``local`` or ``adb:SERIAL``, or targets made by hand; none is every
            phone that is ready, else this machine.
        plan: how to launch; None is ``Plan()``.
        target_options: by name, as the targets' modules describe them.
        report: the .jsonl that launches are saved in; None is one in ``reports/``, and an
            unfinished one of the same work is gone on with.
        fresh: do not go on with an unfinished one.
        custom_objects: a module with the user's own layers, which the building process runs.
        with_float32: False leaves the baseline out; the first recipe stands for it.
        with_accuracy: False measures latency and size alone.
        metrics: names of metrics, or ``module:function``, each for all outputs or after
            ``OUTPUT=`` for one; the first of an output decides. None is what the labels ask for,
            see :mod:`bench.metrics`.
        observer: told what is going on.
        command: kept in the report as what was asked for.
        warnings: kept in the report besides its own: what the reader should know of the recipes.
        search: kept in the report: what chose the recipes, where a search did.

    Returns:
        The report of all that is in the file. Cells that failed are in its ``failures``.

    Raises:
        UsageError: (or a kind of it) the call cannot be carried out as it is.
        BuildError: not one variant could be built.
        KeyboardInterrupt: what was launched is kept.
    """
    plan = cells.normalised(plan or Plan())
    wanted = read_wanted(metrics)
    with writable.scratch_folder() as scratch:
        options = dict(target_options or {})
        options["samples"] = str(scratch / "samples.npz")
        # Before anything is built: a wrong target is told at once.
        opened = choose.open_targets(targets, plan, options)
        chosen = parse_all(recipes, with_float32=with_float32)
        if report is None:
            writable.require_folder(REPORTS, INSTEAD)
        else:
            writable.require(Path(report), INSTEAD)
        source = prepare.load(model, data, scratch, custom_objects)
        if source.files and not recipes:
            prepared = prepare.take_files(source, plan)
        else:
            prepare.check_recipes(source, chosen)
            prepared = prepare.build_variants(source, chosen, plan, observer)
        # Before a file is begun: samples that do not fit leave nothing behind.
        evaluated = prepare.evaluate(prepared, plan, observer, wanted) if with_accuracy else ()
        ask = _examiner(prepared, plan, wanted) if with_accuracy else None
        write_sample(Path(options["samples"]), prepared.data, prepared.variants)
        session = _session(prepared, plan, opened, command, metrics)
        session = replace(session, warnings=(*warnings, *session.warnings))
        path = _path(report, session, observer, fresh=fresh)
        with Writer(path, session, observer.warn) as writer:
            if search is not None:
                writer.append(search)
            _inform(observer, prepared, plan, opened, is_fallback=not targets)
            known = (*prepared.failures, *evaluated)
            launches.launch_all(writer, known, opened, observer, ask)
    return assemble(read(writer.path))


def _examiner(prepared: Prepared, plan: Plan, wanted: Wanted) -> Examiner | None:
    """What asks phones for their answers; None where there is nothing to ask.

    Raises:
        DataError: samples were asked for, and there are none.
    """
    if prepared.data is None or prepared.data.test is None:
        if plan.phone_samples:
            raise DataError("--phone-samples without test samples", hint="give --data with x_test")
        return None
    return Examiner(prepared.data, prepared.variants[0], plan, wanted)


def _session(
    prepared: Prepared,
    plan: Plan,
    targets: Sequence[Target],
    command: Sequence[str],
    metrics: Sequence[str],
) -> Session:
    about_data = {"missing": prepared.missing} if prepared.missing else {}
    if prepared.data is not None:
        about_data |= {"source": prepared.data.source, "sha256": prepared.data.sha256}
    if metrics:
        about_data["metrics"] = " ".join(metrics)
    return Session(
        model=prepared.model,
        plan=plan,
        variants=tuple(
            replace(variant, path=variant.path.absolute())
            for variant in cells.expand(prepared.variants, plan)
        ),
        targets=tuple(target.id for target in targets),
        data=about_data,
        warnings=prepared.warnings,
        command=tuple(command),
        version=workers.version("tflite-bench") or "",
        started_at=utc_now(),
    )


def _inform(
    observer: Observer,
    prepared: Prepared,
    plan: Plan,
    targets: Sequence[Target],
    *,
    is_fallback: bool,
) -> None:
    """Say what the user did not ask for and will get, and what the plan will not give."""
    if prepared.model.kind == "tflite" and not any(each.recipe for each in prepared.variants):
        observer.inform("measured as it is: recipes that train need the source model")
    if is_fallback and any(target.id == "local" for target in targets):
        observer.inform(NO_PHONE)
    if plan.settings:
        observer.inform(_amount(len(prepared.variants), plan, len(targets)))
    if plan.warm_starts:
        number = plan.warm_starts * len(prepared.variants) * len(cells.settings_of(plan))
        observer.inform(
            f"then up to {count(number, 'pair')} of cold and warm starts"
            + ("" if len(targets) == 1 else f" on each of {len(targets)} targets")
        )
    for local in sorted({target.id == "local" for target in targets}):
        missing = can_give_p99(schedule.least_launches(plan), plan.runs, samples=local)
        if missing is not None:
            observer.inform(f"this plan gives no P99: {missing.reason}")


def _amount(variants: int, plan: Plan, targets: int) -> str:
    """How many cells and launches there will be, and the least time that they take.

    What a run takes is known only once one was launched, so that the warm-up alone is counted.
    """
    settings = cells.settings_of(plan)
    number = variants * len(settings)
    each = "" if targets == 1 else f" on each of {targets} targets"
    text = (
        f"{number} cells ({count(variants, 'variant')} × {len(settings)} settings: "
        f"{'; '.join(cells.words(setting, settings) for setting in settings)})"
    )
    least = number * schedule.least_launches(plan)
    least_s = least * plan.warmup_s
    if plan.until is not None:
        most = number * schedule.most_launches(plan)
        return (
            f"{text}: {least:,} to {most:,} launches{each}, as --until asks; how long that takes "
            "cannot be known beforehand"
        )
    return (
        f"{text}: {count(least, 'launch', 'launches')}{each}, {duration(least_s)} at least for "
        "warming up; how long all take is told once each cell was launched"
    )


def _path(report: str | Path | None, session: Session, observer: Observer, *, fresh: bool) -> Path:
    """Where launches are saved: the file named, an unfinished one of this session, or a new one."""
    if report is not None:
        return Path(report)
    if not fresh and (found := unfinished(REPORTS, session)):
        observer.inform(f"going on with {found} (--fresh would start anew)")
        return found
    return new_path(REPORTS, session.model.name)
