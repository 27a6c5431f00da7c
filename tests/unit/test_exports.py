"""The names that users may build on."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest

import bench
from bench import errors, values


def test_the_names_are_sorted_and_named_once():
    assert bench.__all__ == sorted(set(bench.__all__))


@pytest.mark.parametrize("name", bench.__all__)
def test_every_name_is_there_and_described(name):
    thing = getattr(bench, name)
    assert thing.__doc__
    if not isinstance(thing, ModuleType):
        assert thing.__name__ == name
        assert thing.__module__.startswith("bench.")


def test_all_errors_and_all_nouns_are_named():
    public = {
        name
        for module in (errors, values)
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == module.__name__
    }
    assert public <= set(bench.__all__)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(bench.__file__).read_text())
    (typed,) = (node for node in tree.body if isinstance(node, ast.If))
    names = {alias.name for node in ast.walk(typed) for alias in getattr(node, "names", [])}
    assert names == set(bench.__all__)


def test_no_other_name_is_there():
    assert dir(bench) == bench.__all__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = bench.nothing


def test_a_module_is_a_module_however_it_is_reached():
    from bench import build
    from bench.build import Built

    assert bench.build is build
    assert build.Built is Built
