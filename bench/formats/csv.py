"""Comma-separated values: every figure, unrounded, one line per variant and target."""

from __future__ import annotations

from bench.report import Report

SUFFIX = ".csv"


def render(report: Report, *, colour: bool = False) -> str:
    """The lines of ``Report.to_dataframe()``."""
    return report.to_dataframe().to_csv(index=False, lineterminator="\n")
