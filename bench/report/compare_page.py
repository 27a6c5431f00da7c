"""Two runs side by side as one self-contained page: ratios with intervals, against the limits."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from bench.charts import changes, require
from bench.page import Picture, figure, page
from bench.page.table import table_html
from bench.report.compare import Change, Tolerances

SUFFIX = ".html"


def render(
    title: str,
    found: Sequence[Change],
    rows: Sequence[Mapping[str, str]],
    limits: Tolerances,
    notes: Sequence[str] = (),
) -> str:
    """The whole page.

    Args:
        title: what is compared with what, plain text.
        found: the changes.
        rows: their cells by header, as the terminal shows them.
        limits: those that the changes were held against.
        notes: what was left out, plain text.

    Raises:
        UsageError: the extra ``plot`` is not installed.
    """
    require()
    specs: dict[str, Any] = {}
    failed = [change for change in found if change.regressions]
    told = (
        f"Regression: {', '.join(dict.fromkeys(change.variant for change in failed))}."
        if failed
        else "No certain regression."
    )
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<div class="answer"><strong>{html.escape(told)}</strong></div>',
        table_html(title, list(rows[0]), [list(row.values()) for row in rows]),
        *(f"<p>{html.escape(note)}</p>" for note in notes),
    ]
    for index, target in enumerate(dict.fromkeys(change.target for change in found)):
        ratios = [
            {
                "variant": change.variant,
                "ratio": change.latency.ratio,
                "low": change.latency.low,
                "high": change.latency.high,
            }
            for change in found
            if change.target == target and change.latency is not None
        ]
        if ratios:
            picture = Picture(
                f"ratios-{index}",
                f"Time on {target}, new over old",
                changes.ratios(ratios, limits.latency),
                "Ratios of the medians with their intervals; the table above has the figures.",
                "Left of 1 is faster. The dashed line is the limit.",
            )
            parts.append(figure(picture, specs))
    return page(title, parts, specs)
