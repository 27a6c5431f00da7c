"""Shells with the ways of other phones: commands replaced or missing, see shims/README.md."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .host import HERE, LoopbackError

SHIMS = HERE / "shims"
MISSING = ".missing"


def names() -> list[str]:
    """The shims there are."""
    return sorted(path.name for path in SHIMS.iterdir() if path.is_dir())


def lay(name: str, system_bin: Path, target: Path) -> None:
    """Make ``target`` the folder of commands of a phone with that shim.

    Args:
        name: of the shim.
        system_bin: the commands of the phone's image, which stay as they are.
        target: a new folder, on any file system.

    Raises:
        LoopbackError: there is no such shim.
    """
    if name not in names():
        raise LoopbackError(f"no shim {name!r}; there are {', '.join(names())}")
    shutil.copytree(system_bin, target, symlinks=True, copy_function=_link_or_copy)
    for path in sorted((SHIMS / name).iterdir()):
        if path.name == MISSING:
            for command in path.read_text().split():
                (target / command).unlink()
        else:
            (target / path.name).unlink()
            shutil.copy2(path, target / path.name)
            (target / path.name).chmod(0o755)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
