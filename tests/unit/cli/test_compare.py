"""``bench compare`` and ``bench history`` as they are typed: exit codes, words, files."""

from __future__ import annotations

import pytest

from bench import cli
from bench.cli._parser import parser, value
from bench.cli.run import Arguments
from bench.errors import UsageError
from bench.values import Plan
from tests import examples
from tests.unit.report.history import stories

NAMES = ["float32", "quantize:int8"]


@pytest.fixture
def write(tmp_path):
    """Write a report whose launches take so many times as long as they do by default."""

    def written(name, *, level=1.0, accuracy=0.9, spread_us=0.1, environment=examples.ENVIRONMENT):
        launches = [
            examples.launch(variant, block, samples_us=[100 * level + block * spread_us] * 4)
            for block in range(10)
            for variant in NAMES
        ]
        evaluated = [examples.accuracy(variant, 2000, top1=accuracy) for variant in NAMES]
        session = examples.session(launches=10, data={"sha256": "x"})
        return str(examples.write(tmp_path / name, session, [environment, *evaluated, *launches]))

    return written


def compare(*arguments):
    return cli.main(["compare", *arguments])


def test_nothing_is_gated_without_a_limit(write, capsys):
    assert compare(write("a.jsonl"), write("b.jsonl", level=2)) == cli.GOOD
    out = capsys.readouterr().out
    assert "2.00x slower [1.99, 2.00]" in out
    assert "float32" in out
    assert "pass" not in out  # nothing was asked that it could have passed


def test_without_a_limit_an_unclear_change_says_what_would_tell(write, capsys):
    old, new = write("a.jsonl", spread_us=3), write("b.jsonl", level=1.02, spread_us=3)
    assert compare(old, new) == cli.GOOD
    assert "no clear change: about " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("level", "code", "verdict"),
    [
        (1.2, cli.REGRESSION, "regression: latency"),
        (1.0, cli.GOOD, "pass"),
        (0.5, cli.GOOD, "pass"),
    ],
)
def test_a_certain_slowdown_is_exit_1(write, capsys, level, code, verdict):
    old, new = write("a.jsonl"), write("b.jsonl", level=level)
    assert compare(old, new, "--fail-above", "5%") == code
    assert verdict in capsys.readouterr().out


def test_what_cannot_be_told_is_exit_0_and_says_how_many_more(write, capsys):
    old, new = write("a.jsonl", spread_us=3), write("b.jsonl", level=1.12, spread_us=3)
    assert compare(old, new, "--fail-above", "5%") == cli.GOOD
    out = capsys.readouterr().out
    assert "can't tell: about " in out
    assert "more launches would" in out


def test_accuracy_has_a_gate_of_its_own(write, capsys):
    old, new = write("a.jsonl"), write("b.jsonl", accuracy=0.87)
    assert compare(old, new, "--fail-accuracy", "2%") == cli.REGRESSION
    out = capsys.readouterr().out
    assert "3.00 points of accuracy lost [2.34, 3.84]" in out
    assert "regression: accuracy" in out
    assert compare(old, new, "--fail-accuracy", "3%") == cli.GOOD
    assert "can't tell: the loss lies at the limit" in capsys.readouterr().out
    assert compare(old, new, "--fail-accuracy", "2.6%") == cli.GOOD
    assert "more samples would" in capsys.readouterr().out
    assert compare(old, new, "--fail-accuracy", "5%") == cli.GOOD
    assert "pass" in capsys.readouterr().out


def test_size_has_a_gate_of_its_own(tmp_path, capsys):
    folder = [tmp_path / name for name in ("old", "new")]
    for each in folder:
        each.mkdir()
    old = str(stories.report(folder[0], 1, size_bytes=400))
    new = str(stories.report(folder[1], 1, size_bytes=500))
    assert compare(old, new, "--fail-size", "20%") == cli.REGRESSION
    assert "+25.0 %" in capsys.readouterr().out
    assert compare(old, new, "--fail-size", "25%") == cli.GOOD


