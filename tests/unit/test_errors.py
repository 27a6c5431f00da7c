"""The tree of errors is the one that its docstring draws, and every error names a cure."""

from __future__ import annotations

import re

import pytest

from bench import errors
from bench.errors import BenchError, LaunchError, StableLaunchError, TransientLaunchError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, BenchError)
]


def drawn_parents() -> dict[str, str]:
    """Error to parent, by the indentation of the tree in the module's docstring."""
    assert errors.__doc__ is not None
    above: list[tuple[int, str]] = []
    parents = {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r"([\s│├└─]*)(\w+Error)\b", line):
            depth, name = len(found[1]), found[2]
            above = [entry for entry in above if entry[0] < depth]
            parents[name] = above[-1][1] if above else "Exception"
            above.append((depth, name))
    return parents


def test_the_docstring_draws_the_tree():
    assert drawn_parents() == {kind.__name__: kind.__base__.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_and_a_cure_make_one_line(kind):
    extra = {"error_class": "crash"} if issubclass(kind, LaunchError) else {}
    error = kind("it broke", hint="mend it", **extra)
    assert str(error) == "it broke: mend it"
    assert (error.message, error.hint) == ("it broke", "mend it")


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_without_a_cure(kind):
    with pytest.raises(TypeError):
        kind("it broke")


def test_whether_to_retry_is_a_type():
    assert not issubclass(StableLaunchError, TransientLaunchError)
    assert not issubclass(TransientLaunchError, StableLaunchError)
