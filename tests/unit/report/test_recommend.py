"""What to ship: limits that must hold for certain, and variants that cannot be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import plugins, records
from bench.cli import main
from bench.metrics.values import Verdict
from bench.report import assemble
from bench.report.recommend import (
    Aim,
    Recommendation,
    Requirements,
    merits,
    recommendations,
)
from bench.values import Environment
from tests import examples

HALF = examples.variant("prune:0.5", 1000, 300)
VARIANTS = (examples.FLOAT32, examples.INT8, HALF)
NAMES = [variant.name for variant in VARIANTS]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Twelve launches each: int8 takes half the time of float32, prune exactly as long."""
    made = [
        examples.launch(name, block, samples_us=[us + block % 5 + run * 0.01 for run in range(40)])
        for block in range(12)
        for name, us in zip(NAMES, (100, 50, 100), strict=True)
    ]
    evaluated = [
        examples.accuracy("float32", 2000, top1=0.90),
        examples.accuracy("quantize:int8", 2000, top1=0.88, before=0.90),
        examples.accuracy("prune:0.5", 2000, top1=0.91, before=0.90),
    ]
    session = examples.session(variants=VARIANTS, launches=12)
    return examples.write(tmp_path / "r.jsonl", session, [examples.ENVIRONMENT, *evaluated, *made])


def ask(file: Path, limits: Requirements = Requirements(), aim: Aim = "latency") -> Recommendation:  # noqa: B008  # frozen
    (found,) = recommendations(assemble(records.read(file)), limits, aim)
    return found


def name_of(found: Recommendation) -> str | None:
    return found.chosen.variant.name if found.chosen else None


ANY_LOSS = Requirements(loss=1.0)


def test_the_fastest_is_recommended_where_all_keep_to_the_limits(file: Path):
    found = ask(file, ANY_LOSS)
    assert name_of(found) == "quantize:int8"
    assert found.equals == ()
    assert found.rejected == ()


@pytest.mark.parametrize("limits", [Requirements(), Requirements(loss=0.01)])
def test_by_default_a_variant_may_lose_one_point(file: Path, limits: Requirements):
    found = ask(file, limits)
    assert name_of(found) == "prune:0.5"
    assert [row.variant.name for row in found.equals] == ["float32"]
    ((row, reason),) = found.rejected
    assert row.variant.name == "quantize:int8"
    assert reason == "it loses too much: 2.00 points of accuracy lost [1.47, 2.71]"
    assert "at most 1 point of accuracy lost" in found.loss_limit
    assert ("the default" in found.loss_limit) == (limits.loss is None)
    assert "for all 2 losses together" in found.loss_limit


def test_a_loss_that_cannot_be_told_from_the_limit_is_not_shipped(tmp_path: Path):
    made = examples.launches(NAMES, 12)
    evaluated = [
        examples.accuracy("float32", 100, top1=0.90),
        examples.accuracy("quantize:int8", 100, top1=0.90, before=0.90, swapped=1),
        examples.accuracy("prune:0.5", 100, top1=0.90, before=0.90),
    ]
    session = examples.session(variants=VARIANTS, launches=12)
    items = [examples.ENVIRONMENT, *evaluated, *made]
    found = ask(examples.write(tmp_path / "few.jsonl", session, items))
    assert name_of(found) == "float32"
    reasons = {row.variant.name: reason for row, reason in found.rejected}
    assert reasons["quantize:int8"].startswith("can't tell: 0.00 points of accuracy lost [")
    assert reasons["quantize:int8"].endswith("more samples would")


def test_where_nothing_was_evaluated_the_answer_says_so(tmp_path: Path):
    made = examples.launches(NAMES, 12)
    session = examples.session(variants=VARIANTS, launches=12)
    path = examples.write(tmp_path / "blind.jsonl", session, [examples.ENVIRONMENT, *made])
    found = ask(path)
    assert found.chosen is not None
    assert "what these variants lose is not known" in found.loss_limit


def test_a_latency_keeps_to_its_limit_only_if_its_upper_end_does(file: Path):
    read = records.read(file)
    table = assemble(read).tables[0]
    high = table.rows[1].summary.median_us.high
    assert name_of(ask(file, Requirements(loss=1, median_us=high))) == "quantize:int8"
    assert ask(file, Requirements(loss=1, median_us=high - 0.01)).chosen is None


def test_a_p99_that_is_not_known_keeps_to_no_limit(tmp_path: Path):
    few = [examples.launch(name, 0) for name in NAMES]
    session = examples.session(variants=VARIANTS, launches=1)
    path = examples.write(tmp_path / "few.jsonl", session, [examples.ENVIRONMENT, *few])
    found = ask(path, Requirements(p99_us=1e9))
    assert found.chosen is None
    assert {reason for _, reason in found.rejected} == {
        "its p99 is not known well enough: more launches tell it"
    }


