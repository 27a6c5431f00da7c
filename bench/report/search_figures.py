"""What charts and tables show of a search: its trials as plain rows, and the front as it grew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.records.search import By, Outcome, SearchTrial
from bench.report.figures import Rows
from bench.report.searched import Searched
from bench.text import loss_unit

FIGURES: Mapping[By, tuple[str, float]] = {
    "zipped": ("zipped size, kB", 1e-3),
    "size": ("size, kB", 1e-3),
    "latency": ("time against float32", 1.0),
}
"""What is to be small: its title, and what makes it of ``Outcome.figure``."""

FAILED, KEEPS, BREAKS = "failed", "keeps to the limits", "breaks a limit"
STATES = (KEEPS, BREAKS, FAILED)
"""What a trial can be, on the validation samples."""


def trial_rows(found: Searched) -> Rows:
    """One row per trial, float32 before them as number 0.

    ``joined`` and ``left`` are the numbers of the trials with which it came onto the front and went
    from it; None where it never did. The front is what no other beats in ``x`` and ``y``: the
    figure that is to be small, and the loss with a standard error on top.
    """
    search = found.search
    names = {trial.number: name for name, trial in found.front.items()}
    rows = [_baseline(found)]
    for number, trial in enumerate(search.trials, start=1):
        rows.append(_row(found, number, trial, names.get(trial.number, "")))
    points = [(row["x"], row["y"]) for row in rows]
    for row, (joined, left) in zip(rows, _stays(points), strict=True):
        row |= {"joined": joined, "left": left}
    best = None
    for row in rows:
        if row["state"] == KEEPS and (best is None or row["x"] < best):
            best = row["x"]
        row["best"] = best
    return rows


def loss_title(found: Searched) -> str:
    """What losses on the validation samples are told in."""
    rows = (row for table in found.report.tables for row in table.rows)
    score = next((score for row in rows for score in row.deciding), None)
    return f"lost on validation samples, {'hundredths' if score is None else loss_unit(score)}"


def limit_of(found: Searched) -> float | None:
    """The limit on what is to be small, in the unit of ``x``; None without one.

    A limit on latency is in microseconds, and ``x`` is a ratio to float32 on the slowest target.
    """
    limits = found.search.limits
    limit = {"zipped": limits.zipped_bytes, "size": limits.size_bytes}.get(found.search.by)
    return None if limit is None else limit * FIGURES[found.search.by][1]


def _baseline(found: Searched) -> dict[str, Any]:
    """float32, which loses nothing and is there before anything is tried."""
    variants = found.report.session.variants
    size_bytes = variants[0].size_bytes if variants else 0
    zipped_bytes = variants[0].zipped_bytes if variants else 0
    outcome = Outcome(size_bytes, zipped_bytes, loss=0.0, times={"": 1.0})
    return _row(found, 0, SearchTrial(-1, 0, "float32", "known shape", outcome), "float32")


def _row(found: Searched, number: int, trial: SearchTrial, name: str) -> dict[str, Any]:
    search, outcome = found.search, trial.outcome
    scale = FIGURES[search.by][1]
    state = FAILED
    x = outcome.figure(search.by) * scale
    known = outcome.works and 0 < x < float("inf")
    if outcome.works:
        state = KEEPS if outcome.keeps(search.limits) else BREAKS
    loss = None if outcome.loss is None else outcome.loss * 100
    careful = outcome.careful_loss(search.limits) * 100 if known else None
    return {
        "number": number,
        "name": name,
        "recipe": trial.recipe,
        "origin": trial.origin if number else "",
        "rung": trial.rung,
        "state": state,
        "x": x if known else None,
        "y": careful,
        "loss": loss,
        "size_bytes": outcome.size_bytes,
        "zipped_bytes": outcome.zipped_bytes,
        "times": min(outcome.times.values(), default=None),
        "seconds": outcome.seconds,
        "failure": "" if outcome.works else outcome.failure or "no loss is known",
    }


def _stays(points: Sequence[tuple[Any, Any]]) -> Iterator[tuple[int | None, int | None]]:
    """For each point when it came onto the front and when it was beaten, by the points' order."""
    joined: dict[int, int] = {}
    left: dict[int, int] = {}
    front: list[int] = []
    for index, (x, y) in enumerate(points):
        if x is None or any(points[other][0] <= x and points[other][1] <= y for other in front):
            continue
        beaten = [other for other in front if points[other][0] >= x and points[other][1] >= y]
        left.update(dict.fromkeys(beaten, index))
        front = [other for other in front if other not in beaten] + [index]
        joined[index] = index
    for index in range(len(points)):
        yield joined.get(index), left.get(index)
