"""What a phone's own words of its heat and charge are read as; the dumps are in tests/data."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.targets._adb import state

DUMPS = Path(__file__).parents[3] / "data" / "phone_state"
SHARED = Path(__file__).parents[4].parent / "shared" / "cases" / "phone_state"


def dump(name: str) -> str:
    return (DUMPS / f"{name}.txt").read_text().replace("\n", state.JOINT)


def reading(thermal: str = "", battery: str = "", zones: tuple[str, ...] = ()) -> state.DeviceState:
    """As state.sh would tell it: dumps by name, zones as ``VALUE NAME``."""
    values = {f"zone.{number}": text for number, text in enumerate(zones)}
    if thermal:
        values["thermal"] = dump(thermal)
    if battery:
        values["battery"] = dump(battery)
    return state.parse_state(values, 0.0)


# The thermal service


def test_a_service_without_its_hal_knows_nothing_and_the_zones_do() -> None:
    found = reading("thermal_not_ready", zones=("61000 skin-therm", "70000 cpu-0-0"))
    assert found.thermal_status is None
    assert found.hottest == ("skin-therm", 61.0)
    assert reading("thermal_not_ready").blind


def test_a_status_that_somebody_set_counts_without_a_hal() -> None:
    values = {"thermal": dump("thermal_not_ready").replace("Status: 0", "Status: 3")}
    assert state.parse_state(values, 0.0).thermal_status == 3


def test_cached_temperatures_are_kept_apart_and_not_gated_on() -> None:
    found = reading("thermal_cached_only")
    assert found.blind
    assert found.cached == {"skin": 51.5, "battery": 30.1}
    assert found.facts() == {"temperatures_cached": {"skin": 51.5, "battery": 30.1}}


def test_what_is_no_heat_is_no_temperature_and_has_no_severity() -> None:
    found = reading("thermal_tensor")
    assert found.hottest == ("VIRTUAL-SKIN", 34.6)
    assert found.thermal_status == 0
    assert {"vbat", "soc", "batoilo", "VIRTUAL-SKIN-SPEAKER"}.isdisjoint(found.temperatures)
    assert found.temperatures["TPU"] == 41.0


def test_types_counted_from_one_are_seen_by_the_names_and_shifted() -> None:
    found = reading("thermal_counted_from_one")
    assert found.hottest == ("sensor 7", 43.5)
    assert "usb port" not in found.temperatures


def test_the_worst_severity_of_what_throttles_counts_and_is_named() -> None:
    found = reading("thermal_severe_sensor")
    assert (found.thermal_status, found.thermal_status_of) == (4, "cpu-1-3")
    assert found.hottest == ("skin", 38.9)


# Zones


@pytest.mark.parametrize(
    "name",
    [
        *("skin-therm", "SKIN", "Skin Temp", "skin_msm_therm", "xo_therm", "xo-therm-adc"),
        *("quiet_therm", "quiet-therm-usr", "case_therm", "back_therm", "mtktsAP", "ap_ntc"),
        *("shell_front", "emmc_therm", "board-thermistor", "AP"),
    ],
)
def test_a_zone_of_the_surface_is_known_by_its_name(name: str) -> None:
    assert reading(zones=("30000 other thing", f"44500 {name}")).hottest == (name, 44.5)


@pytest.mark.parametrize(
    "name",
    [
        *("cpu-1-0-usr", "mtktscpu", "tsens_tz_sensor4", "BIG", "gpuss-0", "battery", "mtktspa"),
        *("soc", "pm8150b-ibat-lvl0", "vbat_low", "bcl-soc", "usb_therm", "batoilo"),
    ],
)
def test_a_zone_within_a_chip_is_no_surface(name: str) -> None:
    assert reading(zones=(f"61000 {name}",)).hottest is None


def test_a_skin_sensor_goes_before_what_stands_in_for_it() -> None:
    assert reading(zones=("47000 xo_therm", "36000 skin")).hottest == ("skin", 36.0)


@pytest.mark.parametrize(
    ("raw", "celsius"),
    [
        *(("33500", 33.5), ("335", 33.5), ("33", 33.0), ("412", 41.2), ("-5000", -5.0)),
        *(("900", 0.9), ("1200", 1.2), ("-900", -0.9)),
    ],
)
def test_zones_come_in_three_units(raw: str, celsius: float) -> None:
    assert reading(zones=(f"{raw} skin",)).hottest == ("skin", celsius)


def test_zones_of_one_driver_have_one_unit() -> None:
    found = reading(zones=("41000 cpu-0-0", "900 cpu-0-1", "35000 xo", "350 tsens1", "905 tsens2"))
    assert found.temperatures["cpu-0-1"] == 0.9
    assert (found.temperatures["tsens1"], found.temperatures["tsens2"]) == (35.0, 90.5)


@pytest.mark.parametrize("raw", ["0", "-99900", "-273000", "-40000", "200000", "x", ""])
def test_an_absent_sensor_is_not_read(raw: str) -> None:
    assert reading(zones=(f"{raw} skin",)).temperatures == {}


# The battery


def test_charge_is_a_share_of_the_scale() -> None:
    battery = reading(battery="battery_dock_scaled").battery
    assert battery.level == 90.0
    assert (battery.celsius, battery.status) == (26.3, "charging")
    assert battery.plugged == "Dock"


@pytest.mark.parametrize("name", ["battery_absent", "battery_zeroes"])
def test_a_board_has_no_battery(name: str) -> None:
    found = reading(battery=name)
    assert (found.battery.level, found.battery.celsius) == (None, None)
    assert found.battery.plugged == "AC"
    assert found.hottest is None


@pytest.mark.parametrize("name", ["battery_made_up", "battery_set_by_hand"])
def test_a_battery_that_is_not_believed_is_neither_fact_nor_gate(name: str) -> None:
    found = reading(battery=name)
    assert not found.battery.believed
    assert found.hottest is None
    assert {"battery_level", "temperatures", "celsius"}.isdisjoint(found.facts())


@pytest.mark.parametrize(("level", "temperature"), [("42", "300"), ("100", "424")])
def test_either_number_of_a_made_up_battery_gives_it_away(level: str, temperature: str) -> None:
    text = f"level: {level}\nscale: 100\nvoltage: 5000\ntemperature: {temperature}"
    assert state.parse_battery(text.splitlines()).fake


def test_what_a_phone_does_not_tell_is_left_out() -> None:
    empty = reading()
    assert empty.facts() == {}
    assert empty.blind


# The cases that were handed over, where they exist


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("name", "hottest", "status"),
    [
        ("thermal_hal_not_ready", ("skin", 61.0), None),
        ("thermal_types_from_one", ("TYPE_SKIN", 45.3), 0),
        ("thermal_status_per_sensor", ("SKIN", 39.2), 3),
    ],
)
def test_the_thermal_cases(name: str, hottest: tuple[str, float], status: int | None) -> None:
    values = {"thermal": (SHARED / f"{name}.txt").read_text().replace("\n", state.JOINT)}
    if name == "thermal_hal_not_ready":
        values["zone.0"] = "61000 skin"
    found = state.parse_state(values, 0.0)
    assert found.hottest == hottest
    assert found.thermal_status == status


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(("name", "level"), [("battery_none", None), ("battery_scale", 95.0)])
def test_the_battery_cases(name: str, level: float | None) -> None:
    text = (SHARED / f"{name}.txt").read_text()
    assert state.parse_battery(text.splitlines()).level == level


PIXEL = (
    ("27.9", 3, "VIRTUAL-SKIN", 0),
    ("34.8", -1, "VIRTUAL-SKIN-CHARGE-WIRED", 1),
    ("47.0", -1, "VIRTUAL-SKIN-SUB-1", 0),
    ("44.0", -1, "quiet_therm", 2),
    ("61.0", 0, "BIG", 0),
)


def thermal(*sensors: tuple[str, int, str, int]) -> state.DeviceState:
    lines = ["Thermal Status: 0", "HAL Ready: true", "Current temperatures from HAL:"]
    for celsius, kind, name, severity in sensors:
        told = f"mValue={celsius}, mType={kind}, mName={name}, mStatus={severity}"
        lines.append(f"\tTemperature{{{told}}}")
    return state.parse_state({"thermal": state.JOINT.join(lines)}, 0.0)


def test_what_a_vendor_watches_for_charging_is_no_reason_to_wait() -> None:
    found = thermal(*PIXEL)
    assert found.hottest == ("VIRTUAL-SKIN", 27.9)
    assert (found.thermal_status, found.thermal_status_of) == (0, "")
    assert found.temperatures["VIRTUAL-SKIN-CHARGE-WIRED"] == 34.8  # told all the same
    # With no sensor typed as the skin's, names are all there is.
    unknown = thermal(("44.0", -1, "quiet_therm", 2), ("34.8", -1, "SKIN CHARGER", 1))
    assert unknown.hottest == ("quiet_therm", 44.0)
    assert (unknown.thermal_status, unknown.thermal_status_of) == (2, "quiet_therm")
