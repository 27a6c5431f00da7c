"""One way to talk to a worker: answers, progress, what it dies of, and how long it may take."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError
from bench.workers import client
from bench.workers.client import Worker, WorkerEndedError, WorkerTimeoutError, error_of

OBEDIENT = "tests.unit.workers.obedient"


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(OBEDIENT) as started:
        yield started


def test_jobs_are_answered_one_after_the_other(worker: Worker) -> None:
    for then in ("first", "second"):
        worker.ask({"then": then})
        assert worker.answer() == {"answer": then}


def test_progress_is_told_and_what_a_library_prints_is_no_answer(worker: Worker) -> None:
    told: list[Any] = []
    lines = [
        json.dumps({"progress": [1, 2]}),
        "INFO: hello",
        "[3]",
        json.dumps({"progress": [2, 2]}),
    ]
    worker.ask({"print": lines, "then": "done"})
    assert worker.answer(lambda done, total: told.append((done, total))) == {"answer": "done"}
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("then", "how"),
    [("die", "by signal 9"), ("exit", "with exit code 3"), ("tear", "with exit code 3")],
)
def test_an_end_without_an_answer_says_how(worker: Worker, then: str, how: str) -> None:
    worker.ask({"then": then})
    with pytest.raises(WorkerEndedError) as caught:
        worker.answer()
    assert caught.value.how == how
    worker.ask({"then": "too late"})
    with pytest.raises(WorkerEndedError):
        worker.answer()


def test_a_late_answer_ends_the_worker(worker: Worker) -> None:
    worker.ask({"then": "sleep"})
    with pytest.raises(WorkerTimeoutError):
        worker.answer(timeout_s=0.1)
    with pytest.raises(WorkerEndedError):
        worker.answer(timeout_s=10)


def test_standard_error_goes_into_the_log(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with Worker(OBEDIENT, log=log) as worker:
        worker.ask({})
        worker.answer()
    assert log.read_text() == "its own words\n"


@pytest.mark.parametrize("then", ["pid", "hear nothing"])
def test_it_ends_when_it_is_asked_to_and_is_killed_where_it_does_not(
    then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "END_S", 0.5)
    worker = Worker(OBEDIENT)
    for job in (then, "pid"):
        worker.ask({"then": job})
        answer = worker.answer()
    worker.end()
    with pytest.raises(ProcessLookupError):
        os.kill(int(answer["answer"]), 0)


def test_an_answer_may_be_one_of_our_errors() -> None:
    error = error_of({"error": "DataError", "message": "bad", "hint": "mend it"})
    assert isinstance(error, DataError)
    assert str(error) == "bad: mend it"
