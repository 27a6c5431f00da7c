"""Which targets a user means."""

from __future__ import annotations

import pytest

from bench.errors import TargetError
from bench.pipeline import choose


@pytest.mark.parametrize(
    ("text", "split"), [("local", ("local", None)), ("local:0:1", ("local", "0:1"))]
)
def test_a_target_is_a_kind_and_an_address(text, split):
    assert choose.split(text) == split


@pytest.mark.parametrize(
    ("text", "words"), [("lcoal", "did you mean 'local'"), ("local:", "names no device")]
)
def test_a_target_that_is_none(text, words):
    with pytest.raises(TargetError, match=words):
        choose.split(text)
