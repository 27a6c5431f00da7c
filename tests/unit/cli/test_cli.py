"""What is typed becomes values of the house, and every way out has its exit code."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import pytest

from bench import cli
from bench.cli import options
from bench.cli.build import _file_name
from bench.cli.parser import parser
from bench.cli.progress import Show
from bench.errors import TargetError, UsageError
from bench.values import Failure, Plan
from tests import examples, tflite_files

NAMES = ["float32", "quantize:int8"]


@pytest.fixture
def report_file(tmp_path):
    items = [examples.ENVIRONMENT, *examples.launches(NAMES, 6)]
    return examples.write(tmp_path / "x.jsonl", examples.session(launches=6), items)


def asked(*arguments):
    return parser().parse_args(["run", "model.tflite", *arguments])


def test_the_defaults_are_those_of_a_plan():
    assert options.plan(asked()) == Plan()


def test_what_is_typed_is_planned():
    plan = options.plan(
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
    )
    assert plan == Plan(
        launches=3,
        runs=5,
        warmup_s=0.0,
        threads=2,
        input_shapes=(("a:0", (1, 224, 224, 3)), ("b=c", (7,))),
        input_ranges=(("a:0", (-1.0, 0.5)),),
        signature="second",
        delegate="none",
        affinity="0x3",
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
def test_shapes_and_ranges_that_cannot_be_read(flag, text):
    with pytest.raises(UsageError, match=f"write {flag} NAME="):
        options.plan(asked(flag, text))


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--launches", "0"),
        ("--launches", "ten"),
        ("--runs", "-1"),
        ("--runs", "1.5"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--delegate", "npu"),
    ],
)
def test_numbers_out_of_range(flag, value, capsys):
    with pytest.raises(SystemExit) as caught:
        asked(flag, value)
    assert caught.value.code == cli.USAGE
    assert flag in capsys.readouterr().err


def test_settings_of_targets():
    settings = options.target_options(asked("--set", "a=b=c", "--adb-server", "host:1"))
    assert settings == {"a": "b=c", "adb_server": "host:1"}
    with pytest.raises(UsageError, match="has no value"):
        options.target_options(asked("--set", "a"))


@pytest.mark.parametrize(
    ("text", "split"), [("local", ("local", None)), ("local:0:1", ("local", "0:1"))]
)
def test_a_target_is_a_kind_and_an_address(text, split):
    assert options.split_target(text) == split


@pytest.mark.parametrize(
    ("text", "words"), [("lcoal", "did you mean 'local'"), ("local:", "names no device")]
)
def test_a_target_that_is_none(text, words):
    with pytest.raises(TargetError, match=words):
        options.split_target(text)


def test_the_format_goes_by_the_suffix(tmp_path):
    chosen = options.outputs(asked("-o", "-", "-o", str(tmp_path / "a.csv")))
    assert chosen == [(None, "md"), (tmp_path / "a.csv", "csv")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a.xlsx", r"use \.csv, \.json, \.md, \.txt"), ("no/where/a.md", "make it first")],
)
def test_an_output_is_refused_before_anything_is_measured(text, words):
    with pytest.raises(UsageError, match=words):
        options.outputs(asked("-o", text))


def test_several_files_are_compared_and_several_models_are_not():
    assert options.tflite_paths(["a.tflite", "b.LITE"]) == [Path("a.tflite"), Path("b.LITE")]
    assert options.tflite_paths(["a.keras"]) is None
    with pytest.raises(UsageError, match="one source model at a time"):
        options.tflite_paths(["a.tflite", "b.keras"])


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
    for arguments in (["run", "-r", "quantize:int8"], ["build"]):
        assert cli.main([*arguments, str(tmp_path / "m.tflite")]) == cli.USAGE
        assert "recipes need the source model" in capsys.readouterr().err


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


def test_every_command_is_described_and_there():
    (commands,) = (a.choices for a in parser()._actions if a.dest == "==SUPPRESS==" and a.choices)
    for name, command in commands.items():
        assert command.description.endswith("."), name
        defaults = {key: command.get_default(key) for key in ("module", "function")}
        module = __import__(f"bench.cli.{defaults['module']}", fromlist=["x"])
        assert callable(getattr(module, defaults["function"])), name


def test_every_option_of_run_is_explained():
    (commands,) = (a.choices for a in parser()._actions if a.dest == "==SUPPRESS==" and a.choices)
    for name, command in commands.items():
        assert all(action.help for action in command._actions), name


def test_a_kind_request_to_end_is_taken_like_ctrl_c():
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
    assert _file_name(recipe) == name


class Screen(io.StringIO):
    """A standard error that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def progress_on(screen, monkeypatch, *, quiet=False):
    monkeypatch.setattr("sys.stderr", screen)
    with Show(quiet=quiet) as show:
        for done in range(3):
            show.step("building float32", done, 2)
        show.note("measuring local", "cooling 41.2 °C")
        show.note("measuring local", "cooling 41.2 °C")
        show.say("it failed [not markup]")
        show.finish("measuring")
    return screen.getvalue()


def test_elsewhere_than_on_a_terminal_each_stage_is_one_line(monkeypatch):
    shown = progress_on(Screen(terminal=False), monkeypatch)
    assert shown.splitlines() == [
        "building float32",
        "measuring local: cooling 41.2 °C",
        "it failed [not markup]",
    ]


def test_quiet_tells_of_faults_alone(monkeypatch):
    for terminal in (False, True):
        shown = progress_on(Screen(terminal=terminal), monkeypatch, quiet=True)
        assert shown == "it failed [not markup]\n"


def test_on_a_terminal_faults_stay_above_the_bars(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert "it failed [not markup]" in progress_on(Screen(terminal=True), monkeypatch)
