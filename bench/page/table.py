"""Tables of a page: cells as in every other format, with the figures behind them to sort by."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence

UNITS: Mapping[str, float] = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def table_html(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    notes: Sequence[str] = (),
    attributes: Sequence[Mapping[str, str]] = (),
) -> str:
    """One table with its notes, as HTML; its columns can be sorted.

    Args:
        title: its caption, plain text.
        headers: of the columns; an empty one belongs to the column before it.
        rows: cells, plain text; the first one of each row is its header.
        notes: lines below it.
        attributes: of each row's element, in the same order.
    """
    heads = "".join(_head(index, text, headers) for index, text in enumerate(headers))
    body = [
        _row(cells, attributes[index] if attributes else {}) for index, cells in enumerate(rows)
    ]
    below = "".join(f"<div>{html.escape(note)}</div>" for note in notes)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(title)}">'
        f'<table><caption class="soft">{html.escape(title)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f'<div class="notes">{below}</div>'
    )


def _head(index: int, text: str, headers: Sequence[str]) -> str:
    name = text or f"{headers[index - 1]}, times smaller"
    shown = html.escape(text) if text else "×"
    label = f' aria-label="sort by {html.escape(name)}"'
    return f'<th scope="col"><button type="button"{label}>{shown}</button></th>'


def _row(cells: Sequence[str], attributes: Mapping[str, str]) -> str:
    told = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    first, *others = cells
    body = "".join(_cell(text) for text in others)
    return f'<tr{told}><th scope="row">{html.escape(first)}</th>{body}</tr>'


def _cell(text: str) -> str:
    figure = next(_numbers(text), None)
    value = "" if figure is None else f' data-value="{figure!r}"'
    return f"<td{value}>{html.escape(text)}</td>"


def _numbers(text: str) -> Iterator[float]:
    """The figures of a cell in comparable units: sizes in bytes, ``2x slower`` as 0.5."""
    pattern = r"(?<![\w.])([-+]?\d[\d,]*\.?\d*)\s*(kB|MB|GB|B\b|x slower)?"
    for number, unit in re.findall(pattern, text):
        value = float(number.replace(",", ""))
        yield value * UNITS.get(unit, 1.0) if unit != "x slower" else 1.0 / max(value, 1e-9)
