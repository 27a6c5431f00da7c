"""Plugins of other packages: what an installed one lays down, and every way it can be broken."""

from __future__ import annotations

import pytest

from bench import cli, plugins
from bench.errors import RecipeError, UsageError

WHOLE = """
SUMMARY, ARGUMENT, OPTIONS = "does nothing", "", {}
check = apply = verify = print
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay down a package with one plugin, as an installer does."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (plugins.found, plugins.names):
        cached.cache_clear()

    def lay_down(name, module, content, *, kind="techniques", package="other"):
        (tmp_path / f"{module}.py").write_text(content)
        info = tmp_path / f"{package}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
        (info / "entry_points.txt").write_text(f"[tflite_bench.{kind}]\n{name} = {module}\n")

    yield lay_down
    for cached in (plugins.found, plugins.names):
        cached.cache_clear()


def test_it_is_found_with_where_it_comes_from(install):
    install("nothing", "plugin_of_a_test_1", WHOLE)
    assert "nothing" in plugins.names("techniques")
    assert plugins.load("techniques", "nothing").SUMMARY == "does nothing"
    origins = {plugin.name: plugin.origin for plugin in plugins.found("techniques")}
    assert (origins["nothing"], origins["prune"]) == ("other 2.0", "built in")


def test_its_files_are_told_apart_from_those_of_another_version(install, tmp_path):
    install("nothing", "plugin_of_a_test_2", WHOLE)
    before = plugins.fingerprint("techniques", "nothing")
    assert before.startswith("other 2.0 ")
    (tmp_path / "plugin_of_a_test_2.py").write_text(WHOLE + "# changed")
    assert plugins.fingerprint("techniques", "nothing") != before
    assert plugins.fingerprint("techniques", "prune") == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 / 0", "cannot be imported (division by zero)"),
        ("import no_such_module", "cannot be imported (No module named"),
        ("SUMMARY = ''", "does not offer ARGUMENT, OPTIONS, check, apply, verify"),
    ],
)
def test_a_broken_one_is_one_line_that_names_its_package(install, content, words, request, capsys):
    module = f"plugin_of_a_test_{abs(hash(request.node.name))}"
    install("broken", module, content)
    with pytest.raises(RecipeError, match=r"the technique 'broken' of other 2\.0") as caught:
        plugins.load("techniques", "broken", RecipeError)
    assert words in caught.value.message
    assert caught.value.hint == "update or uninstall other"
    assert cli.main(["techniques"]) == cli.GOOD
    out = capsys.readouterr().out
    assert "Broken: the technique 'broken'" in out
    assert "prune:…" in out


def test_ours_goes_before_one_of_its_name_and_the_list_says_so(install, capsys):
    install("prune", "plugin_of_a_test_3", WHOLE)
    assert plugins.load("techniques", "prune").__name__ == "bench.techniques.prune"
    assert cli.main(["techniques"]) == cli.GOOD
    assert "Hidden by another of that name. From other 2.0." in capsys.readouterr().out


def test_a_broken_target_is_a_row_and_the_others_are_listed(install, capsys):
    install("desk", "plugin_of_a_test_4", "discover = None", kind="targets")
    assert cli.main(["targets", "--adb-server", "127.0.0.2:1"]) == cli.FAILED
    out = capsys.readouterr().out
    assert "the target 'desk' of other 2.0 does not offer open" in out
    assert "built in" in out


def test_a_broken_format_is_in_the_way_of_nothing_else(install, tmp_path):
    from bench.cli import _show

    install("odd", "plugin_of_a_test_5", "1 / 0", kind="formats")
    assert _show.outputs([str(tmp_path / "x.md")]) == [(tmp_path / "x.md", "md")]
    with pytest.raises(UsageError, match=r"the format 'odd' of other 2\.0"):
        _show.outputs([str(tmp_path / "x.odd")])
