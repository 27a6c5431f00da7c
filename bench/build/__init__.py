"""Model + Recipe -> Variant, cached by content.

The work is done by worker processes: ``bench.build.worker``, which alone holds TensorFlow, and
``bench.quantizer.worker``, which takes the float .tflite on to fewer bits. A converter that brings
its process down fails one variant; a new worker builds the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench import cache, errors, plugins, recipes, workers
from bench.build.builder import QUANTIZER, Builder
from bench.data import Data
from bench.errors import BuildError, ModelError
from bench.quantizer.schemes import QUANTIZER_SCHEMA, float_part
from bench.records import encoding
from bench.techniques import Work
from bench.text import one_line
from bench.tflite.facts import FACTS_SCHEMA, check_file, read_facts
from bench.tflite.values import FileFacts
from bench.values import Facts, Failure, Model, Recipe, StepProgress, Variant

SCHEMA = 14
"""Raised whenever the same recipe would give another file, so that no old one is taken for it."""

_LIBRARIES = ("tensorflow", "tf-keras", "keras", "tensorflow-model-optimization")


@dataclass(frozen=True)
class Built:
    """A variant, and whether it lay in the cache already."""

    variant: Variant
    cached: bool


def ready(paths: Sequence[Path]) -> tuple[Variant, ...]:
    """Files that are .tflite already, each as a variant of its own name.

    Raises:
        ModelError: a file that no interpreter may be given.
    """
    stems = [one_line(path.stem) for path in paths]
    names = stems if len(set(stems)) == len(stems) else [one_line(str(path)) for path in paths]
    if len(set(names)) < len(names):
        raise ModelError("a file is named twice", hint="copy it to compare it with itself")
    for path in paths:
        check_file(path)
    return tuple(_variant(name, path, {}) for name, path in zip(names, paths, strict=True))


def build(
    model: Model,
    chosen: Sequence[Recipe],
    data: Data | None,
    *,
    data_source: str | None,
    seed: int,
    progress: StepProgress,
    signature: str | None = None,
) -> Iterator[Built | Failure]:
    """Build each recipe, in order; a failure does not stop the others.

    Args:
        data_source: what ``--data`` said; the worker loads the samples for itself.
        signature: of a SavedModel; None is its only one, or ``serving_default``.

    Yields:
        A variant or the reason why there is none, for each recipe.

    Raises:
        ModelError: the model itself cannot be loaded, so that no recipe could be built.
        DataError: the samples do not fit the model's inputs.
    """
    with Builds(model, data, data_source=data_source, seed=seed, signature=signature) as builds:
        for recipe in chosen:
            yield builds.build(recipe, progress)


class Builds:
    """Recipes built as they are asked for, by one worker or several; a context manager.

    What was trained for one recipe is the beginning of others: they share a folder.

    Args:
        model, data, data_source, seed, signature: as :func:`build` takes them.
        place: of training, another one for each process that trains the same model at once.
        modules: a folder that the model's own layers are imported from, before all others.
        at_once: so many recipes are built at once where as many threads ask, each by a worker with
            its part of the machine's cores.

    Attributes:
        training: the folder of what is trained, as techniques are given it.
    """

    def __init__(
        self,
        model: Model,
        data: Data | None,
        *,
        data_source: str | None,
        seed: int,
        signature: str | None = None,
        place: str = "",
        modules: Path | None = None,
        at_once: int = 1,
    ) -> None:
        self._model, self._data, self._seed = model, data, seed
        training = _key("training", model, data, seed) + place
        self._builder = Builder(model, data_source, seed, training, signature, modules, at_once)
        self.training = self._builder.training

    def __enter__(self) -> Builds:
        self._builder.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._builder.__exit__(*raised)

    def build(self, recipe: Recipe, progress: StepProgress) -> Built | Failure:
        """One recipe's variant, or the reason why there is none.

        Raises:
            ModelError, DataError: as :func:`build`.
        """
        try:
            return _build_one(self._model, recipe, self._data, self._seed, progress, self._builder)
        except (BuildError, errors.DataError) as error:
            if self._builder.refuses_all:
                raise
            return Failure(
                variant=recipe.label,
                target="",
                block=None,
                error_class="build",
                message=error.message,
                hint=error.hint,
            )

    def known(self, recipe: Recipe) -> Built | None:
        """A recipe's variant where it was built before, here or elsewhere; nothing is built."""
        file, notes = self._kept(recipe)
        if not (file.is_file() and notes.is_file()):
            return None
        return Built(_variant_of(recipe, file, notes), cached=True)

    def keep(self, recipe: Recipe, content: bytes, steps: Facts) -> Variant:
        """Take a file that was built elsewhere as if it had been built here.

        Args:
            steps: what the steps of the recipe found out there.

        Raises:
            VerificationError: what the recipe asks for is not in the file.
        """
        file, notes = self._kept(recipe)
        with FileLock(file.with_suffix(".lock")):
            cache.write(file, content)
            cache.write(notes, json.dumps(dict(steps)).encode())
            return _variant_of(recipe, file, notes)

    def kill(self) -> None:
        """End what is being done at once, from any thread; the job fails."""
        self._builder.kill()

    def hold(self, *, still: bool) -> None:
        """Stop what is being done where it is, or let it go on; from any thread."""
        self._builder.hold(still=still)

    def look(self, what: str, progress: StepProgress, **options: Any) -> Any:
        """What the worker sees in the model: ``layout``, ``speed`` or ``sensitivity``.

        Raises:
            BuildError, DataError, ModelError: as the worker said, or it crashed.
        """
        return self._builder.ask({"look": what, **options}, what, progress)["found"]

    def _kept(self, recipe: Recipe) -> tuple[Path, Path]:
        return _places(recipe, self._model, self._data, self._seed, self._builder.signature)


