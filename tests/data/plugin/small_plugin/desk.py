"""A target that is made up. Options: none."""

from __future__ import annotations

from bench.targets import TargetStatus
from bench.testing import FakeTarget

OPTIONS = ()


def discover(options):
    """It is always there."""
    return [TargetStatus("desk", "ready", "a desk")]


def open(address, plan, options):  # noqa: A001  # the protocol's name
    """The only one."""
    return FakeTarget("desk")
