"""What a phone is like at a moment, and whether it is fit to be measured on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.errors import StableLaunchError
from bench.targets import Progress
from bench.targets._adb.options import Options

SKIN = "3"  # android.os.Temperature.TYPE_SKIN
THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
BATTERY_STATUS = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
FRESH_S = 3.0
POLL_S = 1.0


@dataclass(frozen=True)
class DeviceState:
    """One reading of state.sh; what the phone does not tell is None or missing.

    Attributes:
        celsius: what the gate looks at: the hottest skin sensor, else the battery. Junction
            temperatures of CPU and GPU say little: they swing by tens of degrees within a second.
        temperatures: every sensor in °C.
        khz: current frequency by core.
        work_us: time of the fixed CPU work, where it was asked for.
    """

    celsius: float | None
    temperatures: Mapping[str, float]
    thermal_status: int | None
    battery_level: int | None
    battery_status: str | None
    plugged: str | None
    khz: Mapping[str, int]
    screen: str | None
    work_us: int | None
    read_at: float

    def facts(self) -> dict[str, object]:
        """As facts of a launch, without what is unknown."""
        status = self.thermal_status
        facts: dict[str, object] = {
            "celsius": self.celsius,
            "temperatures": dict(self.temperatures),
            "thermal_status": None if status is None else _status_name(status),
            "battery_level": self.battery_level,
            "battery_status": self.battery_status,
            "plugged": self.plugged,
            "khz": dict(self.khz),
            "screen": self.screen,
        }
        return {key: value for key, value in facts.items() if value not in (None, {})}


def parse_state(values: Mapping[str, str], read_at: float) -> DeviceState:
    """A reading from the values of an answer; ``read_at`` is the host's monotonic clock."""
    temperatures: dict[str, float] = {}
    skin: list[float] = []
    for key, text in values.items():
        kind, _, name = key.partition(".")
        if kind == "temperature" and (heat := _number(text)) is not None:
            sensor_type, _, sensor = name.partition(".")
            temperatures[sensor] = heat
            if sensor_type == SKIN:
                skin.append(heat)
        elif kind == "zone" and (heat := _number(text)) is not None:
            temperatures[name] = _celsius_of_zone(heat)
            if "skin" in name:
                skin.append(temperatures[name])
    decicelsius = _number(values.get("battery_decicelsius", ""))
    if decicelsius is not None:
        temperatures["battery"] = decicelsius / 10
    celsius = max(skin) if skin else temperatures.get("battery")
    status = _integer(values.get("battery_status", ""))
    return DeviceState(
        celsius=celsius,
        temperatures=temperatures,
        thermal_status=_integer(values.get("thermal_status", "")),
        battery_level=_integer(values.get("battery_level", "")),
        battery_status=None if status is None else BATTERY_STATUS.get(status, str(status)),
        plugged=values.get("plugged"),
        khz={
            key[4:]: int(text)
            for key, text in values.items()
            if key.startswith("khz.") and text.isdigit()
        },
        screen=values.get("screen"),
        work_us=_integer(values.get("work_us", "")),
        read_at=read_at,
    )


def _celsius_of_zone(raw: float) -> float:
    """Vendors write a zone in millidegrees, in tenths, or in degrees."""
    if abs(raw) >= 1000:
        return raw / 1000
    return raw / 10 if abs(raw) > 150 else raw


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _status_name(status: int) -> str:
    return THERMAL_STATUS[status] if 0 <= status < len(THERMAL_STATUS) else str(status)


def unfit(state: DeviceState, options: Options, cool_work_us: int | None) -> list[str]:
    """Why the phone should not be measured on now, in few words each; empty if it may.

    ``cool_work_us`` is what the fixed work took when the phone was cool. That more than a tenth
    slower means throttled is the rule of Jetpack's benchmark library (androidx.benchmark,
    ThrottleDetector).
    """
    reasons = []
    if state.celsius is not None and state.celsius > options.max_celsius:
        reasons.append(f"cooling {state.celsius:.1f} °C, limit {options.max_celsius:g} °C")
    if state.thermal_status is not None and state.thermal_status > options.max_thermal_status:
        reasons.append(f"thermal status {_status_name(state.thermal_status)}")
    work_us = state.work_us or 0
    if cool_work_us and work_us > cool_work_us * (1 + options.max_slowdown):
        slower = work_us / cool_work_us - 1
        reasons.append(f"throttled, fixed work {slower:.0%} slower than when cool")
    if state.battery_level is not None and state.battery_level < options.min_battery:
        reasons.append(f"battery {state.battery_level} %, limit {options.min_battery} %")
    return reasons


class Gate:
    """Lets a launch begin only on a fit phone, and waits for that within a bound.

    Args:
        look: reads the state, with the slow parts (screen, fixed work) if told so.
        options: limits and bound.
        closing: set when the harness leaves; the wait then ends at once.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        look: Callable[[bool, Progress], DeviceState],
        options: Options,
        closing: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._options = options
        self._closing = closing
        self._clock = clock
        self._last: DeviceState | None = None
        self._full_at: float | None = None
        self._gave_up = False
        self.cool_work_us: int | None = None
        self.work_us: int | None = None
        self.screen: str | None = None

    def remember(self, state: DeviceState) -> None:
        """A reading that somebody made anyway, so that the next launch need not look again."""
        self._last = state

    def wait(self, progress: Progress) -> tuple[DeviceState, float]:
        """The state in which a launch may begin, and how many seconds it took to get there.

        Raises:
            StableLaunchError: class ``gate``: not within the bound, which is granted once.
        """
        start = self._clock()
        patience_s = 0.0 if self._gave_up else self._options.gate_timeout_s
        state = self._current(progress)
        while reasons := unfit(state, self._options, self.cool_work_us):
            waited = self._clock() - start
            if waited >= patience_s or self._closing.is_set():
                self._gave_up = True
                raise StableLaunchError(
                    f"the phone was not fit within {patience_s:g} s: {'; '.join(reasons)}",
                    hint="let it cool and charge, out of its case and off the sun; or allow more "
                    "with max_celsius, max_thermal_status, min_battery or gate_timeout_s",
                    error_class="gate",
                )
            progress("; ".join(reasons))
            self._closing.wait(min(POLL_S, max(patience_s - waited, 0.05)))
            state = self._read(True, progress) if state.work_us else self._read(False, progress)
        self._gave_up = False
        return state, self._clock() - start

    def _current(self, progress: Progress) -> DeviceState:
        """The last reading if it is fresh and complete enough, else a new one."""
        now = self._clock()
        every = self._options.throttle_every_s
        if self._full_at is None or now - self._full_at >= every:
            return self._read(True, progress)
        last = self._last
        if last is not None and not self._gave_up and now - last.read_at <= FRESH_S:
            return last
        return self._read(False, progress)

    def _read(self, full: bool, progress: Progress) -> DeviceState:
        state = self._look(full, progress)
        self._last = state
        if full:
            self._full_at = self._clock()
            self.screen = state.screen or self.screen
            self.work_us = state.work_us
            # The quickest ever seen on a phone that is fit otherwise is what "cool" means.
            if state.work_us and not unfit(state, self._options, None):
                self.cool_work_us = min(self.cool_work_us or state.work_us, state.work_us)
        return state
