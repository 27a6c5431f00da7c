"""Which variant to ship on a target, within given limits, and which others are as good.

Nothing is recommended that answers wrongly, or otherwise than here, where it is to be shipped.
A limit holds only where it holds for certain: a latency is within its limit if the upper end of its
interval is, a loss of accuracy likewise (``bench.report.losses``). Where several variants cannot be
told apart in what is to be best, the smallest of them is recommended, of one file the setting with
the fewest threads, and the others are named.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.cells import base_of
from bench.errors import UsageError
from bench.report import Report, Row, Table, losses
from bench.report.answer_warnings import why_not_to_ship
from bench.stats.intervals import MIN_ORDER_LAUNCHES
from bench.stats.summary import compare_paired
from bench.text import change_text, count, loss_text
from bench.values import Environment, Estimate

Aim = Literal["latency", "size", "zipped"]

DEFAULT_LOSS = 0.01
"""What may be lost where no limit is given: a point of accuracy."""


@dataclass(frozen=True)
class Requirements:
    """What a variant must keep to; None does not matter.

    Attributes:
        loss: of the metric that decides, against the baseline, 0.01 for one point (of an error for
            1 % more of it). None is the default of one point, which holds wherever any variant
            was evaluated.
        size_bytes, zipped_bytes: of the file.
        median_us, p99_us: upper ends of their intervals.
    """

    loss: float | None = None
    size_bytes: int | None = None
    zipped_bytes: int | None = None
    median_us: float | None = None
    p99_us: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """What to ship on one target.

    Attributes:
        chosen: None where no variant keeps to the limits.
        equals: variants that cannot be told from it in what is to be best.
        rejected: variants that break a limit, or of which it can't be told, each with the reason.
        loss_limit: how the limit on losses was held, in words.
    """

    environment: Environment
    chosen: Row | None
    equals: tuple[Row, ...]
    rejected: tuple[tuple[Row, str], ...]
    loss_limit: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether what was chosen had enough launches that one odd launch decides nothing."""
        summary = None if self.chosen is None else self.chosen.summary
        return summary is not None and summary.launches >= MIN_ORDER_LAUNCHES

    def line(self) -> str:
        """What to ship in a few words, firm only where enough was launched; without the target."""
        if self.chosen is None:
            return "no variant keeps to these limits"
        name = self.chosen.variant.name
        return f"ship {name}" if self.is_sure else f"{self.doubt()}: so far {name}"

    def doubt(self) -> str:
        """Why what was chosen is not sure; empty where it is, or nothing was chosen."""
        if self.chosen is None or self.is_sure:
            return ""
        assert self.chosen.summary is not None  # what was not measured is never chosen
        launches = count(self.chosen.summary.launches, "launch", "launches")
        return f"{launches} are too few to be sure (give --launches {MIN_ORDER_LAUNCHES} or more)"


def recommendations(report: Report, limits: Requirements, aim: Aim) -> tuple[Recommendation, ...]:
    """One recommendation per target."""
    found = []
    for table in report.tables:
        reasons = {row.variant.name: list(_breaks(row, table, limits)) for row in table.rows}
        fitting = [row for row in table.rows if not reasons[row.variant.name]]
        chosen, equals = _best(report, table.environment.target, fitting, aim)
        rejected = tuple(
            (row, "; ".join(reasons[row.variant.name]))
            for row in table.rows
            if reasons[row.variant.name]
        )
        environment = table.environment
        limit = _loss_limit(table, limits)
        found.append(Recommendation(environment, chosen, equals, rejected, limit))
    return tuple(found)


def best_row(report: Report, limits: Requirements, aim: Aim, target: str) -> Row:
    """The row to ship on one target; a Python warning where its launches are too few to be sure.

    Args:
        target: id; empty is the report's only one.

    Raises:
        UsageError: no variant keeps to the limits, no loss is known that could be limited, or there
            are several targets and none is named.
    """
    ids = [table.environment.target for table in report.tables]
    if target not in ids and (target or len(ids) != 1):
        raise UsageError(
            f"the report has no target {target!r}" if target else "the report has several targets",
            hint=f"name one of: {', '.join(ids)}",
        )
    (found,) = (
        each
        for each in recommendations(report, limits, aim)
        if target in ("", each.environment.target)
    )
    rows = report.tables[ids.index(found.environment.target)].rows
    if limits.loss is not None and len(rows) > 1 and all(row.accuracy is None for row in rows):
        raise UsageError(
            "no accuracy is known, so no loss can be limited",
            hint="measure with test samples, or leave max_loss out",
        )
    if found.chosen is None:
        reasons = "; ".join(f"{row.variant.name}: {reason}" for row, reason in found.rejected)
        raise UsageError(found.line(), hint=reasons or "measure one first")
    if not found.is_sure:
        warnings.warn(found.line(), stacklevel=3)
    return found.chosen


