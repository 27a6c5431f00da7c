"""``Report.best`` and what a notebook shows of a report."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.records import read
from bench.report import assemble
from bench.values import Environment
from tests import examples

NAMES = ["float32", "quantize:int8"]
PHONE = Environment("adb:1", "adb", "a phone")


@pytest.fixture
def report(tmp_path):
    def make(*accuracies, int8_us=40.0, targets=("local",)):
        launches = [
            examples.launch(name, block, target=target, samples_us=[level + block / 10] * 50)
            for target in targets
            for block in range(10)
            for name, level in zip(NAMES, (100.0, int8_us), strict=True)
        ]
        session = examples.session(launches=10, targets=targets)
        evaluated = [
            examples.accuracy(name, 10_000, top1=top1, before=before)
            for name, top1, before in zip(NAMES, accuracies, (None, *accuracies[:1]), strict=False)
        ]
        items = [examples.ENVIRONMENT, *([PHONE] if "adb:1" in targets else []), *evaluated]
        path = examples.write(
            tmp_path / f"{accuracies}{int8_us}.jsonl", session, [*items, *launches]
        )
        return assemble(read(path))

    return make


def test_the_best_keeps_to_the_limits(report):
    assert report(0.9, 0.899).best().variant.name == "quantize:int8"
    lossy = report(0.9, 0.85)
    assert lossy.best().variant.name == "float32"
    assert lossy.best(max_loss=0.1).variant.name == "quantize:int8"
    assert lossy.best(max_loss=1.0, by="zipped").variant.name == "quantize:int8"
    assert report(0.9, 0.9, int8_us=400.0).best().variant.name == "float32"


def test_where_none_does_the_reasons_are_told(report):
    with pytest.raises(UsageError, match="no variant keeps to these limits") as caught:
        report(0.9, 0.9).best(max_size_bytes=1)
    assert all(name in caught.value.hint for name in NAMES)


def test_no_loss_is_limited_where_none_is_known(report):
    unknown = report()
    with pytest.raises(UsageError, match="no accuracy is known"):
        unknown.best(max_loss=0.01)
    assert unknown.best().variant.name == "quantize:int8"


def test_of_several_targets_one_is_named(report):
    both = report(0.9, 0.9, targets=("local", "adb:1"))
    assert both.best(target="adb:1").variant.name == "quantize:int8"
    with pytest.raises(UsageError, match="several targets"):
        both.best()
    with pytest.raises(UsageError, match="no target 'adb:2'"):
        both.best(target="adb:2")


def test_a_notebook_shows_the_table_and_nothing_that_runs(report):
    shown = report(0.9, 0.85)._repr_html_()
    assert shown.count("<table") == 1
    assert "quantize:int8" in shown
    assert "x faster" in shown
    assert "<script" not in shown
