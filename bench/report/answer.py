"""The answer to a run in one line for each target: what to ship, within which loss, and why.

It stands below a run's table; ``bench recommend`` says more, and takes limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.cells import files_of
from bench.metrics.values import Score
from bench.report import Report, losses
from bench.report.recommend import (
    DEFAULT_LOSS,
    Recommendation,
    Requirements,
    merits,
    recommendations,
)
from bench.text import change_text


def answers(report: Report) -> list[str]:
    """One line for each target; none where there is nothing to choose from.

    Of a search there is none here: its answer was chosen on validation samples
    (``bench.report.searched``).
    """
    if report.search is not None or len(files_of(report.session.variants)) < 2:
        return []
    several = len(report.tables) > 1
    found = recommendations(report, Requirements(), "latency")
    return [
        _line(each, [score for row in table.rows for score in row.deciding], several=several)
        for each, table in zip(found, report.tables, strict=True)
        if sum(row.summary is not None for row in table.rows) > 1
    ]


def _line(found: Recommendation, scores: Sequence[Score], *, several: bool) -> str:
    where = f" on {found.environment.label}" if several else ""
    within = f"within {losses.at_most(DEFAULT_LOSS, scores)}"
    if not scores:
        within = "by latency alone, as no loss is known"
    if found.chosen is None:
        return f"{within}{where}: nothing to ship (bench recommend says why)"
    name = found.chosen.variant.name
    told = f"{merits(found.chosen)}{_missed(found)}"
    if found.is_sure:
        return f"{within}{where}: ship {name}: {told}"
    return f"{within}{where}: so far {name}: {told}; {found.doubt()}"


def _missed(found: Recommendation) -> str:
    """The fastest variant that samples can't tell to lose too much, where float32 is left."""
    assert found.chosen is not None
    if not found.chosen.is_baseline_file:
        return ""
    doubtful = [
        (row.comparison.ratio, row.variant.name, change_text(row.comparison), why)
        for row, why in found.rejected
        if why.startswith("can't tell")
        and row.comparison is not None
        and row.comparison.verdict == "faster"
    ]
    if not doubtful:
        return ""
    _, name, change, why = min(doubtful)
    return f"; not {name}, {change}: {why}"
