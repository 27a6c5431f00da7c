"""The options of the Android target: text from the command line, read and checked once."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import TargetError

OURS = frozenset({"samples"})
"""Options that the harness itself gives, and no user."""

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")


@dataclass(frozen=True)
class Options:
    """Every option with its default; ``bench.targets.adb`` explains them."""

    adb_server: tuple[str, ...] = ()
    benchmark_model: Path | None = None
    libraries: tuple[Path, ...] = ()
    max_celsius: float = 40.0
    max_thermal_status: int = 0
    min_battery: int = 25
    max_slowdown: float = 0.10
    throttle_every_s: float = 30.0
    gate_timeout_s: float = 300.0
    stay_on: bool = True
    fixed_performance: bool = True
    reconnect_s: float = 60.0
    lock_timeout_s: float = 0.0
    cap_mb: int = 1024
    samples: Path | None = None


def read_options(options: Mapping[str, str]) -> Options:
    """Options from ``KEY=VALUE`` texts.

    Raises:
        TargetError: an unknown key (with the nearest known one) or a value of another kind.
    """
    known = {field.name: field for field in dataclasses.fields(Options)}
    values: dict[str, object] = {}
    for key, text in options.items():
        if key not in known:
            users = [name for name in known if name not in OURS]
            near = difflib.get_close_matches(key, users, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise TargetError(
                f"the adb target has no option {key!r}",
                hint=f"{guess}there is: {', '.join(users)}",
            )
        values[key] = _value(key, str(known[key].type), text)
    return Options(**values)  # type: ignore[arg-type]  # each was read by its field's own type


def _value(key: str, kind: str, text: str) -> object:
    """One value, by the annotation of its field."""
    if kind == "bool":
        if text.lower() in YES + NO:
            return text.lower() in YES
        raise TargetError(f"{key}={text} is neither yes nor no", hint=f"write {key}=yes or =no")
    if kind in ("float", "int"):
        try:
            number = float(text) if kind == "float" else int(text)
        except ValueError:
            number = -1
        if not number >= 0:
            raise TargetError(
                f"{key}={text!r} is not a number of that kind",
                hint=f"give {'a whole' if kind == 'int' else 'a'} number, 0 or more",
            )
        return number
    if "tuple" in kind:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(Path(part).expanduser() for part in parts) if "Path" in kind else tuple(parts)
    return Path(text).expanduser() if "Path" in kind else text
