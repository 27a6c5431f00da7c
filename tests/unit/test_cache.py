"""What is kept is whole or not there, and named by its content."""

from __future__ import annotations

import os
import stat

import pytest

from bench import cache
from bench.errors import StoreError


def test_the_folder_is_where_the_user_wants_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("TFLITE_BENCH_CACHE", raising=False)
    assert cache.folder("a") == tmp_path / "home/.cache/tflite-bench/a"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder("a", "b") == tmp_path / "xdg/tflite-bench/a/b"
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"
    assert (tmp_path / "mine").is_dir()


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="set TFLITE_BENCH_CACHE"):
        cache.folder("variants")


def test_a_key_depends_on_content_and_not_on_order():
    assert cache.key({"a": 1, "b": [2]}) == cache.key({"b": [2], "a": 1})
    assert cache.key({"a": 1}) != cache.key({"a": 2})


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    cache.write(path, b"old")
    cache.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_permissions_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        cache.write(tmp_path / "file", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "inside").touch()  # a folder with something in it cannot be replaced by a file
    with pytest.raises(StoreError, match="cannot write"):
        cache.write(folder, b"content")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_write_into_no_folder(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        cache.write(tmp_path / "nowhere" / "file", b"content")


def test_a_hash_covers_names_contents_and_where_files_end(tmp_path):
    def hashed(files: dict[str, bytes]) -> str:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        return cache.hash_files([tmp_path / name for name in files])

    made = [
        hashed({"a": b"xy", "b": b"z"}),
        hashed({"a": b"x", "b": b"yz"}),
        hashed({"a": b"xy", "c": b"z"}),
        hashed({"b": b"xy", "a": b"z"}),
    ]
    assert len(set(made)) == len(made)
    assert hashed({"a": b"xy", "b": b"z"}) == made[0]
