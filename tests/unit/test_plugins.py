"""A file's name is the plugin's name."""

from __future__ import annotations

import pytest

from bench import plugins
from bench.errors import DataError, TargetError, UsageError


@pytest.mark.parametrize("kind", ["techniques", "targets", "formats", "models"])
def test_every_file_is_a_plugin_save_the_private_ones(kind):
    files = {path.stem for path in plugins.folder(kind).glob("*.py")}
    assert set(plugins.names(kind)) == {stem for stem in files if not stem.startswith("_")}


def test_a_plugin_is_loaded_once():
    assert plugins.load("formats", "md") is plugins.load("formats", "md")


def test_a_misspelt_plugin_is_told_with_the_nearest():
    with pytest.raises(TargetError, match="no target is called 'lokal': did you mean 'local'"):
        plugins.load("targets", "lokal", TargetError)


def test_nothing_near_gives_the_list_alone():
    assert plugins.nearest("zzz", ("local", "adb")) == "there is: adb, local"
    assert plugins.nearest("zzz", ()) == "there is: none"


def test_a_file_in_no_package_is_a_plugin_too(tmp_path):
    path = tmp_path / "lonely.py"
    path.write_text("VALUE = [1]\n")
    module = plugins._load_file("lonely_plugin_of_a_test", path)
    assert module.VALUE == [1]
    assert plugins._load_file("lonely_plugin_of_a_test", path) is module


def test_a_function_is_found_by_name(tmp_path, monkeypatch):
    (tmp_path / "my_module_of_a_test.py").write_text("def data():\n    return 5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    assert plugins.load_function("my_module_of_a_test:data")() == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "names no function"),
        (":function", "names no function"),
        ("module:", "names no function"),
        ("no_such_module_here:function", "No module named"),
        ("bench.values:no_such_name", "no attribute"),
    ],
)
def test_a_function_that_is_not_there(text, words):
    with pytest.raises(UsageError, match=words):
        plugins.load_function(text)


def test_a_module_that_raises_when_imported(tmp_path, monkeypatch):
    (tmp_path / "broken_module_of_a_test.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="division by zero"):
        plugins.load_function("broken_module_of_a_test:data", DataError)
