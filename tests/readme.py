"""The commands that the README shows: every one of them is run by a test."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def commands() -> list[str]:
    """Each line of the README's shell blocks, without its comment, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def needs_phone(command: str) -> bool:
    """Whether it is one for ``tests/phone``."""
    return "adb" in command or command.startswith("bench doctor")
