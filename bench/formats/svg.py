"""A picture whose text stays text, for documents and the web."""

from __future__ import annotations

from bench.charts import require
from bench.formats._picture import picture
from bench.report import Report

__all__ = ["SUFFIX", "render", "require"]

SUFFIX = ".svg"


def render(report: Report, *, colour: bool = False) -> str:
    """Latency and size against accuracy, for each target.

    Raises:
        UsageError: the extra ``plot`` is not installed, or nothing was measured.
    """
    require()
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(picture(report)) + "\n"
    return text
