"""The tree of errors is the one that its docstring draws, and every error names a cure."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from bench import errors
from bench.errors import (
    BenchError,
    LaunchError,
    StableLaunchError,
    TransientLaunchError,
    VerificationError,
    root_of,
    telling_line,
)

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


EVERY_ERROR = [
    BenchError("it broke", hint="mend it"),
    VerificationError("not in the file", hint="report it"),
    TransientLaunchError("lost", hint="plug it in", error_class="device_lost"),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_an_error_can_be_copied_and_pickled(error, again):
    other = again(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)


@pytest.mark.parametrize(
    ("text", "last", "line"),
    [
        ("first\nsecond", False, "first"),
        ("first\n\n  second \n", True, "second"),
        (
            "Traceback\n  File x\nm.py:3: error: no such op\nnote",
            False,
            "m.py:3: error: no such op",
        ),
        ("", False, "ValueError"),
        ("x" * 500, False, "x" * 200),
    ],
)
def test_the_line_that_says_most(text, last, line):
    assert telling_line(ValueError(text), last=last) == line


def test_the_root_of_a_chain():
    root = KeyError("at the bottom")
    middle = ValueError("around it")
    middle.__cause__ = root
    top = RuntimeError("at the top")
    top.__context__ = middle
    assert root_of(top) is root
