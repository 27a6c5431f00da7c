"""One call from Python: what it gives, saves, tells and raises; launches are a fake target's."""

from __future__ import annotations

import pytest

import bench
from bench.errors import DataError, StableLaunchError, TargetError, UsageError
from bench.testing import FakeTarget
from tests import tflite_files

PLAN = bench.Plan(launches=3, runs=20)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with two models."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.tflite").write_bytes(tflite_files.add())
    return tmp_path


def run(*, target=None, **options):
    return bench.run(["a.tflite", "b.tflite"], targets=target or FakeTarget(), plan=PLAN, **options)


def test_it_gives_a_report_and_prints_nothing(folder, capsys):
    report = run(target=FakeTarget(latencies_us={"b": 50.0}))
    with pytest.warns(UserWarning, match="3 launches are too few"):
        assert report.best().variant.name == "b"
    assert list(report.to_dataframe().variant) == ["a", "b"]
    assert report.path.parent.name == "reports"
    assert capsys.readouterr() == ("", "")


def test_a_path_may_be_a_text_and_a_report_is_read_by_one(folder):
    report = bench.run(folder / "a.tflite", targets=FakeTarget(), plan=PLAN, report="x.jsonl")
    assert len(bench.read("x.jsonl").launches) == len(report.all_launches) == PLAN.launches


class Interrupted(bench.Observer):
    """Ctrl-C at the launch of that number; never where it is 0."""

    def __init__(self, at):
        self.at, self.told = at, []

    def outcome(self, value):
        self.told.append(type(value).__name__)
        if self.at and self.told.count("Launch") == self.at:
            raise KeyboardInterrupt

    def inform(self, words):
        self.told.append(words)

    warn = inform


def test_an_interrupted_call_goes_on_and_the_observer_is_told(folder):
    observer = Interrupted(at=4)
    with pytest.raises(KeyboardInterrupt):
        run(observer=observer)
    assert any("4 launches are kept" in words for words in observer.told)
    target, again = FakeTarget(), Interrupted(at=0)
    report = run(target=target, observer=again)
    assert (len(target.launched), len(report.all_launches)) == (2, 6)
    assert any("going on with" in words for words in again.told)
    assert again.told.count("Launch") == 2


def test_fresh_begins_anew(folder):
    with pytest.raises(KeyboardInterrupt):
        run(observer=Interrupted(at=4))
    target = FakeTarget()
    run(target=target, fresh=True)
    assert len(target.launched) == 6


def test_a_cell_that_failed_is_in_the_report_and_raises_nothing(folder):
    error = StableLaunchError("no such op", hint="use another", error_class="missing_op")
    report = run(target=FakeTarget(errors={"b": error}))
    assert [failure.error_class for failure in report.failures] == ["missing_op"]
    assert report.tables[0].rows[0].summary is not None


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ({"model": "no/such.tflite"}, UsageError, "no/such.tflite"),
        ({"model": object()}, UsageError, "a object is no model"),
        ({"model": []}, UsageError, "no model"),
        ({"model": "a.tflite", "recipes": "qat"}, UsageError, "qat needs the source model"),
        ({"model": "a.tflite", "recipes": "qta"}, UsageError, "did you mean 'qat'"),
        ({"model": "a.tflite", "targets": "lokal"}, TargetError, "did you mean 'local'"),
        ({"model": "a.tflite", "data": 5}, UsageError, "int"),
        ({"model": "a.tflite", "data": "no.npz"}, UsageError, "no.npz"),
    ],
)
def test_what_cannot_be_is_an_error_of_ours_before_a_file_is_begun(folder, call, error, words):
    with pytest.raises(error) as caught:
        bench.run(**{"targets": FakeTarget(), "plan": PLAN, **call})
    assert words in str(caught.value)
    assert not (folder / "reports").exists()


def test_samples_for_the_phone_that_are_not_there_are_told_before_anything_is_measured(folder):
    target = FakeTarget()
    plan = bench.Plan(launches=3, runs=20, phone_samples=100)
    with pytest.raises(DataError, match="--phone-samples without test samples"):
        bench.run("a.tflite", targets=target, plan=plan)
    assert not target.launched
