"""The user's own defaults in pyproject.toml: below what is typed, above ours, and never silent."""

from __future__ import annotations

import pytest

from bench import cli
from bench.cli import _arguments
from bench.cli._parser import parser
from bench.errors import UsageError
from tests import tflite_files


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What a command is asked for in a folder whose pyproject.toml holds so much."""
    monkeypatch.chdir(tmp_path)

    def read(toml, *arguments):
        (tmp_path / "pyproject.toml").write_text(toml)
        top = parser()
        return _arguments(top, top.parse_args(arguments))

    return read


def table(lines):
    return f"[tool.tflite-bench]\n{lines}\n"


def test_flags_of_run_have_other_defaults_and_what_is_typed_goes_first(asked, capsys):
    toml = table('launches = 3\nuntil = "2%"\ntarget = "local"\nprofile = true\nset = {cap_mb = 5}')
    taken = asked(toml, "run", "m.keras", "--launches", "4", "-t", "adb")
    assert (taken.launches, taken.target) == (4, ("adb",))
    assert (taken.until, taken.profile, taken.set) == (0.02, True, (("cap_mb", "5"),))
    assert capsys.readouterr().err == "from pyproject.toml: until, profile, set\n"


def test_nothing_is_said_where_there_is_nothing(asked, capsys):
    assert asked("[tool.other]\nx = 1\n", "run", "m.keras").launches == 10
    assert asked(table("launches = 3"), "run", "m.keras", "-q").launches == 3
    assert capsys.readouterr().err == ""


def test_other_commands_share_what_means_the_same(asked):
    toml = table('seed = 7\nlaunches = 3\noutput = ["x.md"]\nadb-server = "host:1"')
    build = asked(toml, "build", "m.keras")
    assert (build.seed, build.output) == (7, None)
    assert asked(toml, "doctor").options() == {"adb_server": "host:1"}


def test_a_command_has_a_table_of_its_own(asked):
    toml = table('report = "x.jsonl"\n[tool.tflite-bench.recommend]\nmax-loss = "1%"')
    assert asked(toml, "recommend", "x.jsonl").max_loss == 0.01
    assert asked(toml, "run", "m.keras").report.name == "x.jsonl"


RECIPES = '[tool.tflite-bench.recipes]\nsmall = "quantize:int8"\nexact = "quantize:float16"\n'


def test_recipes_are_named_and_are_all_built_where_none_is_typed(asked):
    names = [each.name for each in asked(RECIPES, "run", "m.keras").recipe]
    assert names == ["small", "exact"]
    typed = asked(RECIPES, "build", "m.keras", "-r", "exact", "-r", "prune:0.5").recipe
    assert [getattr(each, "name", each) for each in typed] == ["exact", "prune:0.5"]


def test_recipes_of_the_table_are_not_for_a_ready_file(asked, tmp_path):
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    assert asked(RECIPES, "run", "m.tflite").recipe == ()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("lunches = 3", "did you mean 'launches'"),
        ("launches = 0", "at least 1"),
        ("launches = [1]", "is no value of --launches"),
        ('until = "soon"', "no percentage"),
        ('delegate = "tpu"', "no 'tpu': did you mean"),
        ("profile = 1", "not true or false"),
        ('models = "m.keras"', "give it on the command line"),
        ("[tool.tflite-bench.recommend]\nmax-lost = 1", "did you mean 'max-loss'"),
        ("[tool.tflite-bench.recipes]\nqat = 'qat'", "cannot be called 'qat'"),
        ("[tool.tflite-bench.recipes]\nx = 1", "x is no recipe"),
        ("[tool.tflite-bench.recipes]\nx = 'prune'", "pyproject.toml: x: "),
    ],
)
def test_a_default_that_cannot_be_is_one_line(asked, lines, words):
    command = ["recommend", "x.jsonl"] if "recommend" in lines else ["run", "m.keras"]
    with pytest.raises(UsageError, match=r"pyproject\.toml") as caught:
        asked(table(lines), *command)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_toml_is_one_line_and_exit_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool")
    assert cli.main(["models"]) == cli.USAGE
    assert "pyproject.toml is no TOML" in capsys.readouterr().err
