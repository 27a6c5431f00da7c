"""When a phone is fit to be measured on, and the wait until it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from bench.errors import StableLaunchError
from bench.targets._adb import options, readiness, state


def silent(_: str) -> None:
    pass


def values(
    celsius: float | None = None, level: int = 80, status: int | None = None, work_us: int = 1000
) -> dict[str, str]:
    """What state.sh would answer; no temperature is told where it is None."""
    temperature = "" if celsius is None else f"temperature: {round(celsius * 10)}"
    battery = ["present: true", f"level: {level}", "scale: 100", "voltage: 4000", temperature]
    found = {"battery": state.JOINT.join(battery), "work_us": str(work_us)}
    if status is not None:
        found["thermal"] = f"Thermal Status: {status}{state.JOINT}HAL Ready: true"
    return found


def reading(found: Mapping[str, str]) -> state.DeviceState:
    return state.parse_state(found, 0.0)


def test_each_gate_has_its_words() -> None:
    bad = reading(values(41.2, level=9, status=2, work_us=1200))
    assert readiness.unfit(bad, options.Options(), 1000) == [
        "cooling 41.2 °C, limit 40 °C",
        "thermal status moderate",
        "throttled, fixed work 20% slower than when cool",
        "battery 9 %, limit 25 %",
    ]
    edge = reading(values(40.0, level=25, status=0, work_us=1100))
    assert readiness.unfit(edge, options.Options(), 1000) == []


def test_a_sensors_own_severity_is_named() -> None:
    sensor = "Temperature{mValue=39.0, mType=3, mName=skin, mStatus=2}"
    lines = ["Thermal Status: 0", "HAL Ready: true", "Current temperatures from HAL:", sensor]
    found = reading({"thermal": state.JOINT.join(lines)})
    assert readiness.unfit(found, options.Options(), None) == ["thermal status moderate (skin)"]


class Phone:
    """A clock, and a state that changes with it."""

    def __init__(self, *changes: tuple[float, Mapping[str, str]]) -> None:
        self.now = 100.0
        self.changes = changes
        self.looks: list[bool] = []
        self.closing = threading.Event()
        self.closing.wait = self._wait  # type: ignore[method-assign]

    def _wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False

    def look(self, full: bool, progress: Callable[[str], None]) -> state.DeviceState:
        self.looks.append(full)
        found = [each for since, each in self.changes if self.now - 100.0 >= since][-1]
        found = dict(found) if full else {k: v for k, v in found.items() if k != "work_us"}
        return state.parse_state(found, self.now)

    def gate(self, **more: float) -> readiness.Gate:
        given = replace(options.Options(), **more)  # type: ignore[arg-type]
        return readiness.Gate(self.look, given, self.closing, lambda: self.now)


COOL = values(30.0)
HOT = values(45.0)
SLOW = values(30.0, work_us=1300)
BLIND = {"work_us": "1000"}


def test_a_hot_phone_is_waited_for_and_that_is_told() -> None:
    phone, said = Phone((0, HOT), (10, COOL)), []
    ready, waited_s = phone.gate().wait(said.append)
    assert ready.hottest == ("battery", 30.0)
    assert 10 <= waited_s <= 12
    assert set(said) == {"cooling 45.0 °C, limit 40 °C"}


def test_a_phone_hot_for_ever_is_given_up_and_then_looked_at_once() -> None:
    phone = Phone((0, HOT), (60, COOL))
    gate = phone.gate(gate_timeout_s=5.0)
    for _ in range(2):
        with pytest.raises(StableLaunchError, match=r"cooling 45\.0 °C") as caught:
            gate.wait(silent)
        assert caught.value.error_class == "gate"
    assert phone.now == pytest.approx(105.0, abs=0.5)
    phone.now = 170.0
    gate.wait(silent)


def test_a_throttled_phone_is_timed_again_until_it_is_quick() -> None:
    phone = Phone((0, COOL), (40, SLOW), (50, COOL))
    gate = phone.gate()
    gate.wait(silent)
    phone.now += 41
    _, waited_s = gate.wait(silent)
    assert waited_s >= 8
    assert gate.cool_work_us == 1000


def test_a_phone_that_begins_hot_does_not_set_what_cool_means() -> None:
    phone = Phone((0, values(45.0, work_us=900)), (5, COOL))
    gate = phone.gate()
    gate.wait(silent)
    assert gate.cool_work_us == 1000


def test_a_fresh_reading_is_used_again_and_an_old_one_is_not() -> None:
    phone = Phone((0, COOL))
    gate = phone.gate()
    gate.wait(silent)
    phone.now += 1
    gate.wait(silent)
    assert phone.looks == [True]
    phone.now += 5
    gate.wait(silent)
    assert phone.looks == [True, False]
    phone.now += 30
    gate.wait(silent)
    assert phone.looks == [True, False, True]


def test_a_gate_that_sees_nothing_says_so_once_and_does_not_wait() -> None:
    phone, said = Phone((0, BLIND)), []
    gate = phone.gate()
    for _ in range(3):
        assert gate.wait(said.append)[1] == 0
        phone.now += 10
    assert said == [readiness.BLIND]


def test_a_made_up_battery_is_no_reason_to_wait() -> None:
    phone, said = Phone((0, values(42.4, level=42))), []
    assert phone.gate(min_battery=60).wait(said.append)[1] == 0
    assert "made up" in said[-1]


def test_a_real_battery_that_passes_through_a_made_up_value_is_waited_for() -> None:
    phone, said = Phone((0, values(43.0)), (5, values(42.4)), (9, COOL)), []
    _, waited_s = phone.gate().wait(said.append)
    assert waited_s >= 9
    assert "cooling 42.4 °C, limit 40 °C" in said


def test_fitness_looks_once_and_waits_for_nothing() -> None:
    phone = Phone((0, HOT))
    found = phone.gate().fitness(silent)
    assert found.reasons == ("cooling 45.0 °C, limit 40 °C",)
    assert phone.now == 100.0
    assert Phone((0, BLIND)).gate().fitness(silent).notes == (readiness.BLIND,)


def test_a_reading_that_lacks_what_there_was_is_made_anew() -> None:
    """A dump that failed once would let a phone pass that is empty or hot."""
    without = [{k: v for k, v in COOL.items() if k != "battery"}] * 2
    answers = iter([COOL, *without, values(30.0, level=9)])

    def look(full: bool, progress: Callable[[str], None]) -> state.DeviceState:
        return reading(next(answers))

    gate = readiness.Gate(look, options.Options(gate_timeout_s=0.0), threading.Event())
    gate.wait(silent)
    gate.remember(reading(without[0]))  # not believed: the next launch looks itself
    with pytest.raises(StableLaunchError, match="battery 9 %"):
        gate.wait(silent)


def test_a_phone_that_tells_less_for_good_is_measured_and_that_is_told() -> None:
    phone, said = Phone((0, COOL), (1, BLIND)), []
    gate = phone.gate()
    gate.wait(said.append)
    phone.now += 5
    ready, _ = gate.wait(said.append)
    assert ready.blind
    assert len(phone.looks) == 2 + readiness.LOOKS_AGAIN
    phone.now += 5
    gate.wait(said.append)
    assert len(phone.looks) == 3 + readiness.LOOKS_AGAIN  # that is how it is now
    assert "the phone no longer tells its charge, which no launch can wait for now" in said
    assert "the phone no longer tells its heat, which no launch can wait for now" in said
