"""What is to be measured: a model and its samples, recipes to variants, and their accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import accuracy, build, cache, plugins, sources
from bench.data import Data, loaders
from bench.errors import BuildError, UsageError
from bench.inputs.launches import Fed, feed
from bench.metrics import Wanted
from bench.metrics.values import Accuracy
from bench.observers import Observer
from bench.quantizer.schemes import SCHEMES, wish_of
from bench.text import one_line
from bench.tflite.facts import check_file
from bench.values import Failure, Model, Plan, Recipe, ReportWarning, Variant


@dataclass(frozen=True, eq=False)
class Source:
    """A model and its samples, as given.

    Attributes:
        files: the ready .tflite files that it is; empty for a model to be built from.
        data: as loaded, not yet fitted to the model's inputs.
        data_source: where the building process loads them from for itself.
    """

    model: Model
    files: tuple[Path, ...]
    data: Data | None
    data_source: str | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """What can be launched, and what cannot and why.

    Attributes:
        variants: the baseline first.
        data: fitted to the baseline's inputs.
        missing: why there will be no accuracy; empty where there will be.
        warnings: of samples that look wrong, and of how they were divided.
    """

    model: Model
    data: Data | None
    variants: tuple[Variant, ...]
    failures: tuple[Failure, ...]
    missing: str
    warnings: tuple[ReportWarning, ...] = ()


def load(model: Any, data: Any, scratch: Path, custom_objects: str | None = None) -> Source:
    """Find the model and load its samples.

    Args:
        model, data: as :func:`bench.pipeline.run` takes them.
        scratch: a folder that lives as long as the source: samples in memory are saved there for
            the building process.
        custom_objects: as :func:`bench.sources.resolve`.

    Raises:
        ModelError, DataError, UsageError: as one of the two says.
    """
    files = tflite_paths(model)
    in_memory = None
    if data is not None and not isinstance(data, (str, Path)):
        in_memory, data = _save(data, scratch)
    data_source = None if data is None else str(data)
    if files is not None:
        name = "+".join(one_line(path.stem) for path in files)
        found = Model(name, "tflite", " ".join(map(str, files)), cache.hash_files(_readable(files)))
    else:
        files = ()
        only = _only(model)
        if isinstance(only, (str, Path)):
            found = sources.resolve(str(only), custom_objects)
        else:
            found = sources.from_memory(only)
    samples = sources.load_data(found, data_source)
    if in_memory is not None and samples is not None:
        samples = replace(samples, source=in_memory.source, notes=in_memory.notes)
    return Source(found, files, samples, data_source)


def check_recipes(source: Source, chosen: Sequence[Recipe]) -> None:
    """See that recipes can be made from what was given: of a ready .tflite, the quantizer's alone.

    Raises:
        UsageError: they cannot.
    """
    if not source.files:
        return
    if len(source.files) > 1:
        raise UsageError(
            "recipes for several .tflite files", hint="give one of them, or leave the recipes out"
        )
    for recipe in chosen:
        if recipe.steps and (len(recipe.steps) > 1 or wish_of(recipe.steps[0]) is None):
            raise UsageError(
                f"{source.files[0]} is a ready .tflite, and {recipe.label} needs the source model",
                hint="give the .keras, .h5 or SavedModel it was made from; a float .tflite takes "
                f"{', '.join(f'quantize:{scheme}' for scheme in SCHEMES)}",
            )


def take_files(source: Source, plan: Plan) -> Prepared:
    """Take ready files as they are.

    Raises:
        UsageError: what launches are fed cannot be told.
        ModelError, DataError: a file cannot be run, or the samples do not fit it.
    """
    return _prepared(source.model, feed(build.ready(source.files), plan, source.data), ())


def build_variants(
    source: Source, chosen: Sequence[Recipe], plan: Plan, observer: Observer
) -> Prepared:
    """Build each recipe.

    Raises:
        BuildError: nothing could be built.
        ModelError, DataError: the model and its samples do not go together.
        UsageError: what launches are fed cannot be told.
    """
    variants: list[Variant] = []
    failures: list[Failure] = []
    data = source.data
    for outcome in build_each(source, chosen, plan, observer):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        if not variants:
            # Before the others are built: what this one cannot be fed would fail with all.
            fed = feed([outcome], plan, data)
            data = fed.data
            for warning in fed.warnings:
                observer.warn(f"{warning.message}: {warning.hint}")
        variants.append(outcome)
    if not variants:
        (message, hint), *others = dict.fromkeys((each.message, each.hint) for each in failures)
        for other in others:
            observer.warn(": ".join(other))
        raise BuildError(f"no variant could be built ({message})", hint=hint)
    return _prepared(source.model, feed(variants, plan, data), failures)


def build_each(
    source: Source, chosen: Sequence[Recipe], plan: Plan, observer: Observer
) -> Iterator[Variant | Failure]:
    """Build recipe after recipe, each outcome told to the observer."""
    built = build.build(
        source.model,
        chosen,
        source.data,
        data_source=source.data_source,
        seed=plan.seed,
        progress=observer.step,
        signature=plan.signature,
    )
    for outcome in built:
        observer.finish()
        item = outcome if isinstance(outcome, Failure) else outcome.variant
        if isinstance(item, Failure):
            observer.warn(f"{item.variant} failed")  # why is told once, when all are built
        observer.outcome(item)
        yield item


def evaluate(
    prepared: Prepared, plan: Plan, observer: Observer, metrics: Wanted
) -> tuple[Accuracy | Failure, ...]:
    """How well each variant answers the test samples, where there are any.

    Args:
        metrics: asked for by output; what the labels ask for else.
    """
    samples = prepared.data
    if samples is None or samples.test is None:
        return ()
    evaluated = []
    for outcome in accuracy.evaluate(
        prepared.variants,
        samples,
        signature=plan.signature,
        progress=observer.step,
        wanted=metrics,
    ):
        observer.finish()
        observer.outcome(outcome)
        evaluated.append(outcome)
    return tuple(evaluated)


def tflite_paths(model: Any) -> tuple[Path, ...] | None:
    """The files, if all that was given are ready .tflite files; None for a source model.

    Raises:
        UsageError: none, or several models that are not all .tflite.
    """
    given = list(model) if isinstance(model, (list, tuple)) else [model]
    if not given:
        raise UsageError("no model is given", hint="give a name or a path")
    paths = [Path(each) for each in given if isinstance(each, (str, Path))]
    ready = tuple(path for path in paths if sources.SUFFIXES.get(path.suffix.lower()) == "tflite")
    if len(ready) == len(given):
        return ready
    if len(given) != 1:
        raise UsageError(
            "several models that are not all .tflite", hint="give one source model at a time"
        )
    return None


def _only(model: Any) -> Any:
    return model[0] if isinstance(model, (list, tuple)) else model


def _readable(files: Sequence[Path]) -> Sequence[Path]:
    for path in files:
        check_file(path)  # says what is wrong with it
    return files


def _save(data: Any, scratch: Path) -> tuple[loaders.Found, Path]:
    """Samples in memory as a file that the building process can read."""
    found = loaders.find(data)
    path = scratch / "data.npz"
    np.savez(path, allow_pickle=False, **found.arrays)
    return found, path


def _prepared(model: Model, fed: Fed, failures: Sequence[Failure]) -> Prepared:
    missing = _why_no_accuracy(model, fed.data)
    return Prepared(model, fed.data, fed.variants, tuple(failures), missing, fed.warnings)


def _why_no_accuracy(model: Model, samples: Data | None) -> str:
    if samples is not None and samples.test is not None:
        return ""
    if model.kind == "named":
        return str(getattr(plugins.load("models", model.source), "NO_ACCURACY", "")) or "no data"
    return "no test samples were given"
