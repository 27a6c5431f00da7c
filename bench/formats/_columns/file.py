"""Columns on the files: how small, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator

from bench.formats._columns.values import Column
from bench.report import Row, Table
from bench.report.file_warnings import partly_int8
from bench.text import size

GROUP = "file"


def file_columns(table: Table) -> Iterator[Column]:
    """Sizes with their ratios; what is in integers or 4 bits where that is not all or nothing."""
    rows = table.rows
    of_size = tuple(_ratio(row, row.size_ratio) for row in rows)
    of_zipped = tuple(_ratio(row, row.zipped_ratio) for row in rows)
    sizes = tuple(size(row.variant.size_bytes) for row in rows)
    zipped = tuple(size(row.variant.zipped_bytes) for row in rows)
    yield Column("size", "size", sizes, group=GROUP)
    yield from _times("size-ratio", of_size, "size")
    yield Column("zipped", "zipped", zipped, group=GROUP)
    yield from _times("zipped-ratio", of_zipped, "zipped")
    if any(partly_int8(row.variant) is not None for row in rows):
        shares = tuple(_percent(row.variant.integer_share) for row in rows)
        yield Column("int8", "in integers", shares, group=GROUP)
    if any(row.variant.int4_share for row in rows):
        shares = tuple(_percent(row.variant.int4_share) for row in rows)
        yield Column("int4", "4-bit", shares, group=GROUP, title="4-bit weights")


def _times(key: str, cells: tuple[str, ...], of: str) -> Iterator[Column]:
    """How many times smaller; none where there is but the baseline's file."""
    column = Column(key, "×", cells, group=GROUP, title=f"{of}, times smaller", follows=of)
    if not column.is_empty:
        yield column


def _ratio(row: Row, ratio: float) -> str:
    return "" if row.is_baseline_file else f"{ratio:.2f}x"


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction * 100:.0f} %"
