"""What a device script answers: ``KEY=VALUE`` lines, raw bytes of known length, and an end mark.

Whether an answer is whole is told by its end mark alone: adb's own return code is 0 with cut output
when the daemon dies in the middle (adb 29), and the older shell protocol has none at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

END = b"%end"
STREAMS = b"%streams "


class CutAnswerError(Exception):
    """The connection broke before the answer was whole."""


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        values: of the ``KEY=VALUE`` lines, the last one of each key.
        streams: the bytes of a ``%streams`` block, one for each length in it.
        noise: other lines, such as a shell's complaints.
    """

    values: Mapping[str, str]
    streams: tuple[bytes, ...]
    noise: tuple[str, ...]


def read(raw: bytes) -> Answer:
    """Take an answer apart.

    Raises:
        CutAnswerError: its end mark is missing.
    """
    values: dict[str, str] = {}
    streams: tuple[bytes, ...] = ()
    noise: list[str] = []
    at = 0
    while at < len(raw):
        stop = raw.find(b"\n", at)
        line = raw[at:] if stop < 0 else raw[at:stop]
        at = len(raw) if stop < 0 else stop + 1
        if line == END:
            return Answer(values, streams, tuple(noise))
        if line.startswith(STREAMS):
            streams, at = _take(raw, at, line)
            continue
        text = line.decode(errors="replace").rstrip("\r")
        key, equals, value = text.partition("=")
        if equals and " " not in key:
            values[key] = value
        elif text.strip("."):
            noise.append(text)
    raise CutAnswerError("; ".join(noise[-3:]) or "the answer broke off")


def _take(raw: bytes, at: int, header: bytes) -> tuple[tuple[bytes, ...], int]:
    """The streams that a header announces, and where the line after them begins."""
    streams = []
    for word in header[len(STREAMS) :].split():
        size = int(word)
        if at + size > len(raw):
            raise CutAnswerError("the answer broke off within the tool's output")
        streams.append(raw[at : at + size])
        at += size
    return tuple(streams), at
