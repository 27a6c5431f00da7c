"""What a reader does with a page: look, hover, sort, type a limit, drag one, print, listen."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import cells
from bench.cli import main
from bench.formats import html
from bench.records import read
from bench.report import assemble
from bench.values import Plan, Setting
from tests import examples

pytest.importorskip("altair", reason="the extra `plot` is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

ALONE = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
"""Chromium as a program that asks nobody anything, also where it is started by root."""
NAMES = ["float32", "quantize:int8"]


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shares = {"float32": 0.9, "quantize:int8": 0.8}
    accuracies = [examples.accuracy(name, 10, share) for name, share in shares.items()]
    items = [examples.ENVIRONMENT, *accuracies, *examples.launches(NAMES, 6)]
    path = tmp_path_factory.mktemp("report") / "x.jsonl"
    return examples.write(path, examples.session(launches=6), items)


@pytest.fixture(scope="module")
def file(report: Path) -> Path:
    path = report.with_suffix(".html")
    path.write_text(html.render(assemble(read(report))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def search_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = examples.searched(tmp_path_factory.mktemp("search") / "s.jsonl")
    page = path.with_suffix(".html")
    page.write_text(html.render(assemble(read(path))), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def settings_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = Plan(launches=6, runs=4, settings=(Setting(1), Setting(2)))
    variants = cells.expand((examples.FLOAT32, examples.INT8), plan)
    items = [examples.ENVIRONMENT, *examples.launches([each.name for each in variants], 6)]
    session = examples.session(variants=variants, plan=plan)
    path = examples.write(tmp_path_factory.mktemp("settings") / "r.jsonl", session, items)
    page = path.with_suffix(".html")
    page.write_text(html.render(assemble(read(path))), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def compare_page(report: Path) -> Path:
    page = report.with_name("compare.html")
    main(["compare", str(report), str(report), "-o", str(page)])
    return page


@pytest.fixture(scope="module")
def history_page(report: Path) -> Path:
    page = report.with_name("history.html")
    main(["history", "--reports", str(report.parent), "-o", str(page)])
    return page


class Seen:
    """A page that is open, with all that it said and asked for."""

    def __init__(self, browser: sync_api.Browser, file: Path, **options: object) -> None:
        self.page = browser.new_page(**options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda fault: self.said.append(str(fault)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_function("document.body.dataset.drawn !== undefined", timeout=60_000)


@pytest.fixture
def seen(browser, file) -> Iterator[Seen]:
    opened = Seen(browser, file)
    yield opened
    opened.page.close()


def variants(page) -> list[str]:
    return page.locator("tbody tr[data-variant] th").all_inner_texts()


def test_it_draws_everything_says_nothing_and_asks_nobody(seen, file):
    charts = seen.page.locator(".chart")
    assert seen.page.locator(".chart svg").count() == charts.count() > 0
    assert seen.said == []
    assert seen.asked == [file.as_uri()]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window_and_is_accessible(browser, file, width, scheme):
    axe_core = pytest.importorskip("axe_playwright_python.sync_playwright")
    size = {"width": width, "height": 800}
    seen = Seen(browser, file, viewport=size, color_scheme=scheme)
    overflow = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    scales = seen.page.locator(".chart svg").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width / one.width.baseVal.value)"
    )
    found = axe_core.Axe().run(seen.page).response["violations"]
    seen.page.close()
    assert overflow <= 0
    assert min(scales) > 0.8, "charts are drawn narrower, so that their text stays legible"
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(serious, indent=1)[:3000]


@pytest.mark.parametrize("name", ["search_page", "settings_page", "compare_page", "history_page"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_of_other_kinds_are_as_good(browser, request, name, width, scheme):
    axe_core = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = request.getfixturevalue(name)
    seen = Seen(browser, page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    overflow = seen.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    charts = seen.page.locator(".chart")
    drawn = seen.page.locator(".chart > svg, .chart > div > svg").count()
    found = axe_core.Axe().run(seen.page).response["violations"]
    known = charts.count()
    seen.page.close()
    assert drawn == known > 0
    assert (seen.said, seen.asked, overflow) == ([], [page.as_uri()], 0)
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not serious, json.dumps(serious, indent=1)[:3000]


def test_the_front_of_a_search_grows_with_the_slider_and_hovering_tells_the_recipe(
    browser, search_page
):
    page = Seen(browser, search_page).page
    marks = page.locator("#trials-front svg .mark-symbol path[aria-roledescription='point']")
    assert marks.count() == 5, "float32 and the four that did not fail"
    slider = page.get_by_label("trials shown")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowLeft")
    sync_api.expect(marks).to_have_count(2)
    marks.last.hover(force=True)
    shown = page.locator("#vg-tooltip-element").inner_text()
    page.close()
    assert "cluster:4" in shown
    assert "0.40" in shown


def test_a_column_is_sorted_by_its_figures_both_ways(seen):
    size = seen.page.locator("thead button", has_text=re.compile("^size$"))
    size.click()
    assert variants(seen.page) == ["quantize:int8", "float32"]
    size.press("Enter")
    assert variants(seen.page) == NAMES
    assert seen.page.locator('th[aria-sort="descending"]').count() == 1


def test_hovering_tells_what_the_report_holds(seen, report):
    row = assemble(read(report)).tables[0].rows[0]
    mark = seen.page.locator("#pareto-median svg .mark-symbol path[aria-roledescription]").first
    mark.hover(force=True)
    shown = seen.page.locator("#vg-tooltip-element").inner_text()
    assert row.variant.name in shown
    assert f"{row.summary.median_us.value / 1e3:.5g}" in shown
    assert f"{row.accuracy.top1 * 100:.5g}" in shown


def test_a_limit_that_is_typed_strikes_out_what_breaks_it(seen):
    seen.page.get_by_label("accuracy at least").fill("85")
    broken = seen.page.locator("tr.breaks th").all_inner_texts()
    assert broken == ["quantize:int8"]
    assert "accuracy" in seen.page.locator("tr.breaks").get_attribute("title")
    seen.page.get_by_label("accuracy at least").fill("")
    assert seen.page.locator("tr.breaks").count() == 0


def test_a_limit_that_is_dragged_is_the_one_in_the_field(seen):
    line = seen.page.locator("#pareto-zipped svg .limit_zipped_line_marks line")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x - 200, y, steps=8)
    seen.page.mouse.up()
    field = seen.page.get_by_label("zipped at most")
    assert 0.2 < float(field.input_value()) < 0.8  # kB: the variants have 0.2 and 0.8
    assert seen.page.locator("tr.breaks th").all_inner_texts() == ["float32"]


def test_it_prints_on_white_paper(browser, file, tmp_path):
    seen = Seen(browser, file, color_scheme="dark")
    seen.page.emulate_media(media="print")
    ink = seen.page.evaluate("getComputedStyle(document.body).color")
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    printed = seen.page.pdf()
    seen.page.close()
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    assert printed.startswith(b"%PDF")
