"""Taking a phone: every wait has a bound and says what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bench.errors import LaunchError, StableLaunchError, TargetError
from bench.targets._adb import options
from bench.targets._adb.session import DeviceSession
from bench.targets._adb.shell import DisconnectedError
from tests.fake_target import FakeShell

BUSY = "lock=t9\nholder={}\nage_s=5\n"
Answers = Callable[[str], bytes | Exception]


def session(lock: str, **more: str) -> tuple[DeviceSession, FakeShell]:
    """A phone that has our scripts, and answers every question for the lock so."""

    def handler(command: str) -> bytes | Exception:
        taking = "settle.sh" in command or "lock.sh" in command
        return f"{lock if taking else ''}%end\n".encode()

    shell = FakeShell(handler)
    made = DeviceSession(shell, options.read_options(more))
    made._scripts = []  # nothing to bring
    return made, shell


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.targets._adb.session.LOCK_POLL_S", 0.05)
    monkeypatch.setattr("bench.targets._adb.shell.POLL_S", 0.01)


@pytest.mark.parametrize(
    "lock",
    [
        "lock=-\nholder=\nage_s=1732550000\n",  # nobody, and no folder to tell an age from
        "lock=t9\nholder=cut\nage_s=1732550000\n",  # dead, and cannot be replaced
        BUSY,
    ],
)
def test_a_lock_that_cannot_be_had_is_asked_for_a_few_times_only(lock: str) -> None:
    ours, shell = session(lock)
    with pytest.raises(TargetError, match="is in use by"):
        ours.take()
    assert len(shell.commands) <= 2


def test_the_wait_for_another_harness_is_bounded_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, shell = session(BUSY, lock_timeout_s="0.4")
    begin = time.monotonic()
    with pytest.raises(TargetError, match=r"is in use by another harness \(last sign 5 s ago\)"):
        ours.take()
    assert time.monotonic() - begin < 5
    assert 3 <= len(shell.commands) <= 12
    assert caplog.text.count("in use by another harness: waiting for it") == 1


def test_a_dead_holder_is_replaced_by_name() -> None:
    ours, shell = session("lock=t9\nholder=cut\nage_s=1000\n")
    with pytest.raises(TargetError):
        ours.take()
    assert " - " in shell.commands[0]
    assert " t9 " in shell.commands[1]


@pytest.mark.parametrize(
    ("lock", "error", "said"),
    [
        ("lock=-\nfull=1\n", StableLaunchError, "is full"),
        ("lock=ours\nfull=1\n", StableLaunchError, "is full"),
        ("lock=-\ndenied=root\nus=shell\n", TargetError, "belongs to root, and adb is shell"),
        ("lock=ours\ndenied=shell\nus=shell\n", TargetError, "cannot be written"),
    ],
)
def test_a_phone_that_cannot_be_used_is_told_at_once(
    lock: str, error: type[LaunchError] | type[TargetError], said: str
) -> None:
    ours, shell = session(lock)
    with pytest.raises(error, match=said):
        ours.take()
    assert len(shell.commands) == 1
    ours.give_back()
    assert len(shell.commands) == (2 if "ours" in lock else 1)  # what was taken is given back


def test_a_phone_that_is_attached_and_silent_is_not_called_gone() -> None:
    shell = FakeShell(lambda command: DisconnectedError("timed out"))
    ours = DeviceSession(shell, options.read_options({"reconnect_s": "0.1"}))
    words: list[str] = []
    with pytest.raises(StableLaunchError, match="is attached and does not answer"):
        ours.link.ask("x", words.append)
    assert any("to answer" in each for each in words)