def test_without_accuracies_a_limit_on_loss_leaves_the_baseline(tmp_path: Path):
    made = examples.launches(NAMES, 12)
    session = examples.session(variants=VARIANTS, launches=12)
    path = examples.write(tmp_path / "blind.jsonl", session, [examples.ENVIRONMENT, *made])
    assert name_of(ask(path, Requirements(loss=0.5))) == "float32"


@pytest.mark.parametrize(("aim", "name"), [("zipped", "quantize:int8"), ("size", "quantize:int8")])
def test_the_smallest_can_be_asked_for(file: Path, aim: Aim, name: str):
    assert name_of(ask(file, ANY_LOSS, aim)) == name


def test_sizes_are_limits_too(file: Path):
    assert name_of(ask(file, Requirements(loss=1, zipped_bytes=300))) == "quantize:int8"
    assert name_of(ask(file, Requirements(loss=1, size_bytes=399))) is None


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (2000, "2.00x smaller, 2.00x smaller zipped"),
        (4002, "the same size, the same size zipped"),
        (4200, "1.05x larger, 1.05x larger zipped"),
    ],
)
def test_a_file_that_grew_is_not_called_smaller(tmp_path: Path, size: int, said: str):
    variants = (examples.variant("float32", 4000, 4000), examples.variant("prune:0.5", size, size))
    made = [
        examples.launch(variant.name, block, samples_us=[100.0 + block] * 40)
        for block in range(6)
        for variant in variants
    ]
    session = examples.session(variants=variants, launches=6)
    file = examples.write(tmp_path / "r.jsonl", session, [examples.ENVIRONMENT, *made])
    (table,) = assemble(records.read(file)).tables
    assert f", {said}, " in merits(table.rows[1])


def test_the_command_says_what_to_ship_and_why_not_others(file: Path, capsys):
    assert main(["recommend", str(file), "--max-loss", "1%", "--max-size", "1kB"]) == 0
    text = capsys.readouterr().out
    assert "this machine: ship prune:0.5" in text
    assert "1.00 points of accuracy gained [0." in text
    assert "limit: at most 1 point of accuracy lost, held with 95 %" in text
    assert "no clear difference to: float32" in text
    assert "not quantize:int8: it loses too much: 2.00 points" in text


def test_few_launches_are_never_a_firm_pick(tmp_path: Path, capsys):
    made = [
        examples.launch(name, block, samples_us=[us + block] * 40)
        for block in range(2)
        for name, us in zip(NAMES, (100, 50, 100), strict=True)
    ]
    session = examples.session(variants=VARIANTS, launches=2)
    path = examples.write(tmp_path / "r.jsonl", session, [examples.ENVIRONMENT, *made])
    found = ask(path)
    assert not found.is_sure
    assert main(["recommend", str(path)]) == 0
    text = capsys.readouterr().out
    assert ": 2 launches are too few to be sure (give --launches 6 or more): so far " in text
    assert "ship " not in text
    line = "2 launches are too few to be sure (give --launches 6 or more): so far quantize:int8"
    assert found.line() == line
    report = assemble(records.read(path))
    with pytest.warns(UserWarning, match="2 launches are too few to be sure"):
        assert report.best().variant.name == "quantize:int8"
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    page = plugins.load("formats", "html").render(report)
    assert f"<strong>{line}.</strong>" in page
    assert "Ship" not in page[: page.index("<script")]


def test_of_a_search_its_own_answer_comes_first(tmp_path: Path, capsys):
    path = examples.searched(tmp_path / "s.jsonl")
    assert main(["recommend", str(path)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("the search, on validation samples: ship front-1 within 1 point")


def test_the_command_exits_3_where_nothing_fits(file: Path, capsys):
    assert main(["recommend", str(file), "--max-median", "1us"]) == 3
    assert "no variant keeps to these limits" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["fast", "5 parsecs", "kB", ""])
def test_a_limit_that_cannot_be_read_is_refused(file: Path, text: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(file), "--max-median", text])
    assert ended.value.code == 2
    assert "write 5ms" in capsys.readouterr().err


@pytest.mark.parametrize("verdict", ["wrong", "differs"])
def test_what_answers_wrongly_there_is_never_recommended(tmp_path: Path, verdict: Verdict):
    made = [
        examples.launch(
            name, block, target="adb:1", samples_us=[us + run * 0.01 for run in range(40)]
        )
        for block in range(12)
        for name, us in zip(NAMES, (100, 50, 100), strict=True)
    ]
    answered = [
        examples.answers("float32"),
        examples.answers("quantize:int8", verdict, reason="correlation 0.27"),
        examples.answers("prune:0.5", "rounds differently"),
    ]
    session = examples.session(variants=VARIANTS, launches=12, targets=("adb:1",))
    items = [Environment("adb:1", "adb", "a phone"), *answered, *made]
    found = ask(examples.write(tmp_path / "r.jsonl", session, items))
    assert name_of(found) == "prune:0.5"
    assert [row.variant.name for row, _ in found.rejected] == ["quantize:int8"]
    assert "correlation 0.27" in found.rejected[0][1]