def merits(row: Row) -> str:
    """Against the baseline: ``2.04x faster [1.94, 2.06], …, 0.10 points of accuracy lost``."""
    if row.variant is row.baseline:
        return "the baseline itself"
    parts = []
    if row.comparison is not None:
        change = change_text(row.comparison)
        parts.append(change if "x " in change else f"{change} in latency")
    if row.is_baseline_file:
        return f"{', '.join(parts) or 'not measured'}, against {row.baseline.name}"
    parts += [_size_text(row.size_ratio), f"{_size_text(row.zipped_ratio)} zipped"]
    parts += [loss_text(score) for score in row.deciding] or ["loss not known"]
    return f"{', '.join(parts)}, against {row.baseline.name}"


def _size_text(ratio: float) -> str:
    """How many times smaller a file is than the baseline's, or larger: ``1.05x larger``."""
    if round(ratio, 2) == 1 or round(1 / ratio, 2) == 1:
        return "the same size"
    return f"{ratio:.2f}x smaller" if ratio > 1 else f"{1 / ratio:.2f}x larger"


def _one_of_each_file(table: Table) -> list[Row]:
    """One row of each variant, whatever its settings: a file loses accuracy once."""
    return list({base_of(row.variant): row for row in table.rows}.values())


def _loss_limit(table: Table, limits: Requirements) -> str:
    """In words, what was asked of losses."""
    scores = [
        score
        for row in _one_of_each_file(table)
        if not row.is_baseline_file
        for score in row.deciding
    ]
    if not scores:
        if limits.loss is not None:
            return ""
        return "nothing was evaluated: what these variants lose is not known (give --data)"
    default = limits.loss is None
    limit = DEFAULT_LOSS if limits.loss is None else limits.loss
    return losses.how_held(limit, scores, len(scores), default=default)


def _breaks(row: Row, table: Table, limits: Requirements) -> Iterator[str]:
    """Each limit that a row does not keep to for certain."""
    if row.summary is None:
        yield "it was not measured"
        return
    if reason := why_not_to_ship(row.answers):
        yield reason
    if reason := _breaks_loss(row, table, limits):
        yield reason
    if limits.size_bytes is not None and row.variant.size_bytes > limits.size_bytes:
        yield f"it takes {row.variant.size_bytes:,} bytes"
    if limits.zipped_bytes is not None and row.variant.zipped_bytes > limits.zipped_bytes:
        yield f"it takes {row.variant.zipped_bytes:,} bytes zipped"
    for name, figure, limit in (
        ("median", row.summary.median_us, limits.median_us),
        ("p99", row.summary.p99_us, limits.p99_us),
    ):
        if limit is None:
            continue
        if not isinstance(figure, Estimate) or figure.high is None:
            yield f"its {name} is not known well enough: more launches tell it"
        elif figure.high > limit:
            yield f"its {name} may be {figure.high / 1e3:.3g} ms"


def _breaks_loss(row: Row, table: Table, limits: Requirements) -> str:
    """Why it may not be shipped for what it loses; empty where it may."""
    if row.is_baseline_file:
        return ""
    if limits.loss is None and not any(each.deciding for each in table.rows):
        return ""  # nothing was evaluated, which the answer says
    limit = DEFAULT_LOSS if limits.loss is None else limits.loss
    together = losses.comparisons(
        (each.accuracy for each in _one_of_each_file(table)), base_of(row.baseline)
    )
    samples = row.accuracy.samples if row.accuracy is not None else 0
    return losses.judge_all(row.deciding, samples, limit, together).reason


def _best(
    report: Report, target: str, fitting: Sequence[Row], aim: Aim
) -> tuple[Row | None, tuple[Row, ...]]:
    """The best row and those that are as good as can be told."""
    if not fitting:
        return None, ()
    if aim != "latency":
        ordered = sorted(fitting, key=lambda row: _bytes(row, aim))
        least = _bytes(ordered[0], aim)
        smallest = [row for row in ordered if _bytes(row, aim) == least]
        mine = [row for row in smallest if base_of(row.variant) == base_of(ordered[0].variant)]
        chosen, _ = _best(report, target, mine, "latency")
        return chosen, tuple(row for row in smallest if row is not chosen)
    fastest = min(fitting, key=_median_us)
    group = [fastest, *(row for row in fitting if _as_fast(report, target, fastest, row))]
    # One file under several settings: as few threads as will do.
    chosen = min(group, key=lambda row: (row.variant.zipped_bytes, row.setting.threads))
    return chosen, tuple(row for row in group if row is not chosen)


def _as_fast(report: Report, target: str, fastest: Row, row: Row) -> bool:
    if row is fastest:
        return False
    sides = [report.launches_of(target, each.variant.name) for each in (fastest, row)]
    return compare_paired(*sides).verdict == "no clear change"


def _median_us(row: Row) -> float:
    assert row.summary is not None  # what was not measured keeps to no limits
    return row.summary.median_us.value


def _bytes(row: Row, aim: Aim) -> int:
    return row.variant.size_bytes if aim == "size" else row.variant.zipped_bytes