def _build_one(
    model: Model,
    recipe: Recipe,
    data: Data | None,
    seed: int,
    progress: StepProgress,
    builder: Builder,
) -> Built:
    if model.kind == "tflite" and not recipe.steps:
        return Built(_variant(recipe.label, Path(model.source), {}, str(recipe)), cached=True)
    file, notes = _places(recipe, model, data, seed, builder.signature)
    with FileLock(file.with_suffix(".lock")):
        cached = file.is_file() and notes.is_file()
        if not cached:
            steps = _build_file(model, recipe, data, seed, progress, builder, file)
            cache.write(notes, json.dumps(steps).encode())
        variant = _variant_of(recipe, file, notes)
    return Built(variant, cached)


def _places(
    recipe: Recipe, model: Model, data: Data | None, seed: int, signature: str | None
) -> tuple[Path, Path]:
    """Where a recipe's file is kept, and what its steps found out."""
    uses_data = recipes.trains(recipe) or recipes.calibrates(recipe)
    what = str(recipe) if signature is None else f"{recipe} of {signature}"
    # A technique of another package builds other files when it changes.
    theirs = {plugins.fingerprint("techniques", step.technique) for step in recipe.steps} - {""}
    if float_part(recipe) is not None:
        theirs.add(f"{QUANTIZER} {workers.version(QUANTIZER)} {QUANTIZER_SCHEMA}")
    what = "; ".join([what, *sorted(theirs)])
    key = _key(what, model, data if uses_data else None, seed if uses_data else None)
    folder = cache.folder("variants")
    return folder / f"{key}.tflite", folder / f"{key}.json"


def _variant_of(recipe: Recipe, file: Path, notes: Path) -> Variant:
    """The variant that is kept there, held against its recipe."""
    variant = _variant(recipe.label, file, json.loads(notes.read_bytes()), str(recipe))
    _verify(recipe, variant)
    return variant


def _build_file(
    model: Model,
    recipe: Recipe,
    data: Data | None,
    seed: int,
    progress: StepProgress,
    builder: Builder,
    file: Path,
) -> dict[str, Any]:
    """Build a recipe into a file, by one process or, where the quantizer ends it, by two."""
    before = float_part(recipe)
    if before is None:
        return builder.build(recipe, file, progress)
    base = _build_one(model, before, data, seed, progress, builder).variant
    found = builder.quantize(recipe, base.path, file, progress)
    return {**base.steps, **found}


def _verify(recipe: Recipe, variant: Variant) -> None:
    """Hold what is in the file against what the recipe's steps ask for."""
    assert variant.facts is not None
    work = Work(model=None, done=recipe.steps, facts=variant.steps)
    for step in recipe.steps:
        recipes.technique(step.technique).verify(step, work, variant.facts)


def _variant(name: str, path: Path, steps: dict[str, Any], recipe: str = "") -> Variant:
    facts = _facts(path)
    return Variant(
        name=name,
        path=path,
        sha256=facts.sha256,
        size_bytes=facts.size_bytes,
        zipped_bytes=facts.zipped_bytes,
        facts=facts,
        steps=steps,
        recipe=recipe,
    )


def _facts(path: Path) -> FileFacts:
    """As ``read_facts``, kept by content: zipping 20 MB of weights takes seconds."""
    kept = cache.folder("facts") / f"{FACTS_SCHEMA}-{cache.hash_files([path])}.json"
    if kept.is_file():
        return replace(encoding.decode(kept.read_bytes(), FileFacts), path=path)
    facts = read_facts(path)
    cache.write(kept, encoding.encode(facts))
    return facts


def _key(what: str, model: Model, data: Data | None, seed: int | None) -> str:
    """Equal for what must come out equal; data and seed count only where they are used."""
    return cache.key(
        {
            "schema": SCHEMA,
            "model": model.sha256,
            "what": what,
            "data": data.sha256 if data is not None else None,
            "seed": seed,
            "libraries": {name: workers.version(name) for name in _LIBRARIES},
        }
    )
