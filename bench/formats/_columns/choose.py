"""Which columns are shown: those that were asked for, or those that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from bench.formats._columns.lines import width_of
from bench.formats._columns.values import Column
from bench.report import Table
from bench.report.view import COLUMNS, View

ALWAYS = ("answers", "median", "vs")
"""Shown however narrow the line is: without them a table says nothing, or hides nonsense."""

WHOLE = " []"
"""Behind a column's name in an order: now with both ends of its intervals."""

_THERE = (
    *("int8", "int4", "p99", "launches", "vs []", "zipped", "median []", "phone-accuracy []"),
    *("first", "size-ratio", "zipped-ratio", "agrees", "lost"),
)
"""What else is shown as far as there is room, what matters most first: away from this machine."""

_HERE = (
    *(
        "accuracy",
        "cold-init",
        "warm-init",
        "size",
        "int8",
        "int4",
        "zipped",
        "p99",
        "launches",
        "vs []",
        "median []",
    ),
    *("accuracy []", "lost", "size-ratio", "zipped-ratio", "init", "first", "memory"),
)
"""On this machine, where starting and memory are those of the interpreter within Python."""


def order_of(table: Table) -> tuple[str, ...]:
    """Keys of the columns of a table, what matters most first.

    Where a phone was asked for answers, those of this machine's interpreter say less. Settings
    start in different ways, and are of the same files.
    """
    if table.environment.kind == "local":
        return (*ALWAYS, *_HERE)
    several = any(row.variant.setting is not None for row in table.rows)
    starts = ("cold-init", "warm-init")
    then = (*starts, "init", "memory", "size") if several else (*starts, "size", "init", "memory")
    if any(row.answers is not None and row.answers.deciding for row in table.rows):
        return (*ALWAYS, "phone-accuracy", *then, *_THERE, "accuracy")
    return (*ALWAYS, "accuracy", *then, *_THERE)


SHORT: Mapping[str, str] = MappingProxyType(
    {
        "rounds": "rounds differently",
        "unclear": "no clear change, the interval of the ratio holds 1",
    }
)
"""What brief cells mean that cannot be read by themselves."""


@dataclass(frozen=True)
class Chosen:
    """What is shown of a table.

    Attributes:
        columns: with the cells that are shown.
        left_out: names of columns that have figures and are not shown.
        absent: names that were asked for and have no figures in this table.
        without_interval: names of columns whose intervals are not shown.
        has_margins: whether some intervals are told by their wider side alone.
    """

    columns: tuple[Column, ...]
    left_out: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    without_interval: tuple[str, ...] = ()
    has_margins: bool = False


def named(columns: Sequence[Column], view: View) -> Chosen:
    """The columns that a view names, in its order; all that there are where it names none."""
    if not view.columns:
        return Chosen(_told_apart(columns))
    found = [column for column in columns if not column.key]
    for name in view.names:
        found += [column for column in columns if column.key == name]
    shown = {column.key for column in found}
    there = {column.key for column in columns}
    return Chosen(
        _told_apart(found),
        left_out=_names(there - shown),
        absent=() if "all" in view.columns else _names(set(view.names) - there),
    )


def fitted(columns: Sequence[Column], view: View, order: Sequence[str]) -> Chosen:
    """The columns that a line has room for; those named, where a view names some.

    What matters most is taken first, each column in few letters; later, with what room is left,
    with both ends of its intervals.

    Args:
        columns: all that there are.
        view: what is wanted.
        order: keys, what matters most first; others are shown only by name.
    """
    if view.columns:
        return named(columns, view)
    fit = _Fit(tuple(columns), view.width)
    for step in ("", *order, *(f"{key}{WHOLE}" for key in order if not key.endswith(WHOLE))):
        fit.take(step)
    return fit.chosen()


class _Fit:
    """Columns taken one by one into a line, each in few letters at first."""

    def __init__(self, columns: tuple[Column, ...], width: int) -> None:
        self._columns = columns
        self._width = width
        self._taken: dict[int, bool] = {}  # by place; whether it is whole

    def take(self, step: str) -> None:
        """Take the columns of that key, or make them whole, each as far as there is room."""
        key = step.removesuffix(WHOLE)
        for place, column in enumerate(self._columns):
            if column.key == key and (place in self._taken or key == step):
                if column.follows and not self._has(column.follows):
                    continue  # a ratio without what it is a ratio of
                whole = key != step or column.brief in ((), column.cells)
                wider = {**self._taken, place: whole}
                if self._width_of(wider) <= self._width or step in ("", *ALWAYS):
                    self._taken = wider

    def _width_of(self, taken: Mapping[int, bool]) -> int:
        drawn = [self._drawn(place, whole) for place, whole in sorted(taken.items())]
        return width_of(_told_apart(drawn))

    def _has(self, key: str) -> bool:
        return any(self._columns[place].key == key for place in self._taken)

    def _drawn(self, place: int, whole: bool) -> Column:
        column = self._columns[place]
        return column if whole else replace(column, cells=column.brief)

    def chosen(self) -> Chosen:
        """What was taken, in the order of the table."""
        drawn = [self._drawn(place, whole) for place, whole in sorted(self._taken.items())]
        left = [each for place, each in enumerate(self._columns) if place not in self._taken]
        bare = [
            self._columns[place]
            for place, whole in self._taken.items()
            if not whole and not _has("±", self._columns[place].brief)
        ]
        return Chosen(
            _told_apart(drawn),
            left_out=_names({column.key for column in left}),
            without_interval=_names({each.key for each in bare if _has("[", each.cells)}),
            has_margins=any(_has("±", column.cells) for column in drawn),
        )


def choice_notes(chosen: Chosen) -> Sequence[str]:
    """What the cells leave out, and which columns are not shown, with what shows them."""
    notes = []
    if chosen.has_margins:
        notes.append("±: the wider side of an interval, where there is no room for both its ends")
    if chosen.without_interval:
        notes.append(f"interval not shown: {', '.join(chosen.without_interval)}")
    cells = {cell for column in chosen.columns for cell in column.cells}
    notes += [f"{short}: {meant}" for short, meant in SHORT.items() if short in cells]
    if chosen.absent:
        notes.append(f"not in this report: {', '.join(chosen.absent)}")
    if chosen.left_out:
        notes.append(f"not shown: {', '.join(chosen.left_out)} (--columns all, or names)")
    return notes


def _has(letter: str, cells: Sequence[str]) -> bool:
    return any(letter in cell for cell in cells)


def _told_apart(columns: Sequence[Column]) -> tuple[Column, ...]:
    """A header that belongs to the column before it becomes a title, where another stands there."""
    before = ("", *(column.key for column in columns))
    return tuple(
        column
        if not column.follows or column.follows == previous
        else replace(column, header=column.name)
        for previous, column in zip(before, columns, strict=False)
    )


def _names(keys: set[str]) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name in keys)
