"""Which targets a user means."""

from __future__ import annotations

import pytest

from bench.errors import TargetError
from bench.pipeline import choose
from bench.values import Plan


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


@pytest.mark.parametrize("targets", ["local", ["local"], [], ["local", "adb:X"]])
def test_a_misspelt_option_is_refused_by_every_target(targets, monkeypatch):
    monkeypatch.setattr(choose, "ready_phones", lambda options: [])
    with pytest.raises(TargetError, match="no option 'max_celsuis' for"):
        choose.open_targets(targets, Plan(), {"max_celsuis": "30"})


def test_an_option_of_another_target_is_not_ignored():
    with pytest.raises(TargetError, match="no option 'max_celsius' for local"):
        choose.open_targets("local", Plan(), {"max_celsius": "30"})
    choose.check_options({"max_celsius": "30"}, ["local", "adb"])


def test_the_hint_names_the_nearest_option():
    with pytest.raises(TargetError) as caught:
        choose.check_options({"max_celsuis": "30"}, ["adb"])
    assert "did you mean 'max_celsius'?" in caught.value.hint
