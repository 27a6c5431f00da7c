"""Fixtures of the loopback phone; every test that uses one is skipped where there can be none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import loopback
from .loopback import AdbServer, Image, LoopbackError, Phone


@pytest.fixture(scope="session")
def image() -> Image:
    """The built phone; the first time this takes a minute or two."""
    reason = loopback.obstacle()
    if reason is not None:
        pytest.skip(reason)
    try:
        return loopback.build()
    except LoopbackError as error:
        # Where it is promised to work, a phone that cannot be built is a failure.
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the loopback phone could not be built: {error}")


@pytest.fixture
def benchmark_model(image: Image) -> Path:
    """The host's path of the real tool, made for the phone's ABI."""
    if image.benchmark_model is None:
        pytest.skip(str(image.tool_reason))
    return image.benchmark_model


@pytest.fixture
def adb_server() -> Iterator[AdbServer]:
    """A private adb server that knows no device yet."""
    with AdbServer() as server:
        yield server


@pytest.fixture
def shim(request: pytest.FixtureRequest) -> str | None:
    """The shell of the test's phones; tests of some shells parametrise this fixture."""
    name: str | None = request.config.getoption("--shim")
    return name


@pytest.fixture
def has_taskset(shim: str | None) -> bool:
    """Whether the test's phones can bind a launch to CPUs."""
    return shim not in ("no-taskset", "stripped")


@pytest.fixture
def start_phone(
    image: Image, adb_server: AdbServer, shim: str | None
) -> Iterator[Callable[..., Phone]]:
    """Start and connect as many phones as a test asks for: `start_phone("older", data_mb=16)`.

    A phone starts in less than a tenth of a second, so each test has its own and need heal none.
    """
    phones: list[Phone] = []

    def start(persona: str = "flagship", *, data_mb: int = 256) -> Phone:
        phone = Phone(persona, data_mb=data_mb, image=image, shim=shim).start()
        phones.append(phone)
        adb_server.connect(phone)
        return phone

    yield start
    for phone in phones:
        adb_server.disconnect(phone.serial)
    loopback.stop(phones)


@pytest.fixture
def phone(start_phone: Callable[..., Phone]) -> Phone:
    """One connected phone, of the persona `flagship`."""
    return start_phone()


@pytest.fixture
def two_phones(start_phone: Callable[..., Phone]) -> tuple[Phone, Phone]:
    """Two connected phones of different make."""
    return start_phone("flagship"), start_phone("older")
