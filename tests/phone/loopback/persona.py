"""What a phone says of itself: a copy of a persona's files, changed by writing to them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .host import HERE, LoopbackError, abi

PERSONAS = HERE / "personas"
SHELL = 2000
# What a shell user of a phone can change through `cmd`, `svc`, `settings` and `input`.
WRITABLE = ("power", "screen", "settings", "thermal", "fault")


def names() -> list[str]:
    """The personas there are."""
    return sorted(path.name for path in PERSONAS.iterdir() if path.is_dir())


class Persona:
    """The state of one phone, in files that its commands answer from."""

    def __init__(self, name: str, run_dir: Path, serial_number: str) -> None:
        """Copy persona `name` into `run_dir`/persona and make `run_dir`/sys from it."""
        if name not in names():
            raise LoopbackError(f"no persona {name!r}; there are {', '.join(names())}")
        self.name = name
        self.folder = run_dir / "persona"
        self.sys = run_dir / "sys"
        self._original = run_dir / "original"
        _copy(name, self._original)
        shutil.copytree(self._original, self.folder)
        props = (self.folder / "props").read_text()
        props = props.replace("{abi}", abi()).replace("{serialno}", serial_number)
        (self.folder / "props").write_text(props)
        for kind in WRITABLE:
            (self.folder / kind).mkdir(exist_ok=True)
            for folder, _, files in os.walk(self.folder / kind):
                for path in (Path(folder), *(Path(folder) / file for file in files)):
                    os.chown(path, SHELL, SHELL)
        self._make_sys()

    def _make_sys(self) -> None:
        limits = dict(_pairs(self.folder / "cpufreq"))
        cores = os.cpu_count() or 1
        cpu = self.sys / "devices/system/cpu"
        for core in range(cores):
            freq = cpu / f"cpu{core}/cpufreq"
            freq.mkdir(parents=True)
            (freq / "scaling_governor").write_text(f"{limits['governor']}\n")
            governors = f"{limits['governor']} powersave performance\n"
            (freq / "scaling_available_governors").write_text(governors)
            for name, value in (("min", "min"), ("max", "max"), ("cur", "max")):
                (freq / f"scaling_{name}_freq").write_text(f"{limits[value]}\n")
            for name in ("min", "max"):
                (freq / f"cpuinfo_{name}_freq").write_text(f"{limits[name]}\n")
        for name in ("online", "possible", "present"):
            (cpu / name).write_text("0\n" if cores == 1 else f"0-{cores - 1}\n")
        for number, line in enumerate((self.folder / "zones").read_text().splitlines()):
            kind, value = line.rsplit(maxsplit=1)  # a name may hold blanks
            zone = self.sys / f"class/thermal/thermal_zone{number}"
            zone.mkdir(parents=True)
            (zone / "type").write_text(f"{kind}\n")
            (zone / "temp").write_text(f"{value}\n")

    def read(self, name: str) -> str | None:
        """A file of the persona without its last newline, such as `power/fixed_performance`."""
        try:
            return (self.folder / name).read_text().rstrip("\n")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str | None) -> None:
        """Replace a file of the persona, at once as its readers see it; None removes it."""
        path = self.folder / name
        if text is None:
            path.unlink(missing_ok=True)
            return
        _replace(path, text)

    def set_property(self, key: str, value: str | None) -> None:
        """Change what `getprop` says of a key; None removes it."""
        self._set_pair("props", key, value)

    def set_battery(self, level: int | None = None, charging: bool | None = None) -> None:
        """Set the charge in per cent, and whether the phone is charged over USB."""
        if level is not None:
            self._set_pair("battery", "level", str(level))
        if charging is not None:
            self._set_pair("battery", "USB powered", "true" if charging else "false")
            self._set_pair("battery", "status", "2" if charging else "3")

    def set_screen(self, on: bool) -> None:
        """Turn the screen on or off."""
        self.write("screen/state", "ON\n" if on else "OFF\n")

    def heat(self, celsius: float, status: int = 0) -> None:
        """Give every sensor one temperature, and the thermal service a status of 0 to 6."""
        temperatures = self.read("thermal/temperatures")
        if temperatures is not None:
            lines = [line.split() for line in temperatures.splitlines()]
            hot = [f"{celsius} {kind} {name} {status}\n" for _, kind, name, _ in lines]
            self.write("thermal/temperatures", "".join(hot))
            self.write("thermal/status", f"{status}\n")
        for zone in (self.sys / "class/thermal").iterdir():
            _replace(zone / "temp", f"{round(celsius * 1000)}\n")
        self._set_pair("battery", "temperature", str(round(celsius * 10)))

    def cool(self) -> None:
        """Go back to the temperatures that the persona began with."""
        for name in ("thermal/temperatures", "thermal/status"):
            original = self._original / name
            self.write(name, original.read_text() if original.exists() else None)
        for number, line in enumerate((self._original / "zones").read_text().splitlines()):
            zone = self.sys / f"class/thermal/thermal_zone{number}"
            _replace(zone / "temp", f"{line.rsplit(maxsplit=1)[1]}\n")
        battery = dict(_pairs(self._original / "battery"))
        self._set_pair("battery", "temperature", battery["temperature"])

    def set_governor(self, governor: str, max_khz: int | None = None) -> None:
        """Set every core's frequency governor, and its upper limit if given."""
        for core in (self.sys / "devices/system/cpu").glob("cpu*/cpufreq"):
            _replace(core / "scaling_governor", f"{governor}\n")
            if max_khz is not None:
                _replace(core / "scaling_max_freq", f"{max_khz}\n")
                _replace(core / "scaling_cur_freq", f"{max_khz}\n")

    def set_fault(self, left: int | None = None, ms: int | None = None) -> None:
        """Steer the stand-in tools: how many launches fail yet, how long a sound one takes."""
        for name, value in (("left", left), ("ms", ms)):
            self.write(f"fault/{name}", None if value is None else f"{value}\n")

    def _set_pair(self, name: str, key: str, value: str | None) -> None:
        pairs = [pair for pair in _pairs(self.folder / name) if pair[0] != key or value is not None]
        if value is not None:
            if key in dict(pairs):
                pairs = [(k, value if k == key else v) for k, v in pairs]
            else:
                pairs.append((key, value))
        self.write(name, "".join(f"{k}={v}\n" for k, v in pairs))


def _copy(name: str, folder: Path) -> None:
    """A persona's files over those of the one that it is `like`."""
    source = PERSONAS / name
    like = source / "like"
    if like.exists():
        _copy(like.read_text().strip(), folder)
    shutil.copytree(source, folder, dirs_exist_ok=True)


def _pairs(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text().splitlines()
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def _replace(path: Path, text: str) -> None:
    """Write a file anew in one step, with the owner of its folder."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    owner = path.parent.stat()
    os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(path)
