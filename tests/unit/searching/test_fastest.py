"""With which ending known shapes are tried by latency: what is fastest here."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.searching.costs import TYPICAL
from bench.searching.fastest import NOTED, with_fastest_ending
from bench.searching.looks import Speed
from bench.searching.shapes import known_shapes
from bench.values import Variant
from tests.unit.searching.points import space

ENDINGS = ("qat", "quantize:int8", "")


class Study(dict):
    """What is noted of a search."""

    note, noted = dict.__setitem__, dict.get


class Observer:
    def __init__(self):
        self.told = []

    def inform(self, text):
        self.told.append(text)


class Stopwatch:
    """On two targets; of the slower one, files in int8 are so many times faster."""

    def __init__(self, int8, float32):
        self.times = {True: int8, False: float32}

    def time(self, variant):
        slower = self.times["int8" in variant.recipe]
        return Speed({}, {"local": slower, "adb:1": slower + 1})


def built(recipe):
    return Variant("x", Path("x.tflite"), "0", 5000, 4000, recipe=str(recipe))


def found(int8=3.0, float32=7.0, *, aim="latency", study=None, build=built, **options):
    whole = space(aim, endings=options.pop("endings", ENDINGS), **options)
    observer = Observer()
    study = Study() if study is None else study
    return with_fastest_ending(whole, study, build, Stopwatch(int8, float32), observer), observer


def endings_of(shaped):
    return {shape["ending"] for shape in known_shapes(shaped)[1:]}


def test_shapes_end_in_float_where_that_is_faster_and_it_is_told():
    shaped, observer = found()
    assert endings_of(shaped) == {""}
    assert known_shapes(shaped)[0]["ending"] == "quantize:int8", "it trains nothing"
    assert "qat" not in str(shaped.recipe(known_shapes(shaped)[TYPICAL], 0))
    (told,) = observer.told
    assert "fastest in float32 here" in told
    assert "int8 3.00x, float32 7.00x" in told


def test_they_are_trained_in_int8_where_that_is_faster():
    shaped, observer = found(int8=8.0)
    assert endings_of(shaped) == {"qat"}
    assert "fastest in int8 here" in observer.told[0]


def test_what_was_measured_once_holds_for_the_whole_search():
    study = Study()
    found(study=study)
    assert study == {NOTED: ""}
    shaped, observer = found(int8=8.0, study=study)
    assert endings_of(shaped) == {""}
    assert not observer.told


def test_where_int8_cannot_be_built_float_is_left():
    shaped, _ = found(
        int8=8.0, build=lambda recipe: None if "int8" in str(recipe) else built(recipe)
    )
    assert endings_of(shaped) == {""}
    shaped, _ = found(build=lambda recipe: None)
    assert endings_of(shaped) == {"qat"}


@pytest.mark.parametrize("options", [{"aim": "size"}, {"samples": 0}])
def test_by_size_or_where_nothing_is_trained_nothing_is_measured(options):
    study = Study()
    found(study=study, **options)
    assert not study
