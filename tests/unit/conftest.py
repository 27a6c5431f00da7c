"""What all unit tests share."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True)
def handlers():
    """The command line takes SIGTERM and SIGHUP for itself; the tests take them back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
