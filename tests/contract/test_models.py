"""Every model that comes along describes itself, and its data fit its own words."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from bench import data, plugins, sources

NAMES = plugins.names("models")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_describes_itself(name):
    module = plugins.load("models", name)
    assert module.__doc__
    assert module.SUMMARY
    assert "\n" not in module.SUMMARY
    assert list(inspect.signature(module.build).parameters) == []
    assert list(inspect.signature(module.data).parameters) == []
    assert module.build.__doc__
    assert module.data.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_its_files_are_there_and_decide_what_it_is(name):
    module = plugins.load("models", name)
    assert all(path.is_file() for path in module.FILES)
    found = sources.resolve(name)
    assert (found.name, found.kind) == (name, "named")
    assert found == sources.resolve(name)


@pytest.mark.parametrize("name", NAMES)
def test_its_data_are_samples_or_it_says_why_there_are_none(name):
    module = plugins.load("models", name)
    samples = sources.own_data(sources.resolve(name))
    if samples is None:
        assert module.NO_ACCURACY
        return
    assert isinstance(samples, data.Data)
    assert samples.test is not None or module.NO_ACCURACY
    again = sources.own_data(sources.resolve(name))
    assert again is not None
    assert again.sha256 == samples.sha256


@pytest.mark.parametrize("name", NAMES)
def test_no_test_sample_is_trained_or_calibrated_on(name):
    samples = sources.own_data(sources.resolve(name))
    if samples is None or samples.test is None:
        pytest.skip(f"{name} brings no test samples")

    def rows(split: data.Split) -> set[bytes]:
        (array,) = split.x.values()
        return {np.ascontiguousarray(row).tobytes() for row in array}

    test = rows(samples.test)
    for purpose, split in samples.splits.items():
        if purpose != "test":
            assert test.isdisjoint(rows(split)), purpose
