"""The devices that an adb server lists."""

from __future__ import annotations

import pytest

from bench.targets._adb.devices import by_network, parse_devices

LISTED = """\
R5CT20               device usb:1-2 product:dm1q model:SM_S911B device:dm1q transport_id:3
ABC unauthorized usb:1-3 transport_id:4
DEF offline transport_id:5
0123456789 no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:3
GHI recovery product:x model:y device:z transport_id:6
10.0.0.2:5555 device product:a model:Pixel_8 device:b transport_id:7
adb-0A1B-qrs (3)._adb-tls-connect._tcp device product:p model:A_B device:d transport_id:8
adb-0A1B-qrs (2)._adb-tls-connect._tcp offline transport_id:9
(no serial number)     device usb:1-4 product:q model:Board device:q transport_id:10
(no serial number)     no permissions; see [http://developer.android.com/tools/device.html] usb:1-5
my board 7 device
[::1]:5555             device product:c model:C device:c transport_id:11
KLM                    detached usb:1-9 transport_id:12
"""
STATES = [
    ("R5CT20", "device"),
    ("ABC", "unauthorized"),
    ("DEF", "offline"),
    ("0123456789", "no permissions"),
    ("GHI", "recovery"),
    ("10.0.0.2:5555", "device"),
    ("adb-0A1B-qrs (3)._adb-tls-connect._tcp", "device"),
    ("adb-0A1B-qrs (2)._adb-tls-connect._tcp", "offline"),
    ("(no serial number)", "no serial number"),
    ("(no serial number)", "no permissions"),
    ("my board 7", "device"),
    ("[::1]:5555", "device"),
    ("KLM", "detached"),
]


def test_a_line_is_read_from_the_right() -> None:
    devices = parse_devices(LISTED)
    assert [(each.serial, each.state) for each in devices] == STATES
    assert devices[0].tags["model"] == "SM_S911B"
    assert devices[6].tags == {"product": "p", "model": "A_B", "device": "d", "transport_id": "8"}


def test_each_state_but_device_has_a_hint() -> None:
    devices = {each.serial: each for each in parse_devices(LISTED)}
    for each in devices.values():
        assert bool(each.hint) == (each.state != "device")
    assert "udev" in devices["0123456789"].hint
    assert "adb -s GHI reboot" in devices["GHI"].hint
    assert "accept" in devices["ABC"].hint


@pytest.mark.parametrize("text", ["", "\n", "* daemon started successfully *"[:1], "ABC"])
def test_what_is_no_device_is_none(text: str) -> None:
    assert parse_devices(text) == []


@pytest.mark.parametrize(
    ("serial", "network"),
    [
        ("R5CT20", False),
        ("emulator-5554", False),
        ("10.0.0.2:5555", True),
        ("phone.lan:37001", True),
        ("adb-0A1B-qrs._adb-tls-connect._tcp", True),
        ("adb-0A1B-qrs._adb-tls-connect._tcp.", True),
        ("adb-0A1B-qrs (2)._adb-tls-connect._tcp", True),
        ("my board 7", False),
    ],
)
def test_a_network_phone_can_be_connected_again(serial: str, network: bool) -> None:
    assert by_network(serial) == network
