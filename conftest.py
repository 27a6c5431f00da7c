"""What all tests share: where to measure, and benchmarks that are left out of a normal run."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import pytest

FORWARDED: Mapping[str, tuple[str, str]] = {
    "--target": ("latency_target", "where the fixture `latency` measures: local, adb, adb:SERIAL"),
    "--launches": ("latency_launches", "how many processes it starts per measurement"),
    "--recipes": ("latency_recipes", "what latency_recipe stands for, with blanks between"),
}
"""Short names of bench's own options, for use in this repository alone."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add this repository's own options, and bench's where it is not installed."""
    if not pluginmanager.has_plugin("tflite-bench"):  # the name of its entry point
        pluginmanager.import_plugin("bench.pytest_plugin")
    parser.addoption(
        "--benchmarks", action="store_true", help="run the benchmarks of the harness itself"
    )
    parser.addoption(
        "--shim", help="loopback phones with the shell of other phones: tests/phone/loopback/shims"
    )
    for name, (option, text) in FORWARDED.items():
        kind = int if name == "--launches" else str
        parser.addoption(name, type=kind, help=f"{text} (--{option.replace('_', '-')})")


def pytest_configure(config: pytest.Config) -> None:
    """Hand on what was given under a short name."""
    for name, (option, _) in FORWARDED.items():
        if (value := config.getoption(name)) is not None:
            setattr(config.option, option, value)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave benchmarks out unless they are asked for: they time, and take minutes."""
    if config.getoption("--benchmarks"):
        return
    chosen = [item for item in items if "tests/benchmarks" not in item.path.as_posix()]
    left_out = [item for item in items if item not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = chosen


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell starts what it puts into the background deaf to Ctrl-C, and so its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
