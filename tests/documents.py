"""The README and the pages of docs/: every command and snippet in them is run by a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (
    README,
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "reference"),
)


def name(page: Path) -> str:
    """A page by its path in the repository, for the names of tests."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The text of each fenced block of a language, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(page: Path) -> list[str]:
    """Each line of a page's shell blocks, without its comment, in order; continued lines as one."""
    lines: list[str] = []
    for block in blocks(page, "sh"):
        whole = block.replace("\\\n", " ")
        lines += [line.partition("  #")[0].strip() for line in whole.splitlines()]
    return [" ".join(line.split()) for line in lines if line]


def needs_phone(command: str) -> bool:
    """Whether it is one for ``tests/phone``."""
    return "adb" in command or command.startswith(("bench doctor", "bench connect"))
