"""Which phone is meant, over one adb server and over several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.errors import TargetError
from bench.pipeline import choose
from bench.targets import adb
from bench.targets._adb import phones
from bench.targets._adb.address import VARIABLES
from bench.targets._adb.options import Options
from bench.targets._adb.server import Server
from bench.targets._adb.shell import AdbShell
from tests.unit.targets.adb.fake_adb_server import FakeAdbServer

WIRELESS = "adb-0A1B-qrs (2)._adb-tls-connect._tcp"
ONE = "ONE    device usb:1-1 model:First_One transport_id:1\n"
TWO = "TWO    device usb:1-2 model:Second transport_id:2\n"
OFF = "THREE  offline transport_id:3\n"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, phones.SERIAL):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeAdbServer]:
    with FakeAdbServer(ONE + OFF) as made:
        yield made


@pytest.fixture
def other() -> Iterator[FakeAdbServer]:
    with FakeAdbServer(ONE + TWO) as made:
        yield made


def meant(asked: list[str], given: dict[str, str]) -> list[str | None]:
    """The addresses that ``bench run`` would open, where it is told so and where it is not."""
    return [address for _, address in choose.named(asked or choose.ready_phones(given), given)]


def options_of(*servers: FakeAdbServer) -> Options:
    return replace(Options(), adb_server=tuple(each.address for each in servers))


def test_the_only_phone_that_is_ready_is_meant(server: FakeAdbServer) -> None:
    assert phones.choose(None, options_of(server)).address == "ONE"
    assert [s.target for s in adb.discover({"adb_server": server.address})] == [
        "adb:ONE",
        "adb:THREE",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [("FOUR", "attached: ONE, THREE"), ("THREE", "THREE is offline")],
)
def test_a_phone_that_is_not_there_or_not_ready_is_refused(
    server: FakeAdbServer, name: str, said: str
) -> None:
    with pytest.raises(TargetError, match=said):
        phones.choose(name, options_of(server))


def test_several_are_to_be_chosen_from(other: FakeAdbServer) -> None:
    with pytest.raises(TargetError, match=r"2 phones are attached \(ONE, TWO\)"):
        phones.choose(None, options_of(other))


def test_a_serial_with_a_blank_is_a_name_as_any(server: FakeAdbServer) -> None:
    server.listed = f"{WIRELESS} device model:My_Phone transport_id:3\n"
    assert phones.choose(WIRELESS, options_of(server)).device.serial == WIRELESS
    [status] = adb.discover({"adb_server": server.address})
    assert (status.target, status.state, status.label) == (f"adb:{WIRELESS}", "ready", "My Phone")


# Several servers


def test_phones_of_several_servers_are_named_by_both(
    server: FakeAdbServer, other: FakeAdbServer
) -> None:
    given = {"adb_server": f"{server.address},{other.address}"}
    ready = [status.target for status in adb.discover(given) if status.ready]
    assert ready == [
        f"adb:ONE@{server.address}",
        f"adb:ONE@{other.address}",
        f"adb:TWO@{other.address}",
    ]
    both = options_of(server, other)
    assert (
        phones.choose(f"ONE@{other.address}", both).server.address == Server(other.address).address
    )
    assert phones.choose("TWO", both).address == f"TWO@{other.address}"
    with pytest.raises(TargetError, match="2 phones are called 'ONE'"):
        phones.choose("ONE", both)
    assert meant(["adb"], given) == [each.removeprefix("adb:") for each in ready]


@pytest.mark.parametrize("asked", [["adb"], []])
def test_a_server_that_was_asked_for_and_is_silent_is_no_small_matter(
    server: FakeAdbServer, asked: list[str]
) -> None:
    given = {"adb_server": f"{server.address},192.0.2.1.invalid:5037"}
    with pytest.raises(TargetError, match=r"no adb server answers at 192\.0\.2\.1"):
        meant(asked, given)


# adb's own variables


def test_android_serial_is_what_adb_means(
    other: FakeAdbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(phones.SERIAL, "TWO")
    given = {"adb_server": other.address}
    assert phones.choose(None, options_of(other)).address == "TWO"
    assert phones.choose("ONE", options_of(other)).address == "ONE"
    for asked in (["adb"], []):
        assert meant(asked, given) == ["TWO"]
    states = {status.target: status.state for status in adb.discover(given)}
    assert states == {"adb:ONE": "not ANDROID_SERIAL's", "adb:TWO": "ready"}


@pytest.mark.parametrize("asked", [["adb"], []])
def test_an_android_serial_that_is_not_attached_is_told(
    other: FakeAdbServer, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setenv(phones.SERIAL, "NINE")
    with pytest.raises(TargetError, match="NINE"):
        meant(asked, {"adb_server": other.address})
    with pytest.raises(TargetError, match="ANDROID_SERIAL names 'NINE'"):
        phones.choose(None, options_of(other))


@pytest.mark.parametrize("variable", VARIABLES)
def test_the_server_of_adbs_variables_is_asked(
    server: FakeAdbServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    host, _, port = server.address.partition(":")
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    value = {"ADB_SERVER_SOCKET": f"tcp:{server.address}", "ANDROID_ADB_SERVER_ADDRESS": host}
    monkeypatch.setenv(variable, value.get(variable, port))
    assert phones.choose(None, Options()).address == "ONE"


# Coming back


@pytest.mark.parametrize("serial", ["10.0.0.2:5555", WIRELESS])
def test_a_network_phone_is_connected_again_by_its_name(server: FakeAdbServer, serial: str) -> None:
    server.listed = f"{serial} offline transport_id:1\n"
    server.on_connect = f"{serial} device transport_id:2\n"
    assert AdbShell(Server(server.address), serial).revive()
    assert f"host:disconnect:{serial}" in server.requests
    assert f"host:connect:{serial}" in server.requests


def test_a_phone_on_usb_is_left_to_come_back_by_itself(server: FakeAdbServer) -> None:
    assert not AdbShell(Server(server.address), "THREE").revive()
    assert not any("connect" in request for request in server.requests)


def test_versions_are_told(server: FakeAdbServer) -> None:
    [found] = phones.versions(options_of(server))
    assert found.version == 41
