"""What a worker makes of faults: its own set it aside, those of a recipe or a model are told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.errors import DataError, StoreError
from bench.searching.cluster import remote
from bench.searching.cluster.remote import Job
from bench.searching.cluster.work import Work, WorkerError
from bench.values import Model, Plan, Recipe

ABOUT = Work(Model("fashion", "named", "fashion", "0"), "samples", "0", Plan())
JOB = Job("token", "topic", Recipe())


@pytest.fixture(autouse=True)
def worker(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra [cluster]")
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path))
    task = SimpleNamespace(state="executing")
    found = SimpleNamespace(
        get_current_task=lambda: "key", state=SimpleNamespace(tasks={"key": task})
    )
    monkeypatch.setattr(distributed, "get_worker", lambda: found)
    yield
    remote.end(ABOUT.key, False)


def failing(monkeypatch, fault):
    def do(self, job, progress):
        raise fault

    monkeypatch.setattr(remote._Open, "_do", do)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (StoreError("cannot write x (no room)", hint="make room"), "no room"),
        (RuntimeError("torn"), r"it failed \(RuntimeError: torn\)"),
    ],
)
def test_a_fault_of_the_machine_sets_it_aside(monkeypatch, fault, told):
    failing(monkeypatch, fault)
    with pytest.raises(WorkerError, match=told):
        remote.carry_out(ABOUT, JOB)


def test_a_fault_of_the_samples_is_an_answer(monkeypatch):
    failing(monkeypatch, DataError("x_test does not fit", hint="mend it"))
    assert isinstance(remote.carry_out(ABOUT, JOB).error, DataError)
