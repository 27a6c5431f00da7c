"""What a phone is like at a moment: its own dumps of heat and charge, read with doubt.

Three kinds of numbers are not believed. A thermal service whose HAL is not ready says ``Thermal
Status: 0`` and means nothing; its cached temperatures date from the last change of severity,
perhaps hours ago. Boards without a battery tell one that is made up: exactly 42 % or 42.4 °C (AOSP,
healthd, ``BatteryMonitor.cpp``), or 0 of everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.targets._adb import sensors
from bench.targets._adb.sensors import Sensor

JOINT = "|"
"""state.sh sends a dump as one line, with this between."""

THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
BATTERY_STATUS = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
FAKE_LEVEL, FAKE_DECICELSIUS = 42, 424

_SENSOR = re.compile(
    r"Temperature\{mValue=(?P<celsius>[^,]*), mType=(?P<type>-?\d+), mName=(?P<name>.*), "
    r"mStatus=(?P<severity>-?\d+)\}"
)


@dataclass(frozen=True)
class Battery:
    """What ``dumpsys battery`` says; None where it does not, or where it is made up.

    Attributes:
        level: charge in per cent.
        celsius: its temperature.
        status: of :data:`BATTERY_STATUS`.
        plugged: what powers the phone: ``AC``, ``USB``, ``Wireless``, ``Dock``.
        frozen: somebody told it values with ``dumpsys battery set``, and they stay until reset.
        fake: charge or temperature is exactly what a board without a battery tells.
    """

    level: float | None = None
    celsius: float | None = None
    status: str | None = None
    plugged: str | None = None
    frozen: bool = False
    fake: bool = False

    @property
    def believed(self) -> bool:
        """Whether its numbers are of a battery, and of now."""
        return not (self.frozen or self.fake)


@dataclass(frozen=True)
class Thermal:
    """What the thermal service says.

    Attributes:
        status: the highest severity there is, None where the service does not know.
        hottest: the name of the sensor that has it; empty where it is the phone's own figure.
        sensors: with their present temperatures.
        cached: temperatures that are old.
    """

    status: int | None = None
    hottest: str = ""
    sensors: tuple[Sensor, ...] = ()
    cached: tuple[Sensor, ...] = ()


@dataclass(frozen=True)
class DeviceState:
    """One reading of state.sh; what the phone does not tell is None or missing.

    Attributes:
        surface: the hottest skin sensor, by name and in °C; where there is none, the hottest beside
            the processor. Junction temperatures of CPU and GPU say little: they swing by tens of
            degrees within a second.
        temperatures: every sensor in °C.
        cached: temperatures that the phone tells from memory: never gated on.
        thermal_status: 0 none, 1 light, …: the phone's own, or a sensor's where that is higher.
        thermal_status_of: the name of that sensor, empty for the phone's own.
        khz: current frequency by core.
        work_us: time of the fixed CPU work, where it was asked for.
        read_at: seconds on the host's monotonic clock.
    """

    surface: tuple[str, float] | None
    temperatures: Mapping[str, float]
    cached: Mapping[str, float]
    thermal_status: int | None
    thermal_status_of: str
    battery: Battery
    khz: Mapping[str, int]
    screen: str | None
    work_us: int | None
    read_at: float

    @property
    def hottest(self) -> tuple[str, float] | None:
        """What the gate looks at, by name and in °C: the surface, else the battery."""
        if self.surface is None and self.battery.believed and self.battery.celsius is not None:
            return ("battery", self.battery.celsius)
        return self.surface

    @property
    def blind(self) -> bool:
        """Whether the phone tells nothing of its heat."""
        return self.hottest is None and self.thermal_status is None

    def facts(self) -> dict[str, object]:
        """As facts of a launch, without what is unknown."""
        status = self.thermal_status
        sensor, celsius = self.hottest or ("", None)
        level = self.battery.level if self.battery.believed else None
        facts: dict[str, object] = {
            "celsius": celsius,
            "celsius_of": sensor,
            "temperatures": dict(self.temperatures),
            "temperatures_cached": dict(self.cached),
            "thermal_status": None if status is None else status_name(status),
            "thermal_status_of": self.thermal_status_of,
            "battery_level": None if level is None else round(level),
            "battery_status": self.battery.status,
            "plugged": self.battery.plugged,
            "khz": dict(self.khz),
            "screen": self.screen,
        }
        return {key: value for key, value in facts.items() if value not in (None, {}, "")}


def parse_state(values: Mapping[str, str], read_at: float) -> DeviceState:
    """A reading from the values of an answer; ``read_at`` is the host's monotonic clock."""
    thermal = parse_thermal(values.get("thermal", "").split(JOINT))
    battery = parse_battery(values.get("battery", "").split(JOINT))
    heats = list(_heats(thermal, battery, values))
    return DeviceState(
        surface=_surface(heats),
        temperatures=_hottest_by_name(heats),
        cached={} if thermal.sensors else {s.name: s.celsius for s in thermal.cached},
        thermal_status=thermal.status,
        thermal_status_of=thermal.hottest,
        battery=battery,
        khz={
            key[4:]: int(text)
            for key, text in values.items()
            if key.startswith("khz.") and text.isdigit()
        },
        screen=values.get("screen"),
        work_us=_integer(values.get("work_us", "")),
        read_at=read_at,
    )


