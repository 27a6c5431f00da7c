"""What a page shows of a search: the answer, the front as it grew, and all trials."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from bench.charts import look
from bench.charts.trials import front, progress
from bench.formats._search import trials
from bench.page import Picture, figure
from bench.page.table import table_html
from bench.report.search_figures import FIGURES, STATES, limit_of, loss_title, trial_rows
from bench.report.searched import Searched


def answer(found: Searched) -> str:
    """What to ship, and how it was chosen."""
    line = found.line()
    head, _, merits = f"{line[:1].upper()}{line[1:]}".partition(": ")
    trial = found.front.get(found.chosen or "")
    recipe = f"<p><code>{html.escape(trial.recipe)}</code></p>" if trial is not None else ""
    # Without the front's recipes, which stand below the table.
    notes = found.notes()[len(found.front) :]
    told = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return (
        f'<div class="answer"><strong>{html.escape(head)}.</strong>'
        f"<p>{html.escape(merits)}</p>{recipe}<ul>{told}</ul></div>"
    )


def sections(found: Searched, specs: dict[str, Any]) -> Iterator[str]:
    """Pictures and table of all trials; their Vega is added to ``specs``."""
    rows = trial_rows(found)
    yield "<h2>How it was searched</h2>"
    if len(rows) < 2:
        yield "<p>Nothing was tried.</p>"
        return
    drawn = "".join(figure(picture, specs) for picture in _pictures(found, rows))
    yield f'<div class="pair">{drawn}</div>'
    table = trials(found)
    yield table_html("All trials", table.headers, table.cells, notes=table.notes)
    if found.search.dropped:
        items = "".join(
            f"<li>point {point.number}: {html.escape(point.reason)}</li>"
            for point in found.search.dropped
        )
        yield f"<details><summary>Dropped before any training</summary><ul>{items}</ul></details>"


def _pictures(found: Searched, rows: list[dict[str, Any]]) -> Iterator[Picture]:
    title = FIGURES[found.search.by][0]
    loss = loss_title(found)
    name = title.partition(",")[0]
    yield Picture(
        "trials-front",
        "The front as it grew",
        look(
            front(
                rows,
                STATES,
                x=title,
                y=f"{loss}, with care",
                limits=(limit_of(found), found.search.limits.loss * 100),
                grows=True,
            )
        ),
        f"Scatter of {loss} against {name}, one mark per trial; the table below has the figures.",
        "The slider shows the search after so many trials. The line is what no trial beat so far; "
        "dashed are the limits; a bar below a mark reaches to the loss without a standard error.",
        controls=True,
    )
    yield Picture(
        "trials-progress",
        "The best so far",
        look(progress(rows, STATES, y=title)),
        f"The {name} of each trial in their order, and the best so far within the limits.",
        "The line is the best that keeps to all limits on the validation samples. Crosses at the "
        "bottom are trials that failed.",
    )
