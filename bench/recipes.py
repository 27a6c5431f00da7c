"""Read recipes: ``prune:0.8,layers=Dense+cluster:16+quantize:int8``.

Steps are joined by ``+`` and taken in order. A step is ``technique[:argument][,option=value]…``; a
piece without ``=`` belongs to the value before it, so ``layers=!first,!last`` is one option.
``float32`` is the recipe with no step: the model as it was trained.

``@FILE.toml`` stands for all recipes of a file, a table of names to recipes::

    # what we ship
    small = "channels:0.5,epochs=12+quantize:int8"
    exact = "quantize:float16"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import plugins
from bench.errors import RecipeError
from bench.quantizer.schemes import needs_samples
from bench.toml_files import read_toml
from bench.values import Recipe, Step

Recipes = str | Recipe | Sequence[str | Recipe] | Mapping[str, str | Recipe]
"""One recipe, several, or several by name."""

FLOAT32 = Recipe()
DEFAULTS = ("float32", "quantize:dynamic", "quantize:float16", "quantize:int8", "quantize:int16x8")
"""What ``bench run`` builds when no recipe is named: all that need no training."""


def parse(text: str, name: str = "") -> Recipe:
    """Read and check one recipe; equal recipes come out equal, however they were spelt.

    Args:
        text: of the recipe.
        name: what the user calls it, if anything.

    Raises:
        RecipeError: a technique or option is misspelt, a value is out of range, or the order of the
            steps is impossible.
    """
    if name:
        _check_name(name)
    if text.strip() == "float32":
        return Recipe(name=name)
    steps: list[Step] = []
    for piece in text.split("+"):
        step = _split(piece.strip(), text)
        steps.append(technique(step.technique).check(step, tuple(steps)))
    return Recipe(tuple(steps), name)


def parse_all(
    given: Recipes,
    *,
    with_float32: bool = True,
) -> tuple[Recipe, ...]:
    """Read several recipes, each once; ``float32`` goes first, since it is what others are held to.

    Args:
        given: one, several, or several by name; none is :data:`DEFAULTS`.
        with_float32: False leaves it where it was named, or out.

    Raises:
        RecipeError: as :func:`parse` and :func:`read_file`, or a name that two recipes have.
    """
    chosen = {FLOAT32: FLOAT32} if with_float32 else {}
    for recipe in _read_all(given or DEFAULTS):
        known = chosen.setdefault(recipe, recipe)
        if recipe.name and known.name and recipe.name != known.name:
            raise RecipeError(
                f"{known.name} and {recipe.name} are the same recipe, {recipe}",
                hint="leave one of them out",
            )
        if recipe.name:
            chosen[recipe] = recipe
    names = [recipe.name for recipe in chosen.values() if recipe.name]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"two recipes are called {name}", hint="give each its own name")
    return tuple(chosen.values())


def read_file(path: Path) -> tuple[Recipe, ...]:
    """The recipes of a TOML file, by name; of a pyproject.toml those of its own table.

    Raises:
        RecipeError: the file or a recipe of it cannot be read.
    """
    content = read_toml(path, RecipeError)
    if path.name == "pyproject.toml":
        content = content.get("tool", {}).get("tflite-bench", {}).get("recipes", {})
    return from_table(str(path), content)


def from_table(source: str, table: Mapping[str, Any]) -> tuple[Recipe, ...]:
    """Recipes by name.

    Raises:
        RecipeError: no recipe at all, or one that cannot be read; ``source`` is named.
    """
    if not table:
        raise RecipeError(
            f"{source} names no recipe", hint='write lines such as small = "prune:0.5"'
        )
    recipes = []
    for name, text in table.items():
        if not isinstance(text, str):
            raise RecipeError(
                f"{source}: {name} is no recipe", hint=f'write {name} = "quantize:int8"'
            )
        try:
            recipes.append(parse(text, name))
        except RecipeError as error:
            raise RecipeError(f"{source}: {name}: {error.message}", hint=error.hint) from error
    return tuple(recipes)


def _read_all(given: Recipes) -> Iterator[Recipe]:
    if isinstance(given, Mapping):
        for name, value in given.items():
            text = str(value) if isinstance(value, Recipe) else value
            yield parse(text, name)
        return
    for each in [given] if isinstance(given, (str, Recipe)) else given:
        if isinstance(each, Recipe):
            yield each
        elif each.startswith("@"):
            yield from read_file(Path(each[1:]))
        else:
            yield parse(each)


def _file_with(name: str) -> Path | None:
    """The file of recipes in the current folder that has one of that name, if any."""
    for path in (Path("pyproject.toml"), *sorted(Path().glob("*.toml"))):
        try:
            if any(recipe.name == name for recipe in read_file(path)):
                return path
        except RecipeError:
            continue  # a TOML file of something else
    return None


def _check_name(name: str) -> None:
    """A name must not be taken for a recipe, nor for a file's path."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise RecipeError(
            f"{name!r} is no name for a recipe", hint="use letters, digits, and . _ - within"
        )
    if name == "float32" or name in plugins.names("techniques"):
        raise RecipeError(
            f"a recipe cannot be called {name!r}, which is one by itself",
            hint=f"call it {name}-1, for example",
        )


def technique(name: str) -> ModuleType:
    """The technique's module; it offers the names of :class:`bench.techniques.Technique`.

    Raises:
        RecipeError: no technique has that name.
    """
    known = plugins.names("techniques")
    if name in known:
        return plugins.load("techniques", name)
    if file := _file_with(name):
        raise RecipeError(
            f"no technique is called {name!r}", hint=f"it is a recipe of {file}: write -r @{file}"
        )
    arguments = getattr(plugins.load("techniques", "quantize"), "MODES", ())
    if name in arguments:
        raise RecipeError(f"no technique is called {name!r}", hint=f"write quantize:{name}")
    hint = plugins.nearest(name, ("float32", *known))
    raise RecipeError(f"no technique is called {name!r}", hint=hint)


def trains(recipe: Recipe) -> bool:
    """Whether any step fine-tunes, and so needs labelled training samples."""
    return any(getattr(technique(step.technique), "TRAINS", True) for step in recipe.steps)


def calibrates(recipe: Recipe) -> bool:
    """Whether the conversion needs samples to find ranges on."""
    return any(
        step.technique == "quantize"
        and (step.argument in ("int8", "int16x8") or needs_samples(step))
        for step in recipe.steps
    )


def _split(piece: str, whole: str) -> Step:
    head, *rest = piece.split(",")
    name, colon, argument = head.partition(":")
    if not name:
        raise RecipeError(f"{whole!r} has an empty step", hint="join steps by a single +")
    if name == "float32":
        raise RecipeError("float32 is a recipe of its own", hint="leave it out of the chain")
    options: list[tuple[str, str]] = []
    for text in rest:
        key, equals, value = text.partition("=")
        if equals:
            options.append((key.strip(), value.strip()))
        elif options:
            options[-1] = (options[-1][0], f"{options[-1][1]},{text.strip()}")
        else:
            raise RecipeError(
                f"{text!r} in {whole!r} is no option", hint="write options as key=value"
            )
    known = technique(name).OPTIONS
    for key, _ in options:
        if key not in known:
            raise RecipeError(
                f"{name} has no option {key!r}", hint=plugins.nearest(key, tuple(known))
            )
    if len({key for key, _ in options}) < len(options):
        raise RecipeError(f"{whole!r} names an option twice", hint="name each option once")
    return Step(name, argument if colon else None, tuple(options))
