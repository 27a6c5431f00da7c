"""Every technique that is found offers what a recipe's step needs."""

from __future__ import annotations

import contextlib
import inspect

import pytest

from bench import plugins, recipes
from bench.errors import RecipeError
from bench.techniques import Technique
from bench.values import Step

NAMES = plugins.names("techniques")
ARGUMENTS = (None, "0.5", "16", "int8", "dynamic", "2:4")
"""Something that each technique should find an argument of its own among."""


def accepted(name: str) -> list[Step]:
    """The canonical steps that a technique makes of the arguments above."""
    technique = plugins.load("techniques", name)
    steps = []
    for argument in ARGUMENTS:
        try:
            steps.append(technique.check(Step(name, argument), ()))
        except RecipeError:
            continue
    return steps


@pytest.mark.parametrize("name", NAMES)
def test_a_technique_describes_itself(name):
    technique = plugins.load("techniques", name)
    assert technique.__doc__
    assert technique.SUMMARY
    assert "\n" not in technique.SUMMARY
    assert isinstance(technique.ARGUMENT, str)
    assert all(key and text for key, text in technique.OPTIONS.items())


@pytest.mark.parametrize("function", ["check", "apply", "verify"])
@pytest.mark.parametrize("name", NAMES)
def test_its_functions_are_those_of_the_protocol(name, function):
    ours = getattr(plugins.load("techniques", name), function)
    protocol = inspect.signature(getattr(Technique, function)).parameters
    assert list(inspect.signature(ours).parameters) == [n for n in protocol if n != "self"]
    assert ours.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_some_argument_or_none(name):
    assert accepted(name)


@pytest.mark.parametrize("name", NAMES)
def test_checking_twice_changes_nothing(name):
    technique = plugins.load("techniques", name)
    for step in accepted(name):
        assert step.technique == name
        assert technique.check(step, ()) == step
        assert list(step.options) == sorted(step.options)


@pytest.mark.parametrize("name", NAMES)
def test_the_canonical_spelling_is_read_as_itself(name):
    for step in accepted(name):
        (read,) = recipes.parse(str(step)).steps
        assert read == step


@pytest.mark.parametrize("argument", ["no such argument", "-1", "", "nan"])
@pytest.mark.parametrize("name", NAMES)
def test_nonsense_is_refused_with_a_cure(name, argument):
    with pytest.raises(RecipeError) as caught:
        plugins.load("techniques", name).check(Step(name, argument), ())
    assert caught.value.hint


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_held_against_its_values(name):
    """Anything may be refused, but only with an error that a user can read."""
    for step in accepted(name):
        for key in plugins.load("techniques", name).OPTIONS:
            with contextlib.suppress(RecipeError):
                recipes.parse(f"{step},{key}=\x00no such value")


FINISHING = [n for n in NAMES if getattr(plugins.load("techniques", n), "FINISHES", False)]
"""Techniques that rewrite the finished file."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FINISHING])
def test_nothing_but_rewriting_follows_a_quantization(name):
    for step in accepted(name):
        with pytest.raises(RecipeError) as caught:
            plugins.load("techniques", name).check(step, (Step("quantize", "int8"),))
        assert caught.value.hint


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FINISHING])
@pytest.mark.parametrize("first", FINISHING)
def test_nothing_but_rewriting_follows_a_rewriting(name, first):
    assert FINISHING == ["scales", "sparse", "strip"]
    for step in accepted(name):
        with pytest.raises(RecipeError, match="finished file"):
            plugins.load("techniques", name).check(step, (Step(first, None),))
