"""A building process: replaced after so many jobs and after a crash, its log kept where named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.build.process import BuildProcess
from bench.errors import BuildError
from tests.unit.workers.test_client import OBEDIENT


@pytest.fixture
def process(tmp_path: Path) -> Iterator[BuildProcess]:
    made = BuildProcess(OBEDIENT, tmp_path / "log", most_jobs=2)
    yield made
    made.close()


def pid(process: BuildProcess) -> int:
    return int(process.ask({"then": "pid"}, "x", lambda *_: None)["answer"])


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_lives_for_a_bounded_number_of_jobs(process: BuildProcess) -> None:
    first, second, third, fourth, fifth = (pid(process) for _ in range(5))
    assert first == second
    assert third == fourth
    assert len({first, third, fifth}) == 3
    assert [is_running(number) for number in (first, third, fifth)] == [False, False, True]


def test_a_crash_is_told_with_its_log_and_the_next_job_is_done(
    process: BuildProcess, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="ended by signal 9") as caught:
        process.ask({"then": "die"}, "x", lambda *_: None)
    assert str(tmp_path / "log") in caught.value.hint
    assert pid(process)
    process.close()
    assert (tmp_path / "log").is_file()


def test_a_log_that_nobody_was_told_of_is_deleted(process: BuildProcess, tmp_path: Path) -> None:
    pid(process)
    process.close()
    assert not (tmp_path / "log").exists()
