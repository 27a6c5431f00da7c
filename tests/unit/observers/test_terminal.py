"""What is shown of a run on a terminal, in a log, and when little is wanted."""

from __future__ import annotations

import io

from bench.observers.terminal import Terminal


class Screen(io.StringIO):
    """A standard error that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def progress_on(screen, monkeypatch, *, quiet=False):
    monkeypatch.setattr("sys.stderr", screen)
    with Terminal(quiet=quiet) as show:
        for done in range(3):
            show.step("building float32", done, 2)
        show.note("measuring local", "cooling 41.2 °C")
        show.note("measuring local", "cooling 41.2 °C")
        show.warn("it failed [not markup]")
        show.inform("to be known")
        show.finish("measuring")
    return screen.getvalue()


def test_elsewhere_than_on_a_terminal_each_stage_is_one_line(monkeypatch):
    shown = progress_on(Screen(terminal=False), monkeypatch)
    assert shown.splitlines() == [
        "building float32",
        "measuring local: cooling 41.2 °C",
        "it failed [not markup]",
        "to be known",
    ]


def test_quiet_tells_of_faults_alone(monkeypatch):
    for terminal in (False, True):
        shown = progress_on(Screen(terminal=terminal), monkeypatch, quiet=True)
        assert shown == "it failed [not markup]\n"


def test_on_a_terminal_faults_stay_above_the_bars(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert "it failed [not markup]" in progress_on(Screen(terminal=True), monkeypatch)
