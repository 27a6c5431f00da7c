"""Where an adb server is: as the user says, else as adb's own environment variables do.

In adb's order (AOSP, packages/modules/adb, client/commandline.cpp): ``ADB_SERVER_SOCKET``, else
``ANDROID_ADB_SERVER_ADDRESS`` and ``ANDROID_ADB_SERVER_PORT``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from bench.errors import TargetError

VARIABLES = ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT")
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORT = 5037


class Address(NamedTuple):
    """Of an adb server."""

    host: str
    port: int

    @property
    def local(self) -> bool:
        """Whether it is on this machine, so that we may start it."""
        return self.host in LOCAL_HOSTS

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str) -> Address:
    """``HOST:PORT``, ``[IPV6]:PORT``. Raises TargetError."""
    host, _, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise TargetError(
            f"{text!r} is not the address of an adb server",
            hint="write HOST:PORT, such as 192.168.1.20:5037",
        )
    return Address(host, int(port))


def of_environment(environ: Mapping[str, str] = os.environ) -> Address:
    """The server that adb itself would use. Raises TargetError, naming the variable."""
    if socket := environ.get("ADB_SERVER_SOCKET"):
        kind, _, where = socket.partition(":")
        if kind != "tcp":
            raise TargetError(
                f"ADB_SERVER_SOCKET={socket} is not a TCP address",
                hint="set it to tcp:HOST:PORT, or give --adb-server HOST:PORT",
            )
        if where.isdecimal():  # a port alone
            where = f"127.0.0.1:{where}"
        return _named("ADB_SERVER_SOCKET", where)
    host = environ.get("ANDROID_ADB_SERVER_ADDRESS") or "127.0.0.1"
    port = environ.get("ANDROID_ADB_SERVER_PORT") or str(DEFAULT_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise TargetError(
            f"ANDROID_ADB_SERVER_PORT={port} is not a port",
            hint="set it to 1 to 65535, or unset it",
        )
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _named(variable: str, text: str) -> Address:
    try:
        return parse_address(text)
    except TargetError as fault:
        raise TargetError(f"{variable}: {fault.message}", hint=fault.hint) from fault
