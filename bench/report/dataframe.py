"""A report as a data frame: one line per variant and target, one column per figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.report import Report, Row, Table
from bench.values import Estimate, Missing

if TYPE_CHECKING:
    import pandas as pd


def frame_of(report: Report) -> pd.DataFrame:
    """All rows of all tables; a column without any figure is there all the same."""
    import pandas as pd

    name = report.session.model.name
    lines = [
        _line(name, table, row) | _warned(report, table, row)
        for table in report.tables
        for row in table.rows
    ]
    frame: pd.DataFrame = pd.DataFrame(lines, columns=list(columns()))
    return frame


def _warned(report: Report, table: Table, row: Row) -> dict[str, str | None]:
    """The warnings of this variant, there or anywhere."""
    told = [
        warning.message
        for warning in report.warnings
        if warning.variant == row.variant.name
        and warning.target in (None, table.environment.target)
    ]
    return {"warnings": "; ".join(told) or None}


def columns() -> Sequence[str]:
    """The columns, in order."""
    return (
        "model", "target", "variant", "recipe",
        "size_bytes", "size_ratio", "zipped_bytes", "zipped_ratio", "int8_share",
        "accuracy", "agreement", "max_difference", "mean_difference", "samples",
        "launches", "runs", "median_us", "median_low_us", "median_high_us", "median_kind",
        "p99_us", "p99_low_us", "p99_high_us", "p99_kind", "min_us", "mean_us", "std_us",
        "init_us", "first_us", "peak_bytes", "ratio", "ratio_low", "ratio_high", "verdict",
        "error_class", "error", "warnings",
    )  # fmt: skip  # one line per thought


def _line(model: str, table: Table, row: Row) -> dict[str, Any]:
    """The figures of one row, by column; what is missing is None."""
    accuracy, summary, comparison, failure = (
        row.accuracy,
        row.summary,
        row.comparison,
        row.failure,
    )
    line: dict[str, Any] = {
        "model": model,
        "target": table.environment.target,
        "variant": row.variant.name,
        "recipe": row.variant.recipe or None,
        "size_bytes": row.variant.size_bytes,
        "size_ratio": row.size_ratio,
        "zipped_bytes": row.variant.zipped_bytes,
        "zipped_ratio": row.zipped_ratio,
        "int8_share": row.variant.int8_share,
    }
    if accuracy is not None:
        line |= {
            "accuracy": accuracy.top1,
            "agreement": accuracy.agreement,
            "max_difference": accuracy.max_difference,
            "mean_difference": accuracy.mean_difference,
            "samples": accuracy.samples,
        }
    if summary is not None:
        line |= {
            name: getattr(summary, name)
            for name in (
                "launches",
                "runs",
                "min_us",
                "mean_us",
                "std_us",
                "init_us",
                "first_us",
                "peak_bytes",
            )
        }
        line |= _estimate("median", summary.median_us) | _estimate("p99", summary.p99_us)
    if comparison is not None:
        line |= {
            "ratio": comparison.ratio,
            "ratio_low": comparison.low,
            "ratio_high": comparison.high,
            "verdict": comparison.verdict,
        }
    if failure is not None:
        line |= {"error_class": failure.error_class, "error": failure.message}
    return line


def _estimate(name: str, estimate: Estimate | Missing) -> dict[str, Any]:
    if isinstance(estimate, Missing):
        return {f"{name}_kind": estimate.reason}
    return {
        f"{name}_us": estimate.value,
        f"{name}_low_us": estimate.low,
        f"{name}_high_us": estimate.high,
        f"{name}_kind": estimate.kind,
    }
