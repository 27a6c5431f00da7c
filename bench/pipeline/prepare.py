"""What is to be measured: a model and its samples, recipes to variants, and their accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import accuracy, build, cache, plugins, sources
from bench.data import Data
from bench.errors import BuildError, DataError, UsageError
from bench.observers import Observer
from bench.recipes import Recipes
from bench.values import Accuracy, Failure, Model, Plan, Recipe, Variant


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
        missing: why there will be no accuracy; empty where there will be.
    """

    model: Model
    data: Data | None
    variants: tuple[Variant, ...]
    failures: tuple[Failure, ...]
    missing: str


def load(model: Any, data: Any, scratch: Path) -> Source:
    """Find the model and load its samples.

    Args:
        model, data: as :func:`bench.pipeline.run` takes them.
        scratch: a folder that lives as long as the source: samples in memory are saved there for
            the building process.

    Raises:
        ModelError, DataError, UsageError: as one of the two says.
    """
    files = tflite_paths(model)
    label = None
    if data is not None and not isinstance(data, (str, Path)):
        label, data = _save(data, scratch)
    data_source = None if data is None else str(data)
    if files is not None:
        name = "+".join(path.stem for path in files)
        found = Model(name, "tflite", " ".join(map(str, files)), cache.hash_files(_readable(files)))
    else:
        files = ()
        found = sources.resolve(_only(model))
    samples = sources.load_data(found, data_source)
    if label is not None and samples is not None:
        samples = replace(samples, source=label)
    return Source(found, files, samples, data_source)


def take_files(source: Source, recipes: Recipes) -> Prepared:
    """Take ready files as they are.

    Raises:
        UsageError: there are recipes.
        ModelError, DataError: a file cannot be run, or the samples do not fit it.
    """
    if recipes:
        raise UsageError(
            f"{source.files[0]} is a ready .tflite, and recipes need the source model",
            hint="give the .keras, .h5 or SavedModel it was made from, or leave the recipes out",
        )
    return _prepared(source, build.ready(source.files), ())


def build_variants(
    source: Source, chosen: Sequence[Recipe], plan: Plan, observer: Observer
) -> Prepared:
    """Build each recipe.

    Raises:
        BuildError: nothing could be built.
        ModelError, DataError: the model and its samples do not go together.
    """
    variants: list[Variant] = []
    failures: list[Failure] = []
    for outcome in build_each(source, chosen, plan, observer):
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        variants.append(outcome)
    if not variants:
        raise BuildError(
            f"no variant could be built ({failures[0].message})", hint=failures[0].hint
        )
    return _prepared(source, variants, failures)


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
    )
    for outcome in built:
        observer.finish()
        item = outcome if isinstance(outcome, Failure) else outcome.variant
        if isinstance(item, Failure):
            observer.warn(f"{item.variant} failed: {item.message}: {item.hint}")
        observer.outcome(item)
        yield item


def evaluate(prepared: Prepared, plan: Plan, observer: Observer) -> tuple[Accuracy | Failure, ...]:
    """How well each variant answers the test samples, where there are any."""
    samples = prepared.data
    if samples is None or samples.test is None:
        return ()
    evaluated = []
    for outcome in accuracy.evaluate(
        prepared.variants, samples, signature=plan.signature, progress=observer.step
    ):
        observer.finish()
        observer.outcome(outcome)
        evaluated.append(outcome)
    return tuple(evaluated)


def write_sample(prepared: Prepared, path: Path) -> None:
    """Write the first test sample where launches will look for it.

    Raises:
        DataError: there are no test samples.
    """
    if prepared.data is None or prepared.data.test is None:
        raise DataError("--real-inputs without test samples", hint="give --data with x_test")
    np.savez(path, allow_pickle=False, **dict(prepared.data.test.take(slice(0, 1)).x))


def tflite_paths(model: Any) -> tuple[Path, ...] | None:
    """The files, if all that was given are ready .tflite files; None for a source model.

    Raises:
        UsageError: several models that are not all .tflite.
    """
    given = list(model) if isinstance(model, (list, tuple)) else [model]
    paths = [Path(each) for each in given if isinstance(each, (str, Path))]
    ready = tuple(path for path in paths if sources.SUFFIXES.get(path.suffix.lower()) == "tflite")
    if given and len(ready) == len(given):
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
        sources.resolve(str(path))  # says what is wrong with it
    return files


def _save(data: Any, scratch: Path) -> tuple[str, Path]:
    """Samples in memory as a file that the building process can read, with a name for messages."""
    arrays = data
    if isinstance(data, tuple) and len(data) == 2:
        arrays = {"x_test": data[0], "y_test": data[1]}
    if not isinstance(arrays, Mapping):
        raise DataError(
            f"samples cannot be a {type(data).__name__}",
            hint="give a path, a mapping with x_test and y_test, or a pair of arrays",
        )
    path = scratch / "data.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return "arrays in memory", path


def _prepared(source: Source, variants: Sequence[Variant], failures: Sequence[Failure]) -> Prepared:
    missing = _why_no_accuracy(source.model, source.data)
    return Prepared(source.model, source.data, tuple(variants), tuple(failures), missing)


def _why_no_accuracy(model: Model, samples: Data | None) -> str:
    if samples is not None and samples.test is not None:
        return ""
    if model.kind == "named":
        return str(getattr(plugins.load("models", model.source), "NO_ACCURACY", "")) or "no data"
    return "no test samples were given"
