"""The columns of a table of variants: one place for all formats that people read."""

from __future__ import annotations

from collections.abc import Mapping

from bench.formats._columns.answers import answer_columns
from bench.formats._columns.file import file_columns
from bench.formats._columns.latency import latency_columns
from bench.formats._columns.metrics import metric_columns
from bench.formats._columns.start import start_columns
from bench.formats._columns.values import Column
from bench.report import Table


def columns(table: Table, names: Mapping[str, str]) -> tuple[Column, ...]:
    """All columns that a table has figures for, that of the variants first.

    Args:
        table: of one target.
        names: how each variant is called there, by its own name.
    """
    variants = tuple(names[row.variant.name] for row in table.rows)
    return (
        Column("", "variant", variants, align="left"),
        *answer_columns(table),
        *file_columns(table),
        *metric_columns(table),
        *latency_columns(table),
        *start_columns(table),
    )
