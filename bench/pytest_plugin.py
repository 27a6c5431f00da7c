"""Latency of a model in a test, measured by our launches and kept by pytest-benchmark.

::

    def test_latency(latency):
        latency("model.tflite", target="adb")

The figures are handed to pytest-benchmark as its rounds, one per launch (its median, in seconds),
so that its table, ``--benchmark-save``, ``--benchmark-compare``,
``--benchmark-compare-fail=median:5%`` and its JSON work on figures of a device. What it cannot hold
(the interval, the P99, the environment) is in its ``extra_info``.

With samples a phone is also asked for its answers, and a test whose answers are wrong fails::

    def test_latency(latency):
        latency("model.tflite", data="samples.npz", target="adb")

A test that takes ``latency_recipe`` too runs once for each recipe of ``--latency-recipes``::

    def test_latency(latency, latency_recipe):
        latency("model.keras", recipe=latency_recipe)

Options: ``--latency-target`` (``auto``, ``local``, ``adb``, ``adb:SERIAL``),
``--latency-launches``, ``--latency-recipes`` and ``--latency-no-phone`` (``local``, the default, or
``skip``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from bench.values import Plan, Summary

if TYPE_CHECKING:
    from bench.targets import Target

TARGET_OPTION = "--latency-target"
NO_BENCHMARK = (
    "the fixture latency keeps its figures in pytest-benchmark, which is not there: "
    "pip install pytest-benchmark, and do not disable it"
)
MEASURED_HERE = pytest.StashKey[list[str]]()
"""Tests that wanted a phone and were measured on this machine."""


class Clock:
    """Stands still, but for each round by the next launch's latency: pytest-benchmark's timer."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def read(self) -> float:
        """Seconds since it was made."""
        return self._now_s

    def advance(self, latency_us: float) -> None:
        """One round."""
        self._now_s += latency_us / 1e6


CLOCK = pytest.StashKey[Clock]()
"""Of each test that uses the fixture."""


class Latency(Protocol):
    """What the fixture offers."""

    def __call__(
        self,
        source: str | Path | Any,
        *,
        recipe: str | None = None,
        data: Any = None,
        target: str | Target | None = None,
        launches: int | None = None,
        custom_objects: str | None = None,
        **plan: Any,
    ) -> Summary:
        """Measure one variant and hand its figures to pytest-benchmark, which keeps one per test.

        Args:
            source: a ready .tflite, or a model as ``bench run`` takes it.
            recipe: what to build of a source model; None is ``float32``.
            data: samples, as ``bench run`` takes them. A phone is then asked for its answers to
                them, and the test fails where these are wrong or differ from this machine's.
            target: where, over the command line's choice; also a target made by hand.
            launches: how many, over the command line's choice.
            custom_objects: the module with the model's own layers, which building runs.
            plan: further fields of :class:`bench.values.Plan`, such as ``threads=4``, or
                ``until=0.02`` to launch until the median is known to within 2 %.

        Returns:
            The summary, so that a test may assert on it.
        """


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that every test suite with this plugin has."""
    group = parser.getgroup("latency", "latency of models (tflite-bench)")
    group.addoption(
        TARGET_OPTION,
        default="auto",
        metavar="TARGET",
        help="auto (a phone if one is ready), local, adb or adb:SERIAL (default: auto)",
    )
    group.addoption(
        "--latency-launches",
        type=int,
        default=Plan().launches,
        metavar="N",
        help="processes per measurement (default: %(default)s)",
    )
    group.addoption(
        "--latency-recipes",
        default="float32",
        metavar="RECIPES",
        help="what latency_recipe stands for, one after the other, with blanks between "
        "(default: float32)",
    )
    group.addoption(
        "--latency-no-phone",
        choices=["local", "skip"],
        default="local",
        help="what to do where a phone is wanted and none is ready (default: local)",
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say loudly whose figures are not a phone's."""
    for test in config.stash.get(MEASURED_HERE, []):
        terminalreporter.write_line(
            f"NO PHONE is attached: {test} was measured on this machine's LiteRT interpreter, "
            "whose figures say little about a phone",
            yellow=True,
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``latency_recipe`` once for each recipe asked for."""
    if "latency_recipe" in metafunc.fixturenames:
        recipes = metafunc.config.getoption("--latency-recipes").split()
        metafunc.parametrize("latency_recipe", recipes)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have pytest-benchmark time a test that uses the fixture by a clock of the launches."""
    if "latency" not in getattr(item, "fixturenames", ()):
        return
    clock = item.stash.setdefault(CLOCK, Clock())
    # The nearest marker is the only one that pytest-benchmark reads: the user's own goes into ours.
    theirs = item.get_closest_marker("benchmark")
    options = {**(theirs.kwargs if theirs else {}), "timer": clock.read}
    item.add_marker(pytest.mark.benchmark(**options), append=False)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Without pytest-benchmark say what is missing, where the fixture is used."""
    plugins = session.config.pluginmanager
    if not plugins.has_plugin("pytest-benchmark"):
        session.config.addinivalue_line("markers", "benchmark: read by pytest-benchmark")
        plugins.register(_NoBenchmark(), "tflite-bench-no-benchmark")


class _NoBenchmark:
    """Stands in for pytest-benchmark."""

    @pytest.fixture
    def benchmark(self) -> None:
        """What is needed."""
        pytest.fail(NO_BENCHMARK, pytrace=False)


@pytest.fixture
def latency(request: pytest.FixtureRequest, benchmark: Any) -> Latency:
    """Measure a model's latency with launches of its own; see the module.

    It takes ``benchmark`` though it is used by its name only: ``--benchmark-only`` and
    ``--benchmark-skip`` choose tests by that.
    """
    calls: list[str] = []

    def measure_latency(
        source: str | Path | Any,
        *,
        recipe: str | None = None,
        data: Any = None,
        target: str | Target | None = None,
        launches: int | None = None,
        custom_objects: str | None = None,
        **plan: Any,
    ) -> Summary:
        if CLOCK not in request.node.stash:
            pytest.fail(
                "latency was asked for by getfixturevalue, too late for pytest-benchmark: take it "
                "as an argument of the test",
                pytrace=False,
            )
        if calls:
            pytest.fail(
                f"latency was called for {calls[0]} before, and pytest-benchmark keeps one figure "
                "per test: make it two tests, or parametrize one",
                pytrace=False,
            )
        calls.append(str(source))
        # Every pytest run where this package is installed loads this plugin: the package itself is
        # loaded by those that use it.
        from bench.pytest_latency import measured

        option = request.config.getoption
        return measured(
            request,
            source,
            recipe=recipe,
            data=data,
            custom_objects=custom_objects,
            wanted=target or option(TARGET_OPTION),
            no_phone=option("--latency-no-phone"),
            plan=Plan(launches=launches or option("--latency-launches"), **plan),
            advance=request.node.stash[CLOCK].advance,
            measured_here=request.config.stash.setdefault(MEASURED_HERE, []),
        )

    return measure_latency
