"""Parcels arrive whole under their own names, once, and the oldest make room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.searching.cluster import parcels


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parcels, "PIECE_BYTES", 4)
    return tmp_path / "cache"


def send(parcel, path, sender="me"):
    for offset, piece in parcels.pieces(path):
        parcels.add(parcel, sender, offset, piece)
    parcels.finish(parcel, sender)


@pytest.mark.parametrize("content", [b"", b"1234", b"a model of more than one piece"])
def test_a_file_arrives_in_pieces_under_its_name_and_is_missed_no_more(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    parcel = parcels.of_file(path)
    assert parcels.missing([parcel]) == [parcel]
    send(parcel, path)
    assert parcels.missing([parcel]) == []
    assert parcels.path_of(parcel).name == "model.keras"
    assert parcels.path_of(parcel).read_bytes() == content


def test_equal_folders_are_equal_parcels_and_are_unpacked(tmp_path):
    files = {}
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
        files[name] = tmp_path / name
    parcel = parcels.of_folder("pictures", files, tmp_path / "one.zip")
    (tmp_path / "a/1.png").touch()
    assert parcels.of_folder("pictures", files, tmp_path / "other.zip") == parcel
    send(parcel, tmp_path / "one.zip")
    found = parcels.path_of(parcel)
    assert found.name == "pictures"
    assert {p.relative_to(found).as_posix() for p in found.rglob("*.png")} == set(files)


def test_what_was_damaged_on_its_way_is_not_kept(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"a model")
    parcel = parcels.of_file(path)
    path.write_bytes(b"another")
    with pytest.raises(StoreError, match=r"model\.keras was damaged"):
        send(parcel, path)
    assert parcels.missing([parcel]) == [parcel]


def test_two_who_send_at_once_do_not_mix(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"12345678")
    parcel = parcels.of_file(path)
    parcels.add(parcel, "me", 0, b"1234")
    parcels.add(parcel, "other", 0, b"1234")
    parcels.add(parcel, "other", 4, b"5678")
    parcels.finish(parcel, "other")
    parcels.add(parcel, "me", 4, b"5678")
    parcels.finish(parcel, "me")
    assert parcels.path_of(parcel).read_bytes() == b"12345678"


def test_what_was_not_used_for_longest_makes_room(tmp_path, monkeypatch):
    sent = []
    for number in range(3):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(bytes([number]) * 10)
        sent.append(parcels.of_file(path))
        send(sent[-1], path)
    for age, parcel in zip((2, 3, 1), sent, strict=True):
        marker = parcels.path_of(parcel).parent.with_suffix(".whole")
        os.utime(marker, (1000 - age, 1000 - age))
    monkeypatch.setattr(parcels, "MOST_BYTES", 25)
    path = tmp_path / "new.npz"
    path.write_bytes(b"n" * 5)
    new = parcels.of_file(path)
    send(new, path)
    assert parcels.missing([*sent, new]) == [sent[1]]
    assert not parcels.path_of(sent[1]).exists()
