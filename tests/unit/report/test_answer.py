"""The answer in one line: firm where there is enough, and never where nothing can be chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.report import assemble
from bench.report.answer import answers
from tests import examples


def told(
    folder: Path,
    launches: int,
    *,
    lost: float | None = 0.0,
    variants: int = 2,
    samples: int = 20_000,
) -> list[str]:
    shown = (examples.FLOAT32, examples.INT8)[:variants]
    names = [variant.name for variant in shown]
    made = [
        examples.launch(name, block, samples_us=[us + block % 5 + run * 0.01 for run in range(40)])
        for block in range(launches)
        for name, us in zip(names, (100, 50), strict=False)
    ]
    evaluated = []
    if lost is not None:
        evaluated = [
            examples.accuracy("float32", samples, top1=0.90),
            examples.accuracy("quantize:int8", samples, top1=0.90 - lost, before=0.90),
        ][:variants]
    session = examples.session(variants=shown, launches=max(1, launches))
    rows = [examples.ENVIRONMENT, *evaluated, *made]
    return answers(assemble(records.read(examples.write(folder / "r.jsonl", session, rows))))


def test_it_says_what_to_ship_within_which_loss_and_what_it_gives(tmp_path: Path):
    (line,) = told(tmp_path, 12)
    assert line.startswith("within 1 point of accuracy: ship quantize:int8: 1.9")
    assert "x faster [" in line
    assert "x smaller zipped" in line


def test_what_loses_more_is_not_in_it(tmp_path: Path):
    (line,) = told(tmp_path, 12, lost=0.05)
    assert line == "within 1 point of accuracy: ship float32: the baseline itself"


def test_what_samples_cannot_tell_is_named_with_how_many_would(tmp_path: Path):
    (line,) = told(tmp_path, 12, lost=0.005, samples=200)
    assert line.startswith("within 1 point of accuracy: ship float32: the baseline itself; ")
    assert "not quantize:int8, 1.9" in line
    assert "can't tell: 0.50 points of accuracy lost [" in line
    assert line.endswith("more samples would")


def test_too_few_launches_are_said(tmp_path: Path):
    (line,) = told(tmp_path, 2)
    assert "so far quantize:int8" in line
    assert line.endswith("2 launches are too few to be sure (give --launches 6 or more)")
    assert "ship" not in line


def test_without_any_loss_it_speaks_of_latency_alone(tmp_path: Path):
    (line,) = told(tmp_path, 12, lost=None)
    assert line.startswith("by latency alone, as no loss is known: ship quantize:int8")


@pytest.mark.parametrize(("launches", "variants"), [(12, 1), (0, 2)])
def test_with_nothing_to_choose_from_there_is_no_answer(
    tmp_path: Path, launches: int, variants: int
):
    assert told(tmp_path, launches, variants=variants) == []


def test_a_search_has_an_answer_of_its_own(tmp_path: Path):
    assert answers(assemble(records.read(examples.searched(tmp_path / "s.jsonl")))) == []
