"""The building worker's jobs, without TensorFlow."""

from __future__ import annotations

import io

import pytest

from bench import techniques
from bench.build import worker


def test_a_model_is_loaded_once_and_a_job_of_another_loads_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = []

    def load(job):
        loads.append(job["model"]["name"])
        return {"model": job["model"]["name"], "data": None, "specs": ()}

    monkeypatch.setattr(worker, "_load", load)
    monkeypatch.setattr(techniques, "layout", lambda model, context: model)
    loaded: dict = {}
    jobs = [
        {"model": {"name": name}, "seed": 0, "folder": "", "look": "layout"}
        for name in ("one", "one", "two")
    ]
    answers = [worker._answer(job, loaded, io.StringIO()) for job in jobs]
    assert answers == [{"found": "one"}, {"found": "one"}, {"found": "two"}]
    assert loads == ["one", "two"]
