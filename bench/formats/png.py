"""A picture for chats and slides."""

from __future__ import annotations

from bench.charts import require
from bench.formats._picture import picture
from bench.report import Report

__all__ = ["SUFFIX", "render", "require"]

SUFFIX = ".png"


def render(report: Report, *, colour: bool = False) -> bytes:
    """Latency and size against accuracy, for each target.

    Raises:
        UsageError: the extra ``plot`` is not installed, or nothing was measured.
    """
    require()
    import vl_convert

    content: bytes = vl_convert.vegalite_to_png(picture(report), scale=2)
    return content
