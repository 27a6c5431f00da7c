"""A phone's cable: a veth pair of which one end lies in the phone's network namespace.

The namespace has no name and belongs to the phone's processes alone, so it and both ends of the
cable vanish with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .host import LoopbackError, run

PORT = 5700  # not in 5555 to 5585, where adb servers look for emulators by themselves
PHONE_END = "wlan0"
CABLES = 1024
RANGE = "10.213.0.0/16"
GUARD = ["unreachable", RANGE, "metric", "4278"]


@dataclass(frozen=True)
class Cable:
    """One of the /30 networks, by number."""

    number: int

    @property
    def name(self) -> str:
        """The host's end."""
        return f"lbphone{self.number}"

    @property
    def host_address(self) -> str:
        """The address of the host's end."""
        return self._address(1)

    @property
    def phone_address(self) -> str:
        """The one address at which the phone can be reached."""
        return self._address(2)

    def _address(self, host: int) -> str:
        return f"10.213.{self.number // 64}.{self.number % 64 * 4 + host}"

    def lay(self, pid: int) -> None:
        """Connect the network namespace of `pid` with the host."""
        # Traffic for a phone that has gone must not leave by the host's default route.
        run(["ip", "route", "replace", *GUARD])
        end = ["type", "veth", "peer", "name", PHONE_END, "netns", str(pid)]
        run(["ip", "link", "add", self.name, *end])
        # No IPv6: it only adds chatter and a wait for duplicate addresses.
        host_side = [
            f"link set {self.name} addrgenmode none",
            f"addr add {self.host_address}/30 dev {self.name}",
            f"link set {self.name} up",
        ]
        run(["ip", "-batch", "-"], stdin="\n".join(host_side) + "\n")
        phone_side = [
            f"link set {PHONE_END} addrgenmode none",
            f"addr add {self.phone_address}/30 dev {PHONE_END}",
            f"link set {PHONE_END} up",
        ]
        inside(pid, "ip", "-batch", "-", stdin="\n".join(phone_side) + "\n")

    def degrade(self, pid: int, delay_ms: float, loss_percent: float, rate_kbit: int) -> None:
        """Delay, lose or slow down packets, each way; all zero takes it back."""
        if delay_ms or loss_percent:
            bad = ["netem", "delay", f"{delay_ms}ms", "loss", f"{loss_percent}%"]
            bad += ["rate", f"{rate_kbit}kbit"] if rate_kbit else []
        elif rate_kbit:
            bad = ["tbf", "rate", f"{rate_kbit}kbit", "burst", "32kb", "latency", "400ms"]
        else:
            bad = ["noqueue"]
        try:
            run(["tc", "qdisc", "replace", "dev", self.name, "root", *bad])
            inside(pid, "tc", "qdisc", "replace", "dev", PHONE_END, "root", *bad)
        except LoopbackError as error:
            if "qdisc kind is unknown" in str(error):
                raise LoopbackError(f"this machine's kernel has no {bad[0]}") from None
            raise

    def index(self) -> int | None:
        """The kernel's own number of the cable that lies there now; no other ever gets it."""
        try:
            return int(Path(f"/sys/class/net/{self.name}/ifindex").read_text())
        except OSError:
            return None

    def remove(self, index: int | None) -> None:
        """Take away the cable that has this index, while its phone still runs.

        The kernel would do so a little after the phone's end; another phone may then have laid one
        of the same name.
        """
        if index is None or self.index() != index:
            return
        try:
            run(["ip", "link", "del", self.name])
        except LoopbackError:
            if self.index() == index:
                raise


def set_link(pid: int, up: bool) -> None:
    """Pull the cable out of the phone, or put it back.

    It is the phone's end that goes down: the host's keeps its route, so nothing takes another way.
    """
    inside(pid, "ip", "link", "set", PHONE_END, "up" if up else "down")


def inside(pid: int, *argv: str, stdin: str = "") -> str:
    """Run a command of the host in the network namespace of `pid`."""
    return run(["nsenter", f"--net=/proc/{pid}/ns/net", *argv], stdin=stdin)


def free_cable() -> Cable:
    """A cable that no phone has; call it under `rundir.locked` until it is laid."""
    taken = {path.name for path in Path("/sys/class/net").iterdir()}
    for number in range(CABLES):
        cable = Cable(number)
        if cable.name not in taken:
            return cable
    raise LoopbackError(f"all {CABLES} networks of the loopback phone are in use")


def remove_guard_if_unused() -> None:
    """Drop the guard route with the last cable; call it under `rundir.locked`."""
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    if any(name.startswith("lbphone") for name in names):
        return
    if run(["ip", "route", "show", "type", "unreachable", RANGE]).strip():
        run(["ip", "route", "del", *GUARD])
