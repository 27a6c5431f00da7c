"""A page is one file, asks for nothing, runs nothing of a report's, and says what is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

from bench.formats import html
from bench.records import read
from bench.report import assemble
from bench.values import Environment, Failure
from tests import examples

pytest.importorskip("altair", reason="the extra `plot` is not installed")

NAMES = ["float32", "quantize:int8"]
HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


def made(tmp_path, items, *, end=True, **session):
    session = examples.session(launches=6, **session)
    return html.render(
        assemble(read(examples.write(tmp_path / "x.jsonl", session, items, end=end)))
    )


@pytest.fixture
def items():
    return [
        examples.ENVIRONMENT,
        examples.accuracy("float32", 2000, top1=0.9),
        examples.accuracy("quantize:int8", 2000, top1=0.9, before=0.9, swapped=1),
        *examples.launches(NAMES, 6),
    ]


def charts(page):
    (data,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)
    return json.loads(data)


def test_a_page_is_one_small_file_that_asks_for_nothing(tmp_path, items):
    page = made(tmp_path, items)
    assert len(page.encode()) < 3_000_000
    assert "default-src 'none'" in page
    body = page[: page.index("<script>")]
    assert not re.search(r'(src|href)="(?!data:)', body)


def test_only_the_pages_own_scripts_may_run(tmp_path, items):
    page = made(tmp_path, items)
    (policy,) = re.findall(r"script-src ([^;]*);", page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    digests = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts}
    assert set(policy.split()) == {f"'sha256-{digest}'" for digest in digests}
    assert "unsafe" not in policy


def test_what_a_report_holds_is_text_and_never_markup(tmp_path):
    variants = (examples.variant(HOSTILE), examples.variant("quantize:int8", 400, 200))
    page = made(
        tmp_path,
        [
            Environment("local", "local", HOSTILE, {"cpu": HOSTILE}),
            *examples.launches([HOSTILE, "quantize:int8"], 6),
            Failure(HOSTILE, "", None, "build", HOSTILE, HOSTILE),
        ],
        variants=variants,
        command=("run", HOSTILE),
    )
    assert HOSTILE not in page
    assert "<img" not in page[: page.index("<script>")]
    assert page.count("</script>") == 3


def test_a_page_made_from_python_shows_no_command(tmp_path, items):
    page = made(tmp_path, items, command=())
    assert "made from Python" in page
    assert "<pre>bench" not in page


def test_the_answer_comes_first_and_the_command_last(tmp_path, items):
    page = made(tmp_path, items, command=("run", "tiny.keras", "-r", "quantize:int8"))
    order = [
        page.index(text)
        for text in ("Ship quantize:int8", "All variants", "Launches on", "bench run tiny.keras")
    ]
    assert order == sorted(order)


def test_each_figure_can_be_drawn(tmp_path, items):
    drawn = charts(made(tmp_path, items))
    assert set(drawn) == {"pareto-median", "pareto-zipped", "launches", "spread"}
    assert all(
        spec["$schema"].startswith("https://vega.github.io/schema/vega/") for spec in drawn.values()
    )


def test_limits_can_be_dragged(tmp_path, items):
    signals = {s["name"]: s for s in charts(made(tmp_path, items))["pareto-median"]["signals"]}
    for name, axis in (("limit_median", "x"), ("limit_score", "y")):
        (drag,) = signals[name]["on"]
        assert drag["update"] == f"invert('{axis}', {axis}())"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "Nothing was measured"),
        ([Failure("float32", "local", 0, "crash", "it broke", "again")], "it broke"),
        ([examples.ENVIRONMENT, *examples.launches(NAMES, 6)], "Accuracy is not known"),
        ([examples.ENVIRONMENT, examples.launch()], "more launch"),
    ],
)
def test_a_page_says_what_is_missing(tmp_path, content, said):
    assert said in made(tmp_path, content)


def test_a_run_that_is_not_finished_says_so(tmp_path, items):
    assert "not finished" in made(tmp_path, items, end=False)
    assert "not finished" not in made(tmp_path / "other", items)


def test_one_variant_and_sixty_are_pages_too(tmp_path):
    one = made(
        tmp_path / "one",
        [examples.ENVIRONMENT, *examples.launches(["float32"], 6)],
        variants=(examples.FLOAT32,),
    )
    assert "Ship float32" in one
    names = [f"prune:0.{number:02d}" for number in range(60)]
    many = made(
        tmp_path / "many",
        [
            examples.ENVIRONMENT,
            *(
                examples.launch(name, block, samples_us=[100 + number, 101 + number])
                for block in range(6)
                for number, name in enumerate(names)
            ),
        ],
        variants=[examples.variant(name) for name in names],
    )
    assert many.count("data-variant=") == 60
    assert not charts(many)["launches"].get("legends"), "colours that repeat tell nothing apart"
    assert charts(one)["launches"]["legends"]
    assert "Hover over a mark for its variant." in many
    assert "Hover over a mark for its variant." not in one


def test_two_targets_are_two_tables_on_equal_axes(tmp_path):
    phone = Environment("adb:1", "adb", "a phone")
    there = [replace(launch, target="adb:1") for launch in examples.launches(NAMES, 6, base_us=900)]
    page = made(
        tmp_path,
        [examples.ENVIRONMENT, phone, *examples.launches(NAMES, 6), *there],
        targets=("local", "adb:1"),
    )
    assert page[: page.index("<script>")].count("<table>") == 2
    assert page.count('class="answer"') == 2
    assert re.findall(r"<figure><h4>(.*?)</h4>", page)[:2] == ["this machine", "a phone"]


def test_a_report_of_the_first_schema_makes_a_page():
    path = examples.ROOT / "tests" / "data" / "reports" / "schema-1.jsonl"
    assert "<table>" in html.render(assemble(read(path)))
