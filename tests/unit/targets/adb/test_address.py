"""Which adb server is meant."""

from __future__ import annotations

import pytest

from bench.errors import TargetError
from bench.targets._adb.address import Address, of_environment, parse_address


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "6000"}, ("127.0.0.1", 6000)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab"}, ("lab", 5037)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab", "ANDROID_ADB_SERVER_PORT": "1"}, ("lab", 1)),
        ({"ADB_SERVER_SOCKET": "tcp:lab:6001"}, ("lab", 6001)),
        ({"ADB_SERVER_SOCKET": "tcp:6001"}, ("127.0.0.1", 6001)),
        ({"ADB_SERVER_SOCKET": "tcp:[fd00::7]:6001"}, ("fd00::7", 6001)),
        ({"ADB_SERVER_SOCKET": "tcp:a:1", "ANDROID_ADB_SERVER_PORT": "2"}, ("a", 1)),
        ({"ADB_SERVER_SOCKET": "", "ANDROID_ADB_SERVER_PORT": ""}, ("127.0.0.1", 5037)),
    ],
)
def test_the_environment_is_read_as_adb_reads_it(
    environment: dict[str, str], address: tuple[str, int]
) -> None:
    assert of_environment(environment) == address


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"}, "ADB_SERVER_SOCKET"),
        ({"ADB_SERVER_SOCKET": "tcp:lab:http"}, "ADB_SERVER_SOCKET"),
        ({"ADB_SERVER_SOCKET": "tcp:lab"}, "ADB_SERVER_SOCKET: 'lab'"),
        ({"ANDROID_ADB_SERVER_PORT": "99999"}, "ANDROID_ADB_SERVER_PORT"),
        ({"ANDROID_ADB_SERVER_PORT": "-1"}, "ANDROID_ADB_SERVER_PORT"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(TargetError, match=named):
        of_environment(environment)


@pytest.mark.parametrize("text", ["host", "host:", ":5037", "host:http", "host:99999", "", "a:-1"])
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(TargetError, match="address of an adb server"):
        parse_address(text)


def test_an_address_says_where_it_is() -> None:
    assert str(Address("fd00::7", 1)) == "[fd00::7]:1"
    assert parse_address(str(Address("fd00::7", 1))) == ("fd00::7", 1)
    assert Address("localhost", 1).local
    assert not Address("lab", 1).local
