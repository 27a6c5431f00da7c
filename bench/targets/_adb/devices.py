"""The devices that an adb server lists: serials, states, tags, and what to do about each state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

NO_SERIAL = "no serial number"
NO_PERMISSIONS = "no permissions"

HINTS: Mapping[str, str] = {
    "unauthorized": "unlock the phone and accept “Allow USB debugging”; if it does not ask, revoke "
    "the USB debugging authorisations in its developer options and plug it in again",
    "offline": "unplug it and plug it in again; over the network: adb disconnect, adb connect",
    NO_PERMISSIONS: "install your system's Android udev rules, or join the group plugdev, "
    "then unplug the phone and plug it in again",
    NO_SERIAL: "it cannot be named without one: reboot it, and try another cable or port",
    "recovery": "reboot it into Android: adb -s SERIAL reboot",
    "sideload": "leave the sideload screen, or: adb -s SERIAL reboot",
    "rescue": "reboot it into Android: adb -s SERIAL reboot",
    "bootloader": "reboot it into Android: fastboot -s SERIAL reboot",
    "authorizing": "wait a moment and try again; accept the dialogue on the phone if it shows one",
    "connecting": "wait a moment and try again",
    "detached": "another program holds it: adb -s SERIAL attach",
    "host": "this is not a phone: name another serial",
}
"""What to do about each state but ``device``."""

_TAGS = re.compile(r"(?:\s+[a-z_]+:\S*)+$")
_NETWORK = re.compile(r"\S+:\d+")
_MDNS = re.compile(r".+\._adb(?:-tls-connect)?\._tcp\.?(?:local\.?)?")


@dataclass(frozen=True)
class Attached:
    """One line of ``adb devices -l``."""

    serial: str
    state: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def hint(self) -> str:
        """What to do about its state; empty where it is ready."""
        if self.state == "device":
            return ""
        hint = HINTS.get(self.state, "unplug it, reboot it and plug it in again")
        return hint.replace("SERIAL", f"'{self.serial}'" if " " in self.serial else self.serial)


def parse_devices(text: str) -> list[Attached]:
    """Read the answer to ``host:devices-l`` (AOSP, transport.cpp, append_transport).

    From the right, for a serial may hold blanks, as mDNS names do: tags, then a state of one or
    more words, and what is left is the serial.
    """
    return [device for line in text.splitlines() if (device := _parse_line(line.strip()))]


def _parse_line(line: str) -> Attached | None:
    found = _TAGS.search(line)
    tags = dict(tag.split(":", 1) for tag in found[0].split()) if found else {}
    rest = line[: found.start()] if found else line
    # "no permissions (user in plugdev group; are your udev rules wrong?); see [http://…]"
    refused = re.search(r"\s+no permissions\b", rest)
    if refused:
        serial, state = rest[: refused.start()], NO_PERMISSIONS
    else:
        serial, _, state = rest.replace("\t", " ").rpartition(" ")
    serial = serial.strip()
    if not serial or not state:
        return None
    if serial == "(no serial number)" and state != NO_PERMISSIONS:
        state = NO_SERIAL
    return Attached(serial, state, tags)


def by_network(serial: str) -> bool:
    """Whether a phone is reached over the network, so that its server may connect it again."""
    return bool(_NETWORK.fullmatch(serial) or _MDNS.fullmatch(serial))