def test_environments_are_refused_in_one_line_unless_across(write, capsys):
    other = stories.replace(examples.ENVIRONMENT, facts={"cpu": "another", "threads": 1})
    old, new = write("a.jsonl"), write("b.jsonl", environment=other)
    assert compare(old, new) == cli.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "differ in cpu (made up against another)" in err
    assert "--across" in err
    assert compare(old, new, "--across") == cli.GOOD


def test_a_file_that_is_no_report_is_one_line(write, tmp_path, capsys):
    (tmp_path / "x.jsonl").write_text("{]\n")
    assert compare(write("a.jsonl"), str(tmp_path / "x.jsonl")) == cli.USAGE
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("text", ["5", "five%", "-1%", "5%x", "nan%"])
def test_a_limit_is_a_share(text, capsys):
    with pytest.raises(SystemExit) as caught:
        compare("a", "b", f"--fail-above={text}")
    assert caught.value.code == cli.USAGE
    assert "--fail-above" in capsys.readouterr().err


def run(*arguments):
    return value(Arguments, vars(parser().parse_args(["run", "m.tflite", *arguments]))).plan()


def test_until_is_planned():
    assert run("--until", "2%") == Plan(until=0.02)
    assert run("--until", "2 %", "--max-launches", "40") == Plan(until=0.02, max_launches=40)
    assert run("--until", "2%", "--launches", "150").max_launches == 150


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-launches", "20"], "add --until 2%"),
        (["--until", "2%", "--max-launches", "9"], "give at least 10"),
        (["--until", "2%", "--launches", "30", "--max-launches", "20"], "give at least 30"),
    ],
)
def test_bounds_that_contradict_each_other(arguments, words):
    with pytest.raises(UsageError, match=words):
        run(*arguments)


@pytest.mark.parametrize("text", ["0%", "100%", "2", "two%"])
def test_until_is_a_share_that_can_be_reached(text, capsys):
    with pytest.raises(SystemExit):
        run("--until", text)
    assert "--until" in capsys.readouterr().err


def test_a_history_is_shown_and_written(tmp_path, capsys):
    stories.report(tmp_path, 1)
    stories.report(tmp_path, 2)
    (tmp_path / "broken.jsonl").write_text("{]\n")
    wanted = [tmp_path / f"h.{suffix}" for suffix in ("md", "csv", "txt")]
    flags = [part for path in wanted for part in ("-o", str(path))]
    assert cli.main(["history", "tiny.keras", "--reports", str(tmp_path), *flags]) == cli.GOOD
    out, err = capsys.readouterr()
    assert out == (tmp_path / "h.txt").read_text()
    assert "left out" in err
    assert all(path.stat().st_size for path in wanted)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "h.xlsx"], "use .txt, .md, .csv, .html, .png, .svg"),
        (["-o", "no/where/h.md"], "make it first"),
        ([], "no report of 'other'"),
    ],
)
def test_a_history_that_cannot_be_had_is_one_line(tmp_path, capsys, arguments, words):
    stories.report(tmp_path, 1)
    assert cli.main(["history", "other", "--reports", str(tmp_path), *arguments]) == cli.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_a_comparison_is_a_page_too(write, tmp_path):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    page = tmp_path / "changes.html"
    old, new = write("a.jsonl"), write("b.jsonl", level=1.5)
    assert compare(old, new, "--fail-above", "5%", "-o", str(page)) == cli.REGRESSION
    assert "Regression: float32, quantize:int8" in page.read_text()
    assert "ratios-0" in page.read_text()


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(capsys):
    assert compare("no.jsonl", "no.jsonl", "-o", "x.png") == cli.USAGE
    assert "use .html" in capsys.readouterr().err


def test_a_history_is_a_page_too(tmp_path):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    for number, level in enumerate((1.0, 1.0, 1.0, 1.5, 1.5, 1.5), start=1):
        stories.report(tmp_path, number, levels={"float32": level}, accuracies={"float32": 0.9})
    page = tmp_path / "history.html"
    asked = ["history", "tiny", "--reports", str(tmp_path), "-o", str(page)]
    assert cli.main(asked) == cli.GOOD
    text = page.read_text()
    for heading in ("Median over time", "Size over time", "Accuracy over time"):
        assert heading in text
