"""The study: what is proposed, what is kept, and how a killed search goes on."""

from __future__ import annotations

import errno

import pytest

from bench.errors import StoreError
from bench.searching.values import Limits, Outcome
from tests.unit.searching.points import point, space

trials = pytest.importorskip("bench.searching.trials")
pytest.importorskip("optuna", reason="needs the extra [search]")

GOOD = Outcome(1000, 800, 0.004, 0.001, seconds=3)


def study(folder, **options):
    return trials.Study(folder, space(), Limits(), "zipped", seed=0, **options)


def test_a_given_point_is_proposed_as_it_is_and_known_as_asked(tmp_path):
    found = study(tmp_path)
    given = {**point(remove_0=0.5), "rung": 1}
    number, params = found.ask(given, "known shape")
    assert params == given
    assert found.was_asked(given)
    told = found.tell(number, "qat", GOOD)
    assert (told.rung, told.origin, told.outcome) == (1, "known shape", GOOD)


def test_all_that_was_told_is_there_again(tmp_path):
    first = study(tmp_path)
    for loss in (0.001, None):
        number, _ = first.ask({"rung": 0}, "sampler")
        failure = "" if loss is not None else "it broke"
        first.tell(number, "qat", Outcome(1000, 800, loss, failure=failure))
    first.note("seconds", 12.5)
    again = study(tmp_path)
    assert again.trials() == first.trials()
    assert [trial.works for trial in again.trials()] == [True, False]
    assert again.noted("seconds") == 12.5


def test_what_was_running_when_the_process_was_killed_is_proposed_again(tmp_path):
    killed = study(tmp_path)
    _, params = killed.ask({"rung": 0}, "sampler")
    again = study(tmp_path)
    assert again.unfinished == [(params, "sampler")]
    assert not again.was_asked(params)
    assert study(tmp_path).unfinished == []


def test_what_is_proposed_depends_on_the_trials_so_far_alone(tmp_path):
    def proposals(folder, restart):
        folder.mkdir()
        found, seen = study(folder), []
        for index in range(8):
            number, params = found.ask({"rung": 0}, "sampler")
            seen.append(params)
            found.tell(number, "qat", Outcome(1000 - index, 900 - index, 0.002 * index))
            if restart:
                found = study(folder)
        return seen

    assert proposals(tmp_path / "a", False) == proposals(tmp_path / "b", True)


def test_the_sampler_comes_to_where_limits_are_kept(tmp_path):
    """Only few channels may be removed here, and the more are removed, the smaller."""
    found = study(tmp_path)
    last = []
    for _ in range(40):
        number, params = found.ask({"rung": 0}, "sampler")
        removed = params["remove_0"]
        found.tell(number, "qat", Outcome(1000, int(1000 - 900 * removed), removed * 0.03))
        last.append(removed)
    assert sum(0.1 <= removed <= 0.4 for removed in last[20:]) > 10


def test_the_sampler_keeps_away_from_what_looks_drop(tmp_path):
    found = study(tmp_path)
    last = []
    for _ in range(30):
        number, params = found.ask({"rung": 0}, "sampler")
        last.append(params["remove_1"])
        if params["remove_1"] < 0.6:
            found.drop(number, "too large", teaches=True)
        else:
            found.tell(number, "qat", GOOD)
    assert sum(removed >= 0.6 for removed in last[15:]) > 8, "of 15, and by chance 4"


def test_what_was_dropped_is_no_trial(tmp_path):
    found = study(tmp_path)
    number, _ = found.ask({"rung": 0}, "sampler")
    found.drop(number, "too slow")
    assert found.trials() == []
    assert found.asked == 1


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    found = study(tmp_path)
    number, _ = found.ask({"rung": 0}, "sampler")

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(type(found._study._storage), "set_trial_user_attr", full)
    with pytest.raises(StoreError, match="No space left"):
        found.tell(number, "qat", GOOD)
