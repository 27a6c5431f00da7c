"""Every kind of target that is found can be discovered, opened and left."""

from __future__ import annotations

import inspect

import pytest

from bench import plugins
from bench.errors import TargetError
from bench.targets import Target, TargetStatus
from bench.values import Plan

KINDS = plugins.names("targets")
METHODS = [name for name in vars(Target) if not name.startswith("_")]


def parameters(function) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def kind_of_target(kind: str) -> type:
    """The class that a kind's ``open`` says it gives."""
    module = plugins.load("targets", kind)
    return getattr(module, inspect.signature(module.open).return_annotation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_offers_discover_and_open(kind):
    module = plugins.load("targets", kind)
    assert module.__doc__
    assert "Options" in module.__doc__
    assert parameters(module.discover) == ["options"]
    assert parameters(module.open) == ["address", "plan", "options"]
    assert module.discover.__doc__
    assert module.open.__doc__


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_target_has_the_methods_of_the_protocol(kind, method):
    ours, protocol = getattr(kind_of_target(kind), method), getattr(Target, method)
    assert ours.__doc__
    if isinstance(protocol, property):
        assert isinstance(ours, property)
    else:
        assert parameters(ours) == parameters(protocol)


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_is_a_context_manager(kind):
    target = kind_of_target(kind)
    assert callable(target.__enter__)
    assert callable(target.__exit__)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_here_is_told_with_the_cure_for_what_is_not_ready(kind):
    # An address that is none keeps a bridge from being started by this test.
    for status in plugins.load("targets", kind).discover({"adb_server": "no such address"}):
        assert isinstance(status, TargetStatus)
        assert status.target.partition(":")[0] == kind
        assert status.state
        assert status.ready == (not status.hint)


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_that_is_none_is_refused(kind):
    with pytest.raises(TargetError) as caught:
        plugins.load("targets", kind).open(
            "no such device", Plan(), {"adb_server": "no such address"}
        )
    assert caught.value.hint


def test_the_local_target_keeps_the_protocols_promises():
    target = plugins.load("targets", "local").open(None, Plan(), {})
    with target as entered:
        assert entered.id == target.id == "local"
        environment = entered.environment()
        assert (environment.target, environment.kind) == ("local", "local")
        entered.prepare([], lambda words: None)
