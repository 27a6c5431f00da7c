"""Read a TOML file, with every fault in one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path, error: type[UsageError] = UsageError) -> Mapping[str, Any]:
    """The tables of a file.

    Raises:
        UsageError: (or the given kind of it) missing, not UTF-8, or no TOML.
    """
    try:
        tables: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise error(f"cannot read {path} ({fault.strerror})", hint="give a TOML file") from fault
    except ValueError as fault:  # of TOML or of UTF-8
        raise error(f"{path} is no TOML ({fault})", hint="see https://toml.io") from fault
    return tables
