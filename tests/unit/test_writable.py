"""What cannot be written is told before any work, by the system's own answer, and with a cure."""

from __future__ import annotations

import errno
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench import cache, cli
from bench.errors import StoreError
from bench.records.appended import AppendedFile
from bench.workers import evaluate, reference
from bench.writable import require, require_folder, scratch_folder, unwritable, writing
from tests import tflite_files
from tests.flatbuffer_models import dense

CURE = "give another"


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be written; root may write any, save those of the kernel."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    return folder


def test_a_file_that_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    require(tmp_path / "no" / "such" / "x.jsonl", CURE)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (path := tmp_path / "x").write_text("theirs")
    require(path, CURE)
    assert path.read_text() == "theirs"


def test_under_a_file_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for path in (tmp_path / "f" / "x", tmp_path / "f" / "y" / "x"):
        with pytest.raises(StoreError, match=r"f is a file, not a folder\): give another"):
            require(path, CURE)


def test_a_folder_that_is_missing_can_be_made_and_one_that_is_a_file_cannot(tmp_path: Path) -> None:
    require_folder(tmp_path / "no" / "such", CURE)
    assert list(tmp_path.iterdir()) == []
    (path := tmp_path / "f").touch()
    with pytest.raises(StoreError, match=r"f is a file, not a folder\): give another"):
        require_folder(path, CURE)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, Path()):
        with pytest.raises(StoreError, match="Is a directory"):
            require(path, CURE)


def test_a_closed_folder_is_told(closed: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*: give another"):
        require(closed / "x.jsonl", CURE)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_has_a_cure_of_its_own(code: int) -> None:
    assert "make room" in unwritable(Path("x"), OSError(code, "?"), CURE).hint
    assert unwritable(Path("x"), OSError(errno.EACCES, "?"), CURE).hint == CURE


def test_an_error_without_a_number_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="broken pipe of mine"), writing(tmp_path / "x", CURE):
        raise OSError("broken pipe of mine")


def test_every_home_of_files_says_it_alike(
    tmp_path: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(closed / "x"))
    with pytest.raises(StoreError, match=r"cannot write .*: set TFLITE_BENCH_CACHE"):
        cache.folder("variants")
    with pytest.raises(StoreError, match=r"cannot write .*: choose a folder"):
        cache.write(closed / "x", b"")
    with pytest.raises(StoreError, match=r"cannot write .*: give a --report FILE"):
        AppendedFile(closed / "x.jsonl")


@pytest.mark.parametrize(
    ("flag", "name"), [("--report", "f/x.jsonl"), ("-o", "f/x.csv"), ("--report", ".")]
)
def test_it_is_told_before_anything_is_measured(
    flag: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").touch()
    (tmp_path / "m.tflite").write_bytes(tflite_files.add())
    monkeypatch.setattr("bench.pipeline.prepare.load", lambda *_: pytest.fail("work was begun"))
    assert cli.main(["run", "m.tflite", "-t", "local", flag, name]) == cli.USAGE
    shown = capsys.readouterr().err
    assert shown.startswith("bench: error: cannot write ")
    assert shown.count("\n") == 1


def test_a_folder_for_built_files_is_seen_to_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f").touch()
    monkeypatch.setattr("bench.pipeline.prepare.load", lambda *_: pytest.fail("work was begun"))
    assert cli.main(["build", "m.keras", "-o", str(tmp_path / "f")]) == cli.USAGE
    assert "f is a file, not a folder): give another -o FOLDER" in capsys.readouterr().err


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond a few bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def _save(folder: Path) -> None:
    np.save(folder / "x.npy", np.zeros(1000))


def _write(folder: Path) -> None:
    (folder / "x").write_bytes(bytes(1000))


@pytest.mark.parametrize("fill", [_save, _write])
def test_a_scratch_folder_that_fills_up_is_one_line_and_goes(fill) -> None:
    with pytest.raises(StoreError) as told, full_disk(), scratch_folder() as folder:
        fill(folder)
    assert "no room is left" in told.value.message
    assert "TMPDIR" in told.value.hint
    assert not folder.exists()


def test_other_errors_within_a_scratch_folder_stay_what_they_are() -> None:
    with pytest.raises(FileNotFoundError), scratch_folder() as folder:
        (folder / "none").read_bytes()


def test_no_scratch_folder_at_all_is_one_line(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    with pytest.raises(StoreError, match="no folder for temporary files") as told, scratch_folder():
        pass
    assert "TMPDIR" in told.value.hint


@pytest.mark.parametrize("worker", [evaluate, reference])
def test_a_worker_whose_answers_find_no_room_says_so(worker, tmp_path, capsys) -> None:
    (tmp_path / "m.tflite").write_bytes(dense(np.ones((64, 64), np.float32)))
    np.save(tmp_path / "x..npy", np.ones((900, 64), np.float32))
    arguments = [f"--model={tmp_path / 'm.tflite'}", f"--samples={tmp_path}"]
    with full_disk():
        assert worker.main([*arguments, f"--outputs={tmp_path}"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["error"] == "StoreError"
    assert "no room is left" in told["message"]
