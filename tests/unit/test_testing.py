"""The fake target for tests of users is a target, and gives the same again."""

from __future__ import annotations

import inspect

import pytest

from bench.stats.summary import summarize
from bench.targets import Target
from bench.testing import FakeTarget
from tests import examples


@pytest.mark.parametrize("method", [name for name in vars(Target) if not name.startswith("_")])
def test_it_has_the_methods_of_the_protocol(method):
    ours, protocol = getattr(FakeTarget, method), getattr(Target, method)
    if not isinstance(protocol, property):
        assert list(inspect.signature(ours).parameters) == list(
            inspect.signature(protocol).parameters
        )


def test_its_latencies_are_those_given_and_the_same_again():
    variant = examples.session().variants[1]
    target = FakeTarget(latencies_us={variant.name: 40.0})
    launches = [target.launch(variant, block, print) for block in range(10)]
    assert summarize(launches).median_us.value == pytest.approx(40.0, rel=0.03)
    again = [FakeTarget(latencies_us={variant.name: 40.0}).launch(variant, 3, print)]
    assert again[0].latency == launches[3].latency
    assert target.launched[:2] == [(variant.name, 0), (variant.name, 1)]
