"""What stands for int8 where the converter has no int8 form of some op."""

from __future__ import annotations

import pytest

from bench.errors import BuildError
from bench.observers import Observer
from bench.searching.bits import INT8
from bench.searching.int8 import LOOSER, with_int8_that_converts
from bench.searching.shapes import in_int8_alone, known_shapes
from tests.unit.searching.points import space


class Told(Observer):
    def __init__(self):
        self.lines = []

    def inform(self, text):
        self.lines.append(text)


def found(of, refused):
    """The space after a look, the recipes that were built for it, and what was told."""
    built, told = [], Told()

    def build(recipe):
        built.append(str(recipe))
        if refused in map(str, recipe.steps):
            raise BuildError("the converter has no int8 form of NEG", hint="")

    return with_int8_that_converts(of, build, told), built, told.lines


def test_where_int8_converts_nothing_changes_and_the_first_trial_finds_its_file():
    of = space()
    after, built, told = found(of, "nothing")
    assert (after, told) == (of, [])
    assert built == [str(of.recipe(known_shapes(of)[0], 0))]


@pytest.mark.parametrize("aim", ["zipped", "size", "latency"])
def test_where_it_does_not_the_rest_stays_in_float(aim):
    endings = ("qat", INT8, "quantize:w4a8", "")
    after, _, told = found(space(aim, endings=endings), INT8)
    assert after.endings == ("qat", LOOSER, "quantize:w4a8", "")
    assert after.int8 == LOOSER
    assert told == [f"{LOOSER} is tried instead of {INT8}: the converter has no int8 form of NEG"]
    shapes = known_shapes(after)
    assert shapes[0]["ending"] == LOOSER
    assert in_int8_alone(after, shapes[1])["ending"] == LOOSER
    assert LOOSER in str(after.structure(shapes[1]))
    assert after.weights(shapes[0]) == space(aim).weights(known_shapes(space(aim))[0])


def test_where_neither_converts_the_trial_tells_it():
    of = space()

    def build(recipe):
        raise BuildError("it broke", hint="")

    told = Told()
    assert with_int8_that_converts(of, build, told) is of
    assert not told.lines


def test_where_int8_is_no_ending_nothing_is_built():
    of = space(endings=("qat",))
    assert found(of, "nothing") == (of, [], [])
