"""A search in every format: the answer, its front and all trials."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import pytest

from bench import plugins
from bench.formats._search import trials
from bench.records import read
from bench.report import assemble
from bench.report.searched import searched
from tests import examples

HOSTILE = "</script><script>alert(1)</script>|"


@pytest.fixture
def report(tmp_path):
    return assemble(read(examples.searched(tmp_path / "s.jsonl")))


def shown(report, name):
    return plugins.load("formats", name).render(report)


def test_text_ends_with_what_to_ship(report):
    lines = shown(report, "text").splitlines()
    assert lines[-1] == searched(report).line()
    assert any("cluster:7" in line and "failed: it broke" in line for line in lines)


def test_a_long_table_of_a_terminal_keeps_what_was_on_the_front(report):
    found = searched(report)
    short = trials(found, most=4)
    assert [row[0] for row in short.cells] == ["1", "2", "3", "5"]
    assert any("not shown: 1 trial" in note for note in short.notes)
    assert len(trials(found).cells) == 5


def test_markdown_begins_with_what_to_ship_and_has_all_trials(report):
    made = shown(report, "md")
    assert made.startswith(f"**{searched(report).line()}**")
    assert all(f"cluster:{number}" in made for number in range(4, 9))


def test_json_holds_all_trials_and_the_answer(report):
    made = json.loads(shown(report, "json"))["search"]
    assert made["ship"] == "front-1"
    assert made["line"] == searched(report).line()
    assert [trial["recipe"] for trial in made["trials"]] == [f"cluster:{n}" for n in range(4, 9)]
    assert made["limits"]["loss"] == 0.01


def test_csv_says_which_trial_a_variant_was_and_which_to_ship(report):
    rows = {row["variant"]: row for row in csv.DictReader(shown(report, "csv").splitlines())}
    assert {name: row["ship"] for name, row in rows.items()} == {
        "float32": "False",
        "front-1": "True",
        "front-2": "False",
    }
    assert float(rows["front-1"]["trial"]) == 5
    assert float(rows["front-1"]["validation_loss"]) == 0.008


def test_a_report_of_a_run_has_the_same_columns_and_no_search(tmp_path, report):
    plain = assemble(read(examples.write(tmp_path / "r.jsonl", examples.session(), [])))
    assert list(plain.to_dataframe().columns) == list(report.to_dataframe().columns)
    assert "search" not in json.loads(shown(plain, "json"))


@pytest.mark.parametrize("end", [True, False])
def test_a_page_shows_the_answer_the_growing_front_and_all_trials(tmp_path, end):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    made = assemble(read(examples.searched(tmp_path / "s.jsonl", end=end)))
    page = shown(made, "html")
    (data,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page)
    specs = json.loads(data)
    assert {"trials-front", "trials-progress", "pareto-zipped"} <= set(specs)
    (slider,) = [s for s in specs["trials-front"]["signals"] if s["name"] == "trials_so_far"]
    assert slider["bind"]["max"] == slider["value"] == 5
    assert "<strong>Ship front-1 within 1 point of accuracy.</strong>" in page
    assert page.count('class="answer"') == 1
    assert "weights of about 9 kB zipped" in page
    assert "failed: it broke" in page
    assert ("not finished" in page) is not end


def test_pictures_show_the_trials_too(report):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    made = shown(report, "svg")
    assert "lost on validation samples" in made
    assert "front-1" in made
    assert shown(report, "png").startswith(b"\x89PNG")


def test_what_a_search_holds_is_text_and_never_markup(tmp_path):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    kept = examples.search()
    broken = replace(kept.trials[3], outcome=examples.outcome(0, None, failure=HOSTILE))
    trials = (*kept.trials[:3], broken, kept.trials[4])
    dropped = tuple(replace(point, reason=HOSTILE) for point in kept.dropped)
    hostile = replace(kept, trials=trials, dropped=dropped, ended=HOSTILE)
    made = assemble(read(examples.searched(tmp_path / "s.jsonl", hostile)))
    page = shown(made, "html")
    assert HOSTILE not in page
    assert page.count("</script>") == 3
    assert r"<script>alert(1)</script>\|" in shown(made, "md")


def test_a_search_that_tried_nothing_says_so(tmp_path):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    nothing = examples.search(trials=(), front={})
    made = assemble(read(examples.searched(tmp_path / "s.jsonl", nothing)))
    page = shown(made, "html")
    assert "Nothing was tried" in page
    assert "<strong>Ship float32.</strong><p>no trial keeps to the limits</p>" in page
    assert shown(made, "svg")
