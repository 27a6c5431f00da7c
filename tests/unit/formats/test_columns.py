"""Which columns a table shows: what fits, what was asked for, and nothing left out in silence."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench import cells
from bench.errors import UsageError
from bench.formats import html, md, text
from bench.formats._columns import columns
from bench.formats._columns.choose import fitted, named, order_of
from bench.formats._columns.lines import width_of
from bench.formats._tables import grids
from bench.records import read
from bench.report import assemble
from bench.report.view import COLUMNS, View, check_column
from bench.values import Environment, Latency, Plan, Setting
from tests import examples

NAMES = ["float32", "quantize:int8"]
PHONE = Environment("adb:1", "adb", "a phone")


def report(path, items, **session):
    session = examples.session(**{"launches": 6, **session})
    return assemble(read(examples.write(path / "x.jsonl", session, items)))


@pytest.fixture
def whole(tmp_path):
    accuracies = [
        examples.accuracy("float32", 1000, top1=0.9),
        examples.accuracy("quantize:int8", 1000, top1=0.875, before=0.9, agreement=0.99),
    ]
    return report(tmp_path, [examples.ENVIRONMENT, *accuracies, *examples.launches(NAMES, 6)])


@pytest.fixture
def two_settings(tmp_path):
    """Both variants under one and two threads on a phone, with its answers."""
    plan = Plan(launches=6, runs=4, settings=(Setting(1), Setting(2)))
    made = cells.expand((examples.FLOAT32, examples.INT8), plan)
    items = [
        PHONE,
        *(examples.accuracy(name, 1000, top1=0.9) for name in NAMES),
        *(examples.answers(cell.name, "same", top1=0.895, agreement=1.0) for cell in made),
        *(
            examples.launch(cell.name, block, target="adb:1", samples_us=[100 + 3 * block, 110])
            for block in range(6)
            for cell in made
        ),
    ]
    return report(tmp_path, items, variants=made, plan=plan, targets=("adb:1",))


def table_of(shown: str) -> list[str]:
    """The lines of the first table, without title and notes."""
    return shown.split("\n\n")[1].splitlines()


def keys(made, view):
    """Those that a terminal shows of the first table, and all about the choice."""
    grid = grids(made)[0]
    chosen = fitted((grid.names(), *grid.columns[1:]), view, order_of(made.tables[0]))
    return [column.key for column in chosen.columns if column.key], chosen


@pytest.mark.parametrize("width", [70, 80, 100, 130, 250])
@pytest.mark.parametrize("which", ["whole", "two_settings"])
def test_a_table_is_as_wide_as_it_may_be_and_names_what_it_leaves_out(request, which, width):
    made = request.getfixturevalue(which)
    lines = text.render(made, view=View(width=width)).splitlines()
    begin = next(index for index, line in enumerate(lines) if line.startswith("  variant"))
    drawn = lines[begin - 1 : begin + 1 + len(made.tables[0].rows)]
    assert max(map(len, drawn)) <= width
    shown, chosen = keys(made, View(width=width - 2))
    table = made.tables[0]
    there = {c.key for c in columns(table, {r.variant.name: "" for r in table.rows}) if c.key}
    assert set(shown) | set(chosen.left_out) == there
    note = [line for line in lines if line.startswith("  not shown: ")]
    assert note == (
        [f"  not shown: {', '.join(chosen.left_out)} (--columns all, or names)"]
        * bool(chosen.left_out)
    )


def test_a_wide_line_shows_all_columns_and_a_narrow_one_some(two_settings):
    shown = [len(keys(two_settings, View(width=width))[0]) for width in (70, 98, 130, 300)]
    assert shown == sorted(shown)
    assert keys(two_settings, View(width=300))[1].left_out == ()


@pytest.mark.parametrize("which", ["whole", "two_settings"])
def test_no_width_shows_a_ratio_without_its_size_or_is_exceeded(request, which):
    made = request.getfixturevalue(which)
    for width in range(70, 170, 3):
        shown, chosen = keys(made, View(width=width))
        assert width_of(chosen.columns) <= width
        for key in ("size", "zipped"):
            assert key in shown or f"{key}-ratio" not in shown


def test_where_there_is_room_both_ends_of_intervals_are_told(two_settings):
    wide = text.render(two_settings, view=View(width=300))
    narrow = text.render(two_settings)
    assert "±" not in "".join(wide.splitlines()[2:8])
    assert wide.count("[0.495, 0.505]") == 4
    assert "±" in "".join(narrow.splitlines()[2:8])
    assert "±: the wider side of an interval" in narrow
    assert "±: " not in wide


def test_the_table_of_a_phone_shows_answers_settings_start_and_memory(two_settings):
    shown, _ = keys(two_settings, View(width=98))
    assert shown[:2] == ["answers", "phone-accuracy"]
    assert {"median", "vs", "init", "memory"} <= set(shown)
    drawn = text.render(two_settings)
    assert re.search(r"quantize:int8 +1 thread +same +89\.5 ±\S+%", drawn)
    assert max(map(len, drawn.splitlines()[2:8])) <= 100


def test_columns_are_shown_in_the_order_asked_for(whole):
    for form in (text, md):
        shown = form.render(whole, view=View(("p99", "size")))
        header = next(line for line in shown.splitlines() if "variant" in line)
        assert re.split(r"\s*\|\s*|\s{2,}", header.strip(" |")) == ["variant", "p99 µs", "size"]
    page = html.render(whole, view=View(("p99", "size")))
    assert re.findall(r'aria-label="sort by ([^"]*)"', page) == ["variant", "p99 µs", "size"]


def test_all_are_all(whole):
    shown = text.render(whole, view=View(("all",)))
    assert "not shown" not in shown
    assert "not in this report" not in shown
    assert {"init", "first", "memory", "lost,"} <= set("".join(table_of(shown)[:2]).split())


def test_what_was_asked_for_and_is_not_there_is_told(whole):
    assert "not in this report: answers, int4" in text.render(whole, view=View(("int4", "answers")))


def test_a_ratio_alone_says_of_what(whole):
    header = table_of(text.render(whole, view=View(("zipped-ratio", "size", "size-ratio"))))[1]
    assert header.split() == ["variant", "zipped,", "times", "smaller", "size", "×"]


def test_an_unknown_column_is_one_line_with_the_nearest(whole):
    with pytest.raises(UsageError, match="no column is called 'medain'") as raised:
        check_column("medain")
    assert "did you mean 'median'?" in raised.value.hint
    assert all(name in raised.value.hint for name in COLUMNS)


def test_every_column_has_a_name_that_can_be_typed(two_settings):
    table = two_settings.tables[0]
    made = columns(table, {row.variant.name: row.variant.name for row in table.rows})
    for column in made[1:]:
        assert check_column(column.key) == column.key
        assert len(column.cells) == len(table.rows)
        assert column.brief == () or len(column.brief) == len(table.rows)
        assert [c.key for c in named(made, View((column.key,))).columns[1:]] == [column.key]


def test_names_of_two_cells_a_letter_stay_in_line(tmp_path):
    variants = (examples.variant("モデル"), examples.INT8)
    made = report(
        tmp_path,
        examples.launches([each.name for each in variants], 6),
        variants=variants,
    )
    from rich.cells import cell_len

    lines = table_of(text.render(made, view=View(("size", "launches"))))[1:4]
    assert len({cell_len(line) for line in lines}) == 1


def test_a_page_has_groups_above_its_columns_and_intervals_below_figures(whole):
    page = html.render(whole)
    assert '<th scope="colgroup" colspan="2">file</th>' in page
    assert re.search(
        r"<td data-value=\"90.0\"><span class=\"figure\">90.00 %</span> <small>\[88\.0, 91\.7\]<",
        page,
    )


def test_a_narrow_table_still_shows_nonsense(tmp_path):
    items = [
        PHONE,
        examples.answers("float32", "same"),
        examples.answers("quantize:int8", "wrong", reason="NaN in 200 of 200 samples"),
        *(examples.launch(name, b, target="adb:1") for b in range(6) for name in NAMES),
    ]
    made = report(tmp_path, items, targets=("adb:1",))
    shown, _ = keys(made, View(width=10))
    assert shown == ["answers", "median", "vs"]
    assert "wrong" in "".join(table_of(text.render(made, view=View(width=10))))


def test_a_margin_holds_the_interval_or_says_that_it_is_none(tmp_path):
    from bench.text import margin
    from bench.values import Estimate

    assert margin(Estimate(100, 97.1, 101, "")) == "100 ±3%"
    assert margin(Estimate(100, 98, 102, "")) == "100 ±2%"
    assert margin(Estimate(100, 99.61, 100.3, "")) == "100 ±0.4%"
    assert margin(Estimate(100, 50, 250, "")) == "100 ±>99%"
    assert margin(Estimate(100, None, None, "")) == "100"


def test_a_figure_that_the_tool_has_rounded_by_a_lot_is_marked(tmp_path):
    """LiteRT's tool prints 0.01 ms: 0.33 ms may be 0.325."""
    items = [examples.ENVIRONMENT]
    for block in range(6):
        for name, mean_us in zip(NAMES, (4330.0, 330.0), strict=True):
            made = examples.launch(name, block)
            items.append(replace(made, latency=Latency(4, mean_us), init_us=7000.0, first_us=None))
    made = report(tmp_path, items)
    for shown in (text.render(made), md.render(made)):
        assert "~0.330 [0.325, 0.335]" in shown
        assert "~4.33" not in shown
        assert "~7.00" not in shown
        assert "~: the tool rounds by up to 5 µs, more than 1 % of the figure" in shown
    assert "~:" not in text.render(made, view=View(("size",)))
