"""What was written is found again, though somebody deletes the file or its folder meanwhile."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.records.appended import AppendedFile

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="there, an open file cannot be deleted"
)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scratch files of the test's own."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def begun(path: Path) -> AppendedFile:
    file = AppendedFile(path)
    file.open(fresh=True)
    file.append(b"one\n")
    return file


def delete_file(path: Path) -> None:
    path.unlink()


def delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replace_file(path: Path) -> None:
    path.unlink()
    path.write_text("theirs")


@pytest.mark.parametrize("harm", [delete_file, delete_folder, move_folder])
def test_a_file_that_is_gone_is_written_anew_and_named(
    tmp_path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "reports" / "run.jsonl"
    file = begun(path)
    harm(path)
    file.append(b"two\n")
    file.append(b"three\n")
    assert file.path == path
    file.close()
    assert path.read_text() == "one\ntwo\nthree\n"
    assert f"{path} was deleted" in caplog.text
    assert caplog.text.count("deleted") == 1
    assert not list(path.parent.glob("*.lock"))


def test_another_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "run.jsonl"
    file = begun(path)
    replace_file(path)
    file.append(b"two\n")
    file.close()
    assert path.read_text() == "theirs"
    assert file.path == tmp_path / "reports" / "run-2.jsonl"
    assert file.path.read_text() == "one\ntwo\n"


def test_where_the_folder_cannot_be_made_again_another_is_taken(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    file = begun(Path("reports/run.jsonl"))
    shutil.rmtree(project)
    file.append(b"two\n")
    file.close()
    os.chdir(tmp_path)
    assert file.path == scratch / "run.jsonl"
    assert file.path.read_text() == "one\ntwo\n"
    assert str(file.path) in caplog.text


def test_what_is_deleted_after_the_last_line_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "run.jsonl"
    file = begun(path)
    delete_folder(path)
    file.close()
    assert path.read_text() == "one\n"


def test_where_nothing_can_be_written_that_is_told(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reports" / "run.jsonl"
    file = begun(path)
    delete_folder(path)
    path.parent.write_text("a file")
    monkeypatch.setattr(tempfile, "tempdir", str(path.parent))
    with pytest.raises(StoreError, match="was deleted, and cannot be written anew"):
        file.append(b"two\n")
    with pytest.raises(StoreError, match="cannot be written anew"):
        file.close()


def test_a_file_is_held_by_one_alone_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    file = begun(path)
    delete_file(path)
    file.append(b"two\n")
    with pytest.raises(StoreError, match="another process is writing"):
        AppendedFile(path)
    file.close()
    AppendedFile(path).close()
