"""Read recipes: ``prune:0.8,layers=Dense+cluster:16+quantize:int8``.

Steps are joined by ``+`` and taken in order. A step is ``technique[:argument][,option=value]…``; a
piece without ``=`` belongs to the value before it, so ``layers=!first,!last`` is one option.
``float32`` is the recipe with no step: the model as it was trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

from bench import plugins
from bench.errors import RecipeError
from bench.values import Recipe, Step

Recipes = str | Recipe | Sequence[str | Recipe] | Mapping[str, str | Recipe]
"""One recipe, several, or several by name."""

FLOAT32 = Recipe()
DEFAULTS = ("float32", "quantize:dynamic", "quantize:float16", "quantize:int8", "quantize:int16x8")
"""What ``bench run`` builds when no recipe is named: all that need no training."""


def parse(text: str) -> Recipe:
    """Read and check one recipe; equal recipes come out equal, however they were spelt.

    Raises:
        RecipeError: a technique or option is misspelt, a value is out of range, or the order of the
            steps is impossible.
    """
    if text.strip() == "float32":
        return FLOAT32
    steps: list[Step] = []
    for piece in text.split("+"):
        step = _split(piece.strip(), text)
        steps.append(technique(step.technique).check(step, tuple(steps)))
    return Recipe(tuple(steps))


def parse_all(
    given: Recipes,
    *,
    with_float32: bool = True,
) -> tuple[Recipe, ...]:
    """Read several recipes, each once; ``float32`` goes first, since it is what others are held to.

    Args:
        given: one, several, or several by name; none is :data:`DEFAULTS`.
        with_float32: False leaves it where it was named, or out.
    """
    if isinstance(given, (str, Recipe)):
        given = [given]
    texts = given.values() if isinstance(given, Mapping) else given
    read = [each if isinstance(each, Recipe) else parse(each) for each in texts or DEFAULTS]
    return tuple(dict.fromkeys([FLOAT32, *read] if with_float32 else read))


def technique(name: str) -> ModuleType:
    """The technique's module; it offers the names of :class:`bench.techniques.Technique`.

    Raises:
        RecipeError: no technique has that name.
    """
    known = plugins.names("techniques")
    if name in known:
        return plugins.load("techniques", name)
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
        step.technique == "quantize" and step.argument in ("int8", "int16x8")
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