_Heat = tuple[str, float, sensors.Kind]


def _heats(thermal: Thermal, battery: Battery, values: Mapping[str, str]) -> Iterator[_Heat]:
    """Every temperature of now, by name and kind."""
    kinds = sensors.kinds(thermal.sensors)
    for each in thermal.sensors:
        if kinds[each.name] != "no heat":
            yield each.name, each.celsius, kinds[each.name]
    for name, celsius in sensors.celsius_of_zones(_zones(values)):
        yield name, celsius, sensors.kind_of_name(name) or "other"
    if battery.celsius is not None and battery.believed:
        yield "battery", battery.celsius, "battery"


def _surface(heats: Sequence[_Heat]) -> tuple[str, float] | None:
    for wanted in ("skin", "board"):
        found = [(celsius, name) for name, celsius, kind in heats if kind == wanted]
        if found:
            celsius, name = max(found)
            return name, celsius
    return None


def parse_thermal(lines: Sequence[str]) -> Thermal:
    """``dumpsys thermalservice`` (AOSP, ThermalManagerService.java, dumpInternal)."""
    told = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    ready = told.get("HAL Ready") == "true"
    current, cached = (
        tuple(_sensors_under(lines, title))
        for title in ("Current temperatures from HAL:", "Cached temperatures:")
    )
    kinds = sensors.kinds(current)
    severities = [
        (each.severity, each.name)
        for each in current
        if kinds[each.name] in sensors.THROTTLING and 0 <= each.severity < len(THERMAL_STATUS)
    ]
    status = _integer(told.get("Thermal Status", ""))
    if not ready and not status:
        status = None  # it is 0 from the start, and stays so
    severity, name = max(severities, default=(0, ""))
    if severity > (status or 0):
        return Thermal(severity, name, current, cached)
    return Thermal(status, "", current, cached)


def _sensors_under(lines: Sequence[str], title: str) -> Iterator[Sensor]:
    """The sensors that are listed under a title, up to the next one."""
    inside = False
    for line in lines:
        match = _SENSOR.search(line)
        if match is None:
            inside = line.strip() == title
        elif inside:
            celsius = _number(match["celsius"])
            if celsius is not None and sensors.real(celsius):
                yield Sensor(match["name"], int(match["type"]), celsius, int(match["severity"]))


def parse_battery(lines: Sequence[str]) -> Battery:
    """``dumpsys battery`` (AOSP, BatteryService.java, dumpInternal); vendors add lines below."""
    told: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.strip().partition(":")
        if colon:
            told.setdefault(key.lower(), value.strip())
    level, scale = _number(told.get("level", "")), _number(told.get("scale", "100"))
    decicelsius = _integer(told.get("temperature", ""))
    status = _integer(told.get("status", ""))
    plugged = next(
        (key[: -len(" powered")] for key, value in told.items() if _powers(key, value)), None
    )
    percent = level / scale * 100 if level is not None and scale and scale > 0 else None
    empty = not level and not decicelsius and told.get("voltage", "0") == "0"
    if told.get("present") == "false" or empty:
        return Battery(plugged=_spelled(plugged))
    return Battery(
        level=percent if percent is not None and 0 <= percent <= 100 else None,
        celsius=decicelsius / 10 if decicelsius and sensors.real(decicelsius / 10) else None,
        status=None if status is None else BATTERY_STATUS.get(status, str(status)),
        plugged=_spelled(plugged),
        frozen=any("UPDATES STOPPED" in line for line in lines),
        fake=(level, scale) == (FAKE_LEVEL, 100) or decicelsius == FAKE_DECICELSIUS,
    )


def _powers(key: str, value: str) -> bool:
    return key.endswith(" powered") and value == "true"


def _spelled(plugged: str | None) -> str | None:
    if plugged is None:
        return None
    return plugged.upper() if plugged in ("ac", "usb") else plugged.capitalize()


def _zones(values: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """Of lines ``zone.N=VALUE NAME``: a name may hold blanks."""
    for key, text in values.items():
        if key.startswith("zone."):
            heat, _, name = text.partition(" ")
            value = _number(heat)
            if value is not None and name.strip():
                yield name.strip(), value


def _hottest_by_name(heats: Sequence[_Heat]) -> dict[str, float]:
    hottest: dict[str, float] = {}
    for name, celsius, _ in heats:
        hottest[name] = max(celsius, hottest.get(name, celsius))
    return hottest


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text.strip()) else None


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d+", text.strip()) else None


def status_name(status: int) -> str:
    """Android's word for a thermal status."""
    return THERMAL_STATUS[status] if 0 <= status < len(THERMAL_STATUS) else str(status)
