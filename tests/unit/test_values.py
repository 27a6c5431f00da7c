"""The nouns: frozen, printed as they are typed, with a closed list of error classes."""

from __future__ import annotations

import dataclasses

import pytest

from bench import measure, values
from bench.errors import LAUNCH_ERROR_CLASSES
from bench.targets import local
from bench.values import NO_FACTS, Plan, Recipe, Step
from bench.workers import launch

NOUNS = [item for item in vars(values).values() if dataclasses.is_dataclass(item)]


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_is_frozen_and_described(noun):
    assert noun.__dataclass_params__.frozen
    assert noun.__doc__
    assert not noun.__doc__.startswith(f"{noun.__name__}(")  # that one dataclass writes itself


def test_a_value_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Plan().launches = 3


def test_facts_are_empty_and_cannot_be_changed_by_default():
    with pytest.raises(TypeError):
        NO_FACTS["a"] = 1
    assert values.no_facts() is NO_FACTS


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        (Recipe(), "float32"),
        (Recipe((Step("qat"),)), "qat"),
        (Recipe((Step("prune", "0.8"), Step("quantize", "int8"))), "prune:0.8+quantize:int8"),
        (
            Recipe((Step("prune", "0.8", (("layers", "!first,!last"), ("lr", "1e-3"))),)),
            "prune:0.8,layers=!first,!last,lr=1e-3",
        ),
    ],
)
def test_a_recipe_prints_as_it_is_typed(recipe, text):
    assert str(recipe) == text


def test_the_list_of_error_classes_is_closed():
    used = {name for _, name in launch._CLASSES} | set(measure.LOST_CLASSES) | set(local._HINTS)
    assert used <= set(LAUNCH_ERROR_CLASSES)
