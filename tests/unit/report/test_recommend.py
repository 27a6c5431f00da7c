"""What to ship: limits that must hold for certain, and variants that cannot be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from bench.cli import main
from bench.report import assemble
from bench.report.recommend import Aim, Recommendation, Requirements, recommendations
from bench.values import Accuracy
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
        Accuracy("float32", 1000, top1=0.90),
        Accuracy("quantize:int8", 1000, top1=0.88, agreement=0.97),
        Accuracy("prune:0.5", 1000, top1=0.91, agreement=0.98),
    ]
    session = examples.session(variants=VARIANTS, launches=12)
    return examples.write(tmp_path / "r.jsonl", session, [examples.ENVIRONMENT, *evaluated, *made])


def ask(file: Path, limits: Requirements = Requirements(), aim: Aim = "latency") -> Recommendation:  # noqa: B008  # frozen
    (found,) = recommendations(assemble(records.read(file)), limits, aim)
    return found


def name_of(found: Recommendation) -> str | None:
    return found.chosen.variant.name if found.chosen else None


def test_without_limits_the_fastest_is_recommended(file: Path):
    found = ask(file)
    assert name_of(found) == "quantize:int8"
    assert found.equals == ()
    assert found.rejected == ()


def test_of_equals_the_smallest_is_recommended_and_the_others_are_named(file: Path):
    found = ask(file, Requirements(loss=0.01))
    assert name_of(found) == "prune:0.5"
    assert [row.variant.name for row in found.equals] == ["float32"]
    ((row, reason),) = found.rejected
    assert row.variant.name == "quantize:int8"
    assert reason == "it loses 2.00 points"


def test_a_latency_keeps_to_its_limit_only_if_its_upper_end_does(file: Path):
    read = records.read(file)
    table = assemble(read).tables[0]
    high = table.rows[1].summary.median_us.high
    assert name_of(ask(file, Requirements(median_us=high))) == "quantize:int8"
    assert ask(file, Requirements(median_us=high - 0.01)).chosen is None


def test_a_p99_that_is_not_known_keeps_to_no_limit(tmp_path: Path):
    few = [examples.launch(name, 0) for name in NAMES]
    session = examples.session(variants=VARIANTS, launches=1)
    path = examples.write(tmp_path / "few.jsonl", session, [examples.ENVIRONMENT, *few])
    found = ask(path, Requirements(p99_us=1e9))
    assert found.chosen is None
    assert {reason for _, reason in found.rejected} == {"its p99 is not known well enough"}


def test_without_accuracies_a_limit_on_loss_leaves_the_baseline(tmp_path: Path):
    made = examples.launches(NAMES, 12)
    session = examples.session(variants=VARIANTS, launches=12)
    path = examples.write(tmp_path / "blind.jsonl", session, [examples.ENVIRONMENT, *made])
    assert name_of(ask(path, Requirements(loss=0.5))) == "float32"


@pytest.mark.parametrize(("aim", "name"), [("zipped", "quantize:int8"), ("size", "quantize:int8")])
def test_the_smallest_can_be_asked_for(file: Path, aim: Aim, name: str):
    assert name_of(ask(file, aim=aim)) == name


def test_sizes_are_limits_too(file: Path):
    assert name_of(ask(file, Requirements(zipped_bytes=300), "latency")) == "quantize:int8"
    assert name_of(ask(file, Requirements(size_bytes=399))) is None


def test_the_command_says_what_to_ship_and_why_not_others(file: Path, capsys):
    assert main(["recommend", str(file), "--max-loss", "1%", "--max-size", "1kB"]) == 0
    text = capsys.readouterr().out
    assert "this machine: ship prune:0.5" in text
    assert "1.00 points gained" in text
    assert "no clear difference to: float32" in text
    assert "not quantize:int8: it loses 2.00 points" in text


def test_the_command_exits_3_where_nothing_fits(file: Path, capsys):
    assert main(["recommend", str(file), "--max-median", "1us"]) == 3
    assert "no variant keeps to these limits" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["fast", "5 parsecs", "kB", ""])
def test_a_limit_that_cannot_be_read_is_refused(file: Path, text: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(file), "--max-median", text])
    assert ended.value.code == 2
    assert "write 5ms" in capsys.readouterr().err
