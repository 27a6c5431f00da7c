"""JSON: every figure, unrounded, with the session and the environments they belong to."""

from __future__ import annotations

import json

from bench.records import encoding
from bench.report import Report, harness_cost
from bench.report.searched import searched

SUFFIX = ".json"


def render(report: Report, *, colour: bool = False) -> str:
    """One object: ``session``, ``environments``, ``rows``, ``profiles``, and what went wrong.

    Of a search also ``search``: the answer, the limits and all trials.
    """
    session = report.session
    frame = report.to_dataframe()
    body = {
        "session": {
            "model": session.model,
            "plan": session.plan,
            "targets": session.targets,
            "data": session.data,
            "command": session.command,
            "version": session.version,
            "started_at": session.started_at,
            "complete": report.end is not None,
            "harness_cost": harness_cost(report.end) if report.end else None,
        },
        "environments": [table.environment for table in report.tables],
        # Through pandas' own writer, which turns a missing figure into null.
        "rows": json.loads(frame.to_json(orient="records", double_precision=15)),
        "profiles": {table.environment.target: table.profile for table in report.tables},
        "failures": report.failures,
        "warnings": report.warnings,
    }
    if (found := searched(report)) is not None:
        answer = {"line": found.line(), "ship": found.chosen or "float32", "notes": found.notes()}
        body["search"] = {**answer, **vars(found.search)}
    return encoding.encode(body, indent=2).decode() + "\n"
