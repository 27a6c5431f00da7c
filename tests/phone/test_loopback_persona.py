"""What a loopback phone says of itself, and that a test can change it."""

from __future__ import annotations

from collections.abc import Callable

import adbutils
import pytest

from . import loopback
from .loopback import AdbServer, LoopbackError, Phone, persona

CPU = "/sys/devices/system/cpu"


@pytest.fixture
def ask(adb_server: AdbServer) -> Callable[[Phone, str], str]:
    """Both streams of a command on a phone, without its last newline."""

    def run(phone: Phone, command: str) -> str:
        client = adbutils.AdbClient(host="127.0.0.1", port=adb_server.port)
        done = client.device(serial=phone.serial).shell2(command, v2=True)
        return str(done.stdout + done.stderr).rstrip("\n")

    return run


Ask = Callable[[Phone, str], str]


def test_properties_are_the_personas_but_the_abi_is_the_machines(
    ask: Ask, two_phones: tuple[Phone, Phone]
) -> None:
    one, two = two_phones
    assert ask(one, "getprop ro.product.model") == "Loopback One"
    assert ask(two, "getprop ro.product.model") == "Loopback Two"
    assert ask(one, "getprop ro.soc.model") == "LB8100"
    assert ask(two, "getprop ro.soc.model") == ""
    assert ask(two, "getprop ro.soc.model none") == "none"
    for phone in two_phones:
        assert ask(phone, "getprop ro.product.cpu.abi") == loopback.abi()
    every = ask(one, "getprop").splitlines()
    assert "[ro.build.version.sdk]: [34]" in every
    assert all(line.startswith("[") and "]: [" in line for line in every)
    serials = [ask(phone, "getprop ro.serialno") for phone in two_phones]
    assert len(set(serials)) == 2
    one.persona.set_property("ro.product.model", "Another")
    assert ask(one, "getprop ro.product.model") == "Another"


def test_the_battery_can_be_drained(ask: Ask, phone: Phone) -> None:
    assert "  level: 87\n" in ask(phone, "dumpsys battery")
    phone.persona.set_battery(level=4, charging=False)
    said = ask(phone, "dumpsys battery")
    assert "  level: 4\n" in said
    assert "  USB powered: false\n" in said
    assert "  status: 3\n" in said
    assert "  mBatteryLevel=4" in ask(phone, "dumpsys power")


def test_the_phone_can_be_heated_and_cooled(ask: Ask, phone: Phone) -> None:
    cool = ask(phone, "dumpsys thermalservice")
    assert "Thermal Status: 0" in cool
    assert "\tTemperature{mValue=33.5, mType=3, mName=skin, mStatus=0}" in cool
    zones = "cat /sys/class/thermal/thermal_zone*/temp"
    cool_zones = ask(phone, zones)
    phone.persona.heat(46.5, status=3)
    hot = ask(phone, "dumpsys thermalservice")
    assert "Thermal Status: 3" in hot
    assert "\tTemperature{mValue=46.5, mType=3, mName=skin, mStatus=3}" in hot
    assert set(ask(phone, zones).splitlines()) == {"46500"}
    assert "  temperature: 465" in ask(phone, "dumpsys battery")
    phone.persona.cool()
    assert ask(phone, "dumpsys thermalservice") == cool
    assert ask(phone, zones) == cool_zones


def test_the_thermal_status_can_be_overridden_from_the_shell(ask: Ask, phone: Phone) -> None:
    assert ask(phone, "cmd thermalservice override-status 4") == ""
    assert "Thermal Status: 4" in ask(phone, "dumpsys thermalservice")
    ask(phone, "cmd thermalservice reset")
    assert "Thermal Status: 0" in ask(phone, "dumpsys thermalservice")


def test_settings_for_a_benchmark_are_kept(ask: Ask, phone: Phone) -> None:
    stay = "settings get global stay_on_while_plugged_in"
    assert ask(phone, stay) == "0"
    assert "Display Power: state=OFF" in ask(phone, "dumpsys power")
    assert ask(phone, "svc power stayon true") == ""
    assert ask(phone, stay) == "7"
    assert "Display Power: state=ON" in ask(phone, "dumpsys power")
    assert "mScreenState=ON" in ask(phone, "dumpsys display")
    assert ask(phone, "svc power stayon usb") == ""
    assert phone.persona.read("settings/global/stay_on_while_plugged_in") == "2"
    ask(phone, "settings put global stay_on_while_plugged_in 0")
    assert "mStayOnWhilePluggedInSetting=0" in ask(phone, "dumpsys power")
    assert ask(phone, "settings get global nothing") == "null"
    assert "Invalid key" in ask(phone, "settings put global ../../props x")

    ask(phone, "cmd power set-fixed-performance-mode-enabled true")
    assert phone.persona.read("power/fixed_performance") == "true"
    ask(phone, "cmd power set-fixed-performance-mode-enabled false")
    assert phone.persona.read("power/fixed_performance") == "false"


def test_an_older_phone_knows_less(ask: Ask, start_phone: Callable[..., Phone]) -> None:
    older, bare = start_phone("older"), start_phone("bare")
    fixed = "cmd power set-fixed-performance-mode-enabled true; echo $?"
    assert ask(older, fixed).splitlines()[0] == "255"
    assert "HAL Ready: false" in ask(older, "dumpsys thermalservice")
    assert ask(bare, "dumpsys thermalservice") == "Can't find service: thermalservice"
    assert ask(bare, "cat /sys/class/thermal/thermal_zone0/type") == "mtktscpu"
    bare.persona.heat(50.0, status=3)  # it has no service to tell a status
    assert ask(bare, "dumpsys thermalservice") == "Can't find service: thermalservice"


def test_cores_tell_their_governor_and_limits(ask: Ask, phone: Phone) -> None:
    assert ask(phone, f"cat {CPU}/cpu0/cpufreq/scaling_governor") == "schedutil"
    phone.persona.set_governor("powersave", max_khz=600_000)
    assert ask(phone, f"cat {CPU}/cpu0/cpufreq/scaling_governor") == "powersave"
    assert ask(phone, f"cat {CPU}/cpu0/cpufreq/scaling_max_freq") == "600000"
    assert ask(phone, f"ls -d {CPU}/cpu[0-9]* | wc -l") == ask(phone, "nproc")


def test_an_unknown_persona_is_refused_and_leaves_nothing(
    start_phone: Callable[..., Phone],
) -> None:
    with pytest.raises(LoopbackError, match=f"there are {', '.join(persona.names())}"):
        start_phone("nobody")
