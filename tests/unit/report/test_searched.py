"""What a search found, from its report file alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.records import read
from bench.report import assemble
from bench.report.search_figures import BREAKS, FAILED, KEEPS, limit_of, loss_title, trial_rows
from bench.report.searched import searched
from tests import examples


@pytest.fixture
def found(tmp_path):
    made = searched(assemble(read(examples.searched(tmp_path / "s.jsonl"))))
    assert made is not None
    return made


def test_a_report_of_no_search_has_none(tmp_path):
    path = examples.write(tmp_path / "r.jsonl", examples.session(), [])
    assert searched(assemble(read(path))) is None


def test_the_answer_is_made_of_the_file_alone(found):
    assert (found.chosen, found.certain) == ("front-1", "front-1")
    assert found.line().startswith("ship front-1 within 1 point of accuracy: ")
    notes = " ".join(found.notes())
    assert "front-1 = cluster:8" in notes
    assert "of 4 trials on 1,000 validation samples" in notes


def test_every_trial_is_a_row_behind_float32(found):
    rows = trial_rows(found)
    assert [row["number"] for row in rows] == list(range(6))
    assert [row["state"] for row in rows] == [KEEPS, KEEPS, BREAKS, KEEPS, FAILED, KEEPS]
    assert [row["name"] for row in rows] == ["float32", "", "", "front-2", "", "front-1"]
    assert rows[1]["y"] == pytest.approx(0.5), "0.4 points and a standard error of 0.1"
    assert (rows[4]["x"], rows[4]["y"], rows[4]["failure"]) == (None, None, "it broke")


def test_the_front_grows_and_what_is_beaten_leaves_it(found):
    stays = [(row["joined"], row["left"]) for row in trial_rows(found)]
    assert stays == [(0, None), (1, 3), (2, None), (3, None), (None, None), (5, None)]


def test_the_best_so_far_keeps_to_the_limits(found):
    assert [row["best"] for row in trial_rows(found)] == [0.8, 0.4, 0.4, 0.3, 0.3, 0.2]


def test_what_is_equal_to_one_of_the_front_does_not_join_it(found):
    same = (examples.outcome(400, 0.004), examples.outcome(400, 0.004))
    trials = tuple(
        replace(trial, outcome=outcome)
        for trial, outcome in zip(found.search.trials, same, strict=False)
    )
    again = replace(found, search=replace(found.search, trials=trials, front={}))
    assert [row["joined"] for row in trial_rows(again)] == [0, 1, None]


def test_a_limit_on_the_axis_is_in_its_unit(found):
    limits = replace(found.search.limits, zipped_bytes=250, size_bytes=999)
    limited = replace(found, search=replace(found.search, limits=limits))
    assert limit_of(found) is None
    assert limit_of(limited) == 0.25
    assert loss_title(found) == "lost on validation samples, points"


def test_by_latency_the_slowest_target_counts(found):
    timed = [
        replace(trial, outcome=replace(trial.outcome, times={"a": 2.0, "b": 4.0}))
        for trial in found.search.trials
    ]
    by_time = replace(found, search=replace(found.search, by="latency", trials=tuple(timed)))
    assert [row["x"] for row in trial_rows(by_time)] == [1.0, 0.5, 0.5, 0.5, None, 0.5]
