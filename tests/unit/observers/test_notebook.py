"""What a notebook shows while it runs; the display itself is IPython's, stood in for here."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from bench.observers.notebook import Notebook


@pytest.fixture
def shown(monkeypatch):
    """All that was displayed, the last last."""
    pages: list[str] = []
    module = ModuleType("IPython.display")
    module.HTML = lambda text: text
    module.display = lambda text, display_id: SimpleNamespace(update=pages.append)
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return pages


def test_bars_come_and_go_and_lines_stay(shown):
    notebook = Notebook()
    notebook.step("building float32", 1, 4)
    assert shown[-1] == "building float32 <progress value=1 max=4></progress> 1 of 4"
    notebook.inform("to be <known>")
    notebook.warn("it failed")
    notebook.note("measuring adb:1", "cooling 41 °C")
    notebook.step("building float32", 4, 4)
    lines = ["to be &lt;known&gt;", "<b>it failed</b>", "measuring adb:1 cooling 41 °C"]
    assert shown[-1] == "<br>".join(lines)
    notebook.finish("measuring")
    assert shown[-1] == "<br>".join(lines[:2])


def test_what_is_of_unknown_length_has_no_bar(shown):
    Notebook().step("loading TensorFlow", 0, 0)
    assert shown[-1] == "loading TensorFlow "
