"""Tables of a page: cells as in every other format, with the figures behind them to sort by."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import groupby

UNITS: Mapping[str, float] = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}

LONG = 60
"""Letters from which a cell is no figure but words, such as a recipe; its whole column is."""


def table_html(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    groups: Sequence[str] = (),
    names: Sequence[str] = (),
    notes: Sequence[str] = (),
    attributes: Sequence[Mapping[str, str]] = (),
    beside: Sequence[str] = (),
) -> str:
    """One table with its notes, as HTML; its columns can be sorted.

    Args:
        title: its caption, plain text.
        headers: of the columns.
        rows: cells, plain text, of one line or two; the first one of each row is its header.
        groups: what stands above each header; equal ones side by side are one; empty for none.
        names: what each column is called where its header is read alone; by default its header.
        notes: lines below it.
        attributes: of each row's element, in the same order.
        beside: HTML below the first cell of each row, in the same order.
    """
    wordy = {at for row in rows for at, cell in enumerate(row) if at and len(cell) > LONG}
    told = enumerate(zip(headers, names or headers, strict=True))
    heads = "".join(_head(*each, words=at in wordy) for at, each in told)
    above = f'<tr class="groups">{"".join(_groups(groups))}</tr>' if any(groups) else ""
    body = [
        _row(cells, attributes[index] if attributes else {}, beside[index] if beside else "", wordy)
        for index, cells in enumerate(rows)
    ]
    below = "".join(f"<div>{html.escape(note)}</div>" for note in notes)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(title)}">'
        f'<table><caption class="soft">{html.escape(title)}</caption>'
        f"<thead>{above}<tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f'<div class="notes">{below}</div>'
    )


def _head(shown: str, name: str, *, words: bool) -> str:
    label = f' aria-label="sort by {html.escape(name)}"'
    kind = ' class="words"' if words else ""
    return f'<th scope="col"{kind}><button type="button"{label}>{html.escape(shown)}</button></th>'


def _groups(groups: Sequence[str]) -> Iterator[str]:
    for group, members in groupby(groups):
        columns = len(list(members))
        if group:
            yield f'<th scope="colgroup" colspan="{columns}">{html.escape(group)}</th>'
        else:
            yield f'<td colspan="{columns}"></td>'


def _row(cells: Sequence[str], attributes: Mapping[str, str], beside: str, wordy: Set[int]) -> str:
    told = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    first, *others = cells
    body = "".join(_cell(text, words=at in wordy) for at, text in enumerate(others, start=1))
    return f'<tr{told}><th scope="row">{_breakable(first)}{beside}</th>{body}</tr>'


def _cell(text: str, *, words: bool) -> str:
    if words:
        return f'<td class="words">{_breakable(text)}</td>'
    figure = next(_numbers(text), None)
    value = "" if figure is None else f' data-value="{figure!r}"'
    return f"<td{value}>{_two_lines(text)}</td>"


def _two_lines(text: str) -> str:
    """A second line, or an interval, stands below: side by side they would not fit a window."""
    head, below, second = text.partition("\n")
    if not below:
        head, below, second = text.partition(" [")
    shown = html.escape(head)
    if re.match(r"[-+\d]", head):  # a figure stays with its unit; words may go on in the next line
        shown = f'<span class="figure">{shown}</span>'
    if not below:
        return shown
    return f"{shown} <small>{html.escape(below.strip() + second)}</small>"


def _breakable(name: str) -> str:
    """A recipe may go on in the next line after each of its steps."""
    return html.escape(name).replace("+", "+<wbr>")


def _numbers(text: str) -> Iterator[float]:
    """The figures of a cell in comparable units: sizes in bytes, ``2x slower`` as 0.5."""
    pattern = r"(?<![\w.])([-+]?\d[\d,]*\.?\d*)\s*(kB|MB|GB|B\b|x slower)?"
    for number, unit in re.findall(pattern, text):
        value = float(number.replace(",", ""))
        yield value * UNITS.get(unit, 1.0) if unit != "x slower" else 1.0 / max(value, 1e-9)
