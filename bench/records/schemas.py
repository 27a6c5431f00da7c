"""The schemas of report files, and how a record of an older one becomes one of today.

1. the first one.
2. what the steps of a recipe found out stands beside the facts of a variant's file, not in them.
3. an accuracy holds scores of any metrics with their intervals, where it held top-1 and agreement.
4. answers of devices are records of their own.
5. a plan may hold several settings, and a variant the one of them that it is launched with.
6. pairs of cold and warm starts are records of their own, and a plan says how many.
7. what a search tried is a record of its own.
"""

from __future__ import annotations

from typing import Any

from bench.records import encoding

SCHEMA = 7


def upgrade(record: str, body: dict[str, Any], schema: int) -> None:
    """Change the fields of an old record to those of today.

    Args:
        record: what it is of: ``session``, ``accuracy`` and so on.
        body: its fields, changed in place.
        schema: that it was written by.

    Raises:
        ValueError: they are not even of the old form.
    """
    if record == "session" and schema < 2:
        body["variants"] = encoding.convert(body.get("variants"), list[dict[str, Any]])
        for variant in body["variants"]:
            facts = encoding.convert(variant.get("facts", {}), dict[str, Any])
            variant["steps"] = facts.pop("steps", {})
            variant["facts"] = facts or None
    if record == "accuracy" and schema < 3:
        body["scores"] = _scores(body)


def _scores(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Scores without intervals, which files did not hold; the first one decides."""
    found: list[dict[str, Any]] = []
    for name, metric in (("top1", "accuracy"), ("agreement", "agreement")):
        value = body.pop(name, None)
        if value is None:
            continue
        value = encoding.convert(value, float)
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1")
        loss = 1.0 - value if metric == "agreement" else None
        score = {"output": "", "metric": metric, "value": value, "decides": not found}
        found.append({**score, "loss": loss})
    return found
