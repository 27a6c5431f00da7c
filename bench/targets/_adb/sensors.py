"""Which sensor of a phone is which, and in what unit a thermal zone tells its heat.

Kinds are those of ``android.os.Temperature``. A sensor's name is trusted before its type: there are
vendors whose thermal HAL counts the types from one.

Names were read from device trees, thermal configurations and kernels of Qualcomm (``quiet-therm``,
``xo_therm``, ``pm8150b-ibat-lvl0``), MediaTek (``mtktsAP``, ``mtktscpu``), Samsung (``AP``,
``BIG``) and Google's Tensor (``VIRTUAL-SKIN``, ``batoilo``).
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cpu", "gpu", "npu", "battery", "skin", "board", "no heat", "other"]
"""``board`` is beside the processor: what phones without a skin sensor throttle by. ``no heat`` is
a voltage, a current or a share of the battery's charge, listed among the heats. ``other`` heats say
nothing of how fast the phone computes: those of its charger, radio or camera."""

OF_TYPE: Mapping[int, Kind] = {
    0: "cpu",
    1: "gpu",
    2: "battery",
    3: "skin",
    6: "no heat",  # TYPE_BCL_VOLTAGE
    7: "no heat",  # TYPE_BCL_CURRENT
    8: "no heat",  # TYPE_BCL_PERCENTAGE
    9: "npu",
    10: "npu",  # TYPE_TPU
    13: "cpu",  # TYPE_SOC
}

THROTTLING: frozenset[Kind] = frozenset({"cpu", "gpu", "npu", "battery", "skin", "board"})
"""Kinds whose severity means that the phone computes more slowly."""

UNKNOWN_TYPE = -1
"""``Temperature.TYPE_UNKNOWN``: of a sensor that a vendor watches for purposes of its own. Android
takes no severity from it, and a Pixel's ``VIRTUAL-SKIN-CHARGE`` is "light" from 34 °C on: its
charging slows down then, and nothing else."""

_NAMES: tuple[tuple[Kind, str], ...] = (
    ("other", r"skin.*charg|charg.*skin"),
    ("skin", r"skin"),
    (
        "no heat",
        r"bcl|volt|curr|percent|power(?!_amp)|vbat|ibat|batoilo|vdroop|ocp|smpl|uvlo|^socd?$|_lvl",
    ),
    ("board", r"quiet|shell|frame|(?:^|_)(?:xo|case|back|rear|front|emmc|conn|sys|msm)_therm"),
    ("board", r"board|^mtktsap$|^ap$|^ap_(?:ntc|therm)"),
    ("gpu", r"gpu|g3d|mali"),
    ("npu", r"npu|tpu|dsp|nsp|apu|cdsp|mdla|vpu"),
    ("battery", r"^(?:sub)?bat(?:t|tery)?(?:_therm\w*)?$|mtktsbattery|^bms$"),
    ("cpu", r"cpu|tsens|^big$|^mid$|^little$|^soc_|cluster|^apc|aoss"),
    ("other", r"charg|^chg|usb|wifi|wlan|modem|^pa\d?$|mtktspa|cam|flash|pmic|^pm\w+_tz|disp"),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _NAMES)


def kind_of_name(name: str) -> Kind | None:
    """What a name says, in any case and with blanks, dashes or underscores; None if nothing."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").removeprefix("type_")
    return next((kind for kind, pattern in _PATTERNS if pattern.search(plain)), None)


@dataclass(frozen=True)
class Sensor:
    """One temperature of the thermal service.

    Attributes:
        name: as its vendor named it.
        type: a number of ``android.os.Temperature``, as the vendor counts.
        celsius: its reading.
        severity: 0 none, 1 light, 2 moderate, 3 severe, …
    """

    name: str
    type: int
    celsius: float
    severity: int


def kinds(sensors: Iterable[Sensor]) -> dict[str, Kind]:
    """The kind of each sensor, by its name; where the name says nothing, by its type.

    Where the names show that this vendor counts types from one, so are the other types read. Where
    one sensor is typed as the skin's, those of unknown type that are named so are not.
    """
    known = list(sensors)
    named = {each.name: kind_of_name(each.name) for each in known}
    shifts = [
        shift
        for each in known
        for shift in (0, 1)
        if named[each.name] is not None and OF_TYPE.get(each.type - shift) == named[each.name]
    ]
    shift = 1 if shifts.count(1) > shifts.count(0) else 0
    has_skin = any(OF_TYPE.get(each.type - shift) == "skin" for each in known)
    found: dict[str, Kind] = {}
    for each in known:
        name, by_type = named[each.name], OF_TYPE.get(each.type - shift, "other")
        # A vendor may take what a board sensor tells for the skin's temperature.
        unsaid = name is None or (name == "board" and by_type == "skin")
        found[each.name] = by_type if name is None or unsaid else name
        if each.type == UNKNOWN_TYPE and has_skin and name in ("skin", "board"):
            found[each.name] = "other"
    return found


COLDEST, HOTTEST = -40.0, 150.0
HOTTEST_SKIN = 65.0
"""No phone runs with a hotter skin or battery, so that a larger number is in another unit."""

MILLI = 1000.0


def real(celsius: float) -> bool:
    """Whether a sensor can have read that: -99.9, -273 and 0 are what absent ones tell."""
    return COLDEST < celsius < HOTTEST and celsius != 0


def celsius_of_zones(raw: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Thermal zones in °C; those that cannot be a temperature are left out.

    The kernel wants millidegrees, and drivers write tenths or degrees, side by side on one phone.
    Zones of one stem (``cpu-0-0``, ``cpu-0-1``) have one driver: a number of four digits among them
    settles that all are millidegrees. Else up to 150 are degrees, and what as tenths would be a
    heat that this kind of sensor can have are tenths; the rest are millidegrees.
    """
    zones = [(name, value) for name, value in raw if kind_of_name(name) != "no heat"]
    milli = {_stem(name) for name, value in zones if abs(value) >= MILLI}
    usual_is_milli = bool(zones) and statistics.median(abs(v) for _, v in zones) >= MILLI
    found = []
    for name, value in zones:
        if _stem(name) in milli:
            celsius = value / MILLI
        elif abs(value) <= HOTTEST:
            celsius = value
        else:
            surface = kind_of_name(name) in ("skin", "board", "battery", "other", None)
            most = HOTTEST_SKIN if surface or usual_is_milli else HOTTEST
            celsius = value / 10 if abs(value) / 10 <= most else value / MILLI
        if real(celsius):
            found.append((name, celsius))
    return found


def _stem(name: str) -> str:
    return re.sub(r"\d+", "#", name.lower())
