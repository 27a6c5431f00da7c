"""Which setting is the best for each variant, where that is certain."""

from __future__ import annotations

from dataclasses import dataclass

from bench.cells import base_of, words
from bench.report import Report, Row, Table
from bench.report.answer_warnings import why_not_to_ship
from bench.stats.summary import compare_paired


@dataclass(frozen=True)
class BestSetting:
    """Of one variant on one target.

    Attributes:
        variant: its own name.
        best: the row that is faster than all others for certain, or the only one measured.
        candidates: the rows that were measured and do not answer wrongly, the fastest first.
    """

    variant: str
    best: Row | None
    candidates: tuple[Row, ...]


def best_settings(report: Report, table: Table) -> tuple[BestSetting, ...]:
    """One for each variant that has several cells; none where a plan has one setting.

    A setting is the best where its launches, paired block by block with those of every other
    setting, are faster each time (all of them at once must be: no correction is needed for saying
    so, Berger 1982, on the intersection of tests).
    """
    cells: dict[str, list[Row]] = {}
    for row in table.rows:
        if row.variant.setting is not None:
            cells.setdefault(base_of(row.variant), []).append(row)
    return tuple(_best(report, table, name, rows) for name, rows in cells.items())


def _best(report: Report, table: Table, name: str, rows: list[Row]) -> BestSetting:
    fit = [row for row in rows if row.summary is not None and not why_not_to_ship(row.answers)]
    fit.sort(key=_median_us)
    if not fit:
        return BestSetting(name, None, ())
    target = table.environment.target
    fastest, *others = fit
    mine = report.launches_of(target, fastest.variant.name)
    certain = all(
        compare_paired(mine, report.launches_of(target, other.variant.name)).verdict == "slower"
        for other in others
    )
    return BestSetting(name, fastest if certain else None, tuple(fit))


def _median_us(row: Row) -> float:
    assert row.summary is not None
    return row.summary.median_us.value


def best_text(found: BestSetting, table: Table) -> str:
    """``float32: 2 threads``, ``float32: no clear best``."""
    among = [row.setting for row in table.rows]
    if found.best is None:
        return f"{found.variant}: {'no clear best' if found.candidates else 'none'}"
    text = f"{found.variant}: {words(found.best.setting, among)}"
    return text if len(found.candidates) > 1 else f"{text} (no other was measured)"
