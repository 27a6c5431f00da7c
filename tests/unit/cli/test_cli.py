"""What is typed becomes the program's own values, and every way out has its exit code."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import pytest

from bench import cli
from bench.cli import _shared, _show
from bench.cli._parser import COMMANDS, commands, module_of, parser, value
from bench.cli.build import file_name
from bench.cli.run import Arguments
from bench.errors import UsageError
from bench.report.view import COLUMNS
from bench.values import Failure, Plan
from tests import examples, tflite_files

NAMES = ["float32", "quantize:int8"]


@pytest.fixture
def report_file(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 6)]
    return examples.write(tmp_path / "x.jsonl", examples.session(launches=6), items)


def asked(*arguments):
    return value(Arguments, vars(parser().parse_args(["run", "model.tflite", *arguments])))


def test_the_defaults_are_those_of_a_plan():
    assert asked().plan() == Plan()


def test_what_is_typed_is_planned():
    plan = (
        asked(
            *("--launches", "3"),
            *("--runs", "5"),
            *("--warmup-s", "0"),
            *("--threads", "2"),
            *("--input-shape", "a:0=1,224,224,3"),
            *("--input-shape", "b=c=7"),
            *("--input-range", "a:0=-1,0.5"),
            *("--signature", "second"),
            *("--delegate", "none"),
            *("--affinity", "0x3"),
            "--tool-arg=--x=1",
            "--profile",
        )
    ).plan()
    assert plan == Plan(
        launches=3,
        runs=5,
        warmup_s=0.0,
        threads=2,
        input_shapes=(("a:0", (1, 224, 224, 3)), ("b=c", (7,))),
        input_ranges=(("a:0", (-1.0, 0.5)),),
        signature="second",
        delegate="none",
        affinity="0-1",
        tool_args=("--x=1",),
        profile=True,
    )


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--input-shape", "1,2,3"),
        ("--input-shape", "x="),
        ("--input-shape", "x=1,two"),
        ("--input-shape", "x=0,2"),
        ("--input-range", "x=1"),
        ("--input-range", "x=2,1"),
        ("--input-range", "x=1,1"),
        ("--input-range", "0,1"),
    ],
)
def test_shapes_and_ranges_that_cannot_be_read(flag, text, capsys):
    with pytest.raises(SystemExit) as caught:
        asked(flag, text)
    assert caught.value.code == cli.USAGE
    assert f"argument {flag}: {text!r} is no " in (shown := capsys.readouterr().err)
    assert "write NAME=" in shown


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--launches", "0"),
        ("--launches", "ten"),
        ("--runs", "-1"),
        ("--runs", "1.5"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--delegate", "tpu"),
    ],
)
def test_numbers_out_of_range(flag, value, capsys):
    with pytest.raises(SystemExit) as caught:
        asked(flag, value)
    assert caught.value.code == cli.USAGE
    assert flag in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "m", "--lunches", "3"], "has no flag --lunches: did you mean --launches? (see"),
        (["compare", "a", "b", "--fail-acuracy=1"], "did you mean --fail-accuracy?"),
        (["report", "a", "--xylophone"], "bench report has no flag --xylophone (see"),
        (["report", "a", "b"], "'b' is one argument too many (see bench report --help)"),
        (["rn"], "no bench rn: did you mean 'run'? there is: build, "),
        (["run", "m", "--delegate", "gup"], "argument --delegate: no 'gup': did you mean 'gpu'?"),
        (["run"], "the following arguments are required: MODEL"),
    ],
)
def test_what_was_mistyped_is_one_line_with_what_is_nearest(arguments, words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == cli.USAGE
    shown = capsys.readouterr().err
    assert words in shown
    assert shown.startswith("bench: error: ")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("text", ["0-1", "0,1", "1-0", "1,0,1"])
def test_one_set_of_cpus_is_one_setting_however_it_is_typed(text, capsys):
    assert asked("--affinity", text).plan().affinity == "0-1"
    assert asked("--affinity", "3-2,0").plan().affinity == "0,2-3"
    with pytest.raises(UsageError, match="--affinity names 0-1 twice"):
        asked("--affinity", f"{text}/0-1").plan()
    with pytest.raises(SystemExit):
        asked("--affinity", "fast")
    assert "'fast' is no affinity" in capsys.readouterr().err


def test_options_of_targets(capsys):
    typed = asked("--set", "a=b=c", "--adb-server", "host:1", "--benchmark-model", "x")
    assert typed.options() == {"a": "b=c", "adb_server": "host:1", "benchmark_model": "x"}
    with pytest.raises(SystemExit):
        asked("--set", "a")
    assert "has no value: write KEY=VALUE" in capsys.readouterr().err


def test_the_format_goes_by_the_suffix(tmp_path):
    chosen = _show.outputs(["-", str(tmp_path / "a.csv")])
    assert chosen == [(None, "md"), (tmp_path / "a.csv", "csv")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.xlsx", r"use \.csv, \.html, \.json, \.md, \.png, \.svg, \.txt"),
        ("no/where/a.md", "make it first"),
    ],
)
def test_an_output_is_refused_before_anything_is_measured(text, words):
    with pytest.raises(UsageError, match=words):
        _show.outputs([text])


def test_a_report_is_shown_again(report_file, capsys):
    assert cli.main(["report", str(report_file)]) == cli.GOOD
    out, err = capsys.readouterr()
    assert out.startswith("tiny on this machine")
    assert err == ""
    assert "\033" not in out


def test_a_report_is_written_in_every_format(report_file, tmp_path, capsys):
    paths = [tmp_path / f"r.{suffix}" for suffix in ("txt", "md", "csv", "json")]
    arguments = [part for path in paths for part in ("-o", str(path))]
    assert cli.main(["report", str(report_file), *arguments, "-o", "-"]) == cli.GOOD
    assert all(path.stat().st_size for path in paths)
    assert capsys.readouterr().out == (tmp_path / "r.md").read_text()


def test_a_failed_cell_is_exit_3(tmp_path, capsys):
    failure = Failure("quantize:int8", "local", 0, "missing_op", "no such op", "use another")
    items = [failure, *examples.launches(["float32"], 3)]
    path = examples.write(tmp_path / "x.jsonl", examples.session(), items)
    assert cli.main(["report", str(path)]) == cli.FAILED
    assert "failed: quantize:int8 on local (missing_op)" in capsys.readouterr().out


def test_a_failure_that_was_made_up_for_is_none(tmp_path):
    failure = Failure("quantize:int8", "local", 0, "crash", "it broke", "again")
    items = [failure, *examples.launches(NAMES, 3)]
    path = examples.write(tmp_path / "x.jsonl", examples.session(), items)
    assert cli.main(["report", str(path)]) == cli.GOOD


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "no/such.jsonl"],
        ["inspect", "no/such.tflite"],
        ["run", "no/such.tflite"],
        ["run", "no/such.keras"],
        ["run", "model.keras", "-r", "quantise:int8"],
        ["run", "model.tflite", "-t", "nowhere"],
        ["build", "no/such.keras"],
    ],
)
def test_what_cannot_be_carried_out_is_one_line_and_exit_2(arguments, capsys):
    assert cli.main(arguments) == cli.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("bench: error: ")
    assert err.count("\n") == 1


def test_recipes_need_a_source_model(tmp_path, capsys):
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    for arguments in (["run", "-t", "local", "-r", "quantize:int8"], ["build"]):
        assert cli.main([*arguments, str(tmp_path / "m.tflite")]) == cli.USAGE
        assert "needs the source model" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["techniques", "models"])
def test_what_is_here_is_listed(command, capsys):
    assert cli.main([command]) == cli.GOOD
    from bench import plugins

    shown = capsys.readouterr().out
    assert all(name in shown for name in plugins.names(command))


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 0
    assert "bench" in capsys.readouterr().out


def test_every_command_is_a_file_and_every_file_a_command():
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")}
    assert {name for name in files if not name.startswith("_")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described_and_typed(name):
    command, module = commands(parser())[name].fill(), module_of(name)
    assert command.description.endswith(".")
    assert module.Arguments.__dataclass_params__.frozen
    assert module.carry_out.__doc__
    typed = {action.dest for action in command._actions if action.dest != "help"}
    assert typed == {field.name for field in dataclasses.fields(module.Arguments)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained_and_has_its_default_in_one_place(name):
    for action in commands(parser())[name].fill()._actions:
        assert action.help
        assert action.default == "==SUPPRESS==" or action.required, action.dest


def test_the_help_of_run_is_grouped_in_plain_words():
    command = commands(parser())["run"].fill()
    groups = [group.title for group in command._action_groups if group._group_actions]
    assert groups == ["options", "model and recipes", "where", "how", "output"]


def test_a_request_to_end_is_taken_like_ctrl_c():
    with pytest.raises(KeyboardInterrupt):
        cli._interrupt(signal.SIGTERM, None)


def test_a_hang_up_that_is_ignored_stays_ignored(report_file):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    cli.main(["report", str(report_file)])
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == cli._interrupt


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("prune:0.8+quantize:int8", "prune-0.8+quantize-int8"),
        ("prune:0.8,layers=!a/*", "prune-0.8,layers=!a--"),
        ("../../etc/passwd", "..-..-etc-passwd"),
    ],
)
def test_a_recipe_is_a_file_name(recipe, name):
    assert file_name(recipe) == name


def test_the_help_names_every_column():
    assert tuple(COLUMNS) == _shared.COLUMN_NAMES
