"""Every format that is found renders any report as text, and writes nothing itself."""

from __future__ import annotations

import inspect

import pytest

from bench import plugins
from bench.errors import UsageError
from bench.records import End, read
from bench.report import assemble
from bench.values import Environment, Failure
from tests import examples

NAMES = plugins.names("formats")
PICTURES = ("png", "svg")
TEXTS = [name for name in NAMES if name not in PICTURES]
VARIANTS = ["float32", "quantize:int8"]
PHONE = Environment("adb:1", "adb", "a phone · 中文 | <b>")

CONTENTS = {
    "whole": [
        examples.ENVIRONMENT,
        examples.accuracy("float32", 10, top1=0.9),
        examples.accuracy("quantize:int8", 10, top1=0.8, agreement=0.9),
        *examples.launches(VARIANTS, 6),
        End(10.0, 9.0),
    ],
    "empty": [],
    "one launch": [examples.launch()],
    "failed": [
        Failure("float32", "local", 0, "crash", "it | broke", "again <now>"),
        Failure("quantize:int8", "", None, "build", "it broke", "again"),
        *examples.launches(["quantize:int8"], 2),
    ],
    "two targets": [
        examples.ENVIRONMENT,
        PHONE,
        *(
            examples.launch("float32", block, target=t)
            for t in ("local", "adb:1")
            for block in (0, 1)
        ),
    ],
}


@pytest.fixture(params=CONTENTS)
def made(request, tmp_path):
    session = examples.session(launches=6, targets=("local", "adb:1"))
    path = examples.write(tmp_path / "x.jsonl", session, CONTENTS[request.param], end=False)
    return assemble(read(path))


@pytest.mark.parametrize("name", NAMES)
def test_a_format_offers_render_and_a_suffix(name):
    module = plugins.load("formats", name)
    assert module.__doc__
    assert module.SUFFIX.startswith(".")
    render = inspect.signature(module.render).parameters
    assert list(render) in (["report", "colour"], ["report", "colour", "view"])
    assert render["colour"].kind is inspect.Parameter.KEYWORD_ONLY
    assert render["colour"].default is False
    assert module.render.__doc__


def test_each_format_has_a_suffix_of_its_own():
    suffixes = [plugins.load("formats", name).SUFFIX for name in NAMES]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("name", TEXTS)
def test_any_report_is_rendered_the_same_again_and_nothing_is_printed(name, made, capsys):
    render = plugins.load("formats", name).render
    shown = render(made)
    assert isinstance(shown, str)
    assert shown.endswith("\n")
    assert "\033" not in shown
    assert render(made) == shown
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_one_of_its_kind_or_one_line_that_says_why_not(name, made):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    render = plugins.load("formats", name).render
    if not any(row.summary for table in made.tables for row in table.rows):
        with pytest.raises(UsageError, match="nothing was measured"):
            render(made)
        return
    shown = render(made)
    assert shown[:4] == {"png": b"\x89PNG", "svg": "<svg"}[name]
    assert render(made) == shown


@pytest.mark.parametrize("name", TEXTS)
def test_every_variant_that_was_measured_is_shown(name, made):
    shown = plugins.load("formats", name).render(made)
    measured = {row.variant.name for table in made.tables for row in table.rows if row.summary}
    assert all(variant in shown for variant in measured)
