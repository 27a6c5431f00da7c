"""A building process: replaced after so many jobs and after a crash, its log kept where named."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.build.process import BuildPool, BuildProcess
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


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[BuildPool]:
    made = BuildPool([BuildProcess(OBEDIENT, tmp_path / f"log-{n}") for n in range(2)])
    yield made
    made.close()


def ask(pool: BuildPool, **job: str) -> int | str:
    return pool.ask(job, "x", lambda *_: None)["answer"]


def test_where_one_is_asked_at_a_time_one_process_is_enough(pool: BuildPool) -> None:
    assert len({ask(pool, then="pid") for _ in range(3)}) == 1


def test_as_many_jobs_are_done_at_once_as_there_are_processes(pool: BuildPool) -> None:
    first = int(ask(pool, then="pid"))

    def sleep() -> None:
        with pytest.raises(BuildError):
            ask(pool, then="sleep")

    asked = threading.Thread(target=sleep)
    asked.start()
    second = int(ask(pool, then="pid"))
    while second == first:  # the thread had not begun
        second = int(ask(pool, then="pid"))
    pool.kill()
    asked.join(20)
    assert not asked.is_alive()


def state(number: int) -> str:
    """As the kernel tells it: ``T`` is stopped."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]


def test_they_can_be_stopped_where_they_are_and_go_on(pool: BuildPool) -> None:
    number = int(ask(pool, then="pid"))
    pool.hold(still=True)
    end = time.monotonic() + 10
    while state(number) != "T" and time.monotonic() < end:
        time.sleep(0.01)
    assert state(number) == "T"
    pool.hold(still=False)
    assert int(ask(pool, then="pid")) == number


def test_one_that_is_stopped_for_good_can_be_ended(pool: BuildPool) -> None:
    number = int(ask(pool, then="pid"))
    os.kill(number, signal.SIGSTOP)
    pool.kill()
    with pytest.raises(BuildError, match="signal 9"):
        ask(pool, then="pid")
