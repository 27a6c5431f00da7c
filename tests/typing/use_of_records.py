"""Public names in a user's script: their types are what the documentation says."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import assert_type

import bench


def slowest(path: Path) -> str:
    """The variant of a saved report that takes longest."""
    records = bench.read(path)
    assert_type(records, bench.Records)
    report = bench.assemble(records)
    assert_type(report, bench.Report)
    rows = [row for table in report.tables for row in table.rows]
    summaries = [row.summary for row in rows if row.summary is not None]
    assert_type(summaries, list[bench.Summary])
    return max(summaries, key=lambda summary: summary.median_us.value).variant


assert_type(bench.__version__, str)
assert_type(bench.Plan(launches=5).runs, int)
