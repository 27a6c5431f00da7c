"""A model is found by name or file, and a file is held against its suffix."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from bench import build, sources
from bench.errors import ModelError
from tests import tiny_models


def keras_file(path, *, version: str = "3.15.1", config: str = "{}"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", f'{{"keras_version": "{version}"}}')
        archive.writestr("config.json", config)
    return path


def test_kinds_by_suffix(tmp_path):
    keras_file(tmp_path / "a.keras")
    for name in ("b.h5", "c.HDF5"):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n and more")
    (tmp_path / "d.tflite").write_bytes(b"1234TFL3")
    kinds = {path.name: sources.resolve(str(path)).kind for path in tmp_path.iterdir()}
    assert kinds == {"a.keras": "keras", "b.h5": "h5", "c.HDF5": "h5", "d.tflite": "tflite"}


def test_a_model_is_named_after_its_file(tmp_path):
    found = sources.resolve(str(keras_file(tmp_path / "my.best.keras")))
    assert (found.name, found.source) == ("my.best", str(tmp_path / "my.best.keras"))


def test_a_savedmodel_is_a_folder(tmp_path):
    folder = tmp_path / "exported"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "v").write_bytes(b"1")
    first = sources.resolve(str(folder))
    assert (first.kind, first.name) == ("savedmodel", "exported")
    (folder / "variables" / "v").write_bytes(b"2")
    assert sources.resolve(f"{folder}/").sha256 != first.sha256


def test_the_hash_is_that_of_the_content(tmp_path):
    one = sources.resolve(str(keras_file(tmp_path / "a.keras", config="1")))
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "a.keras", tmp_path / "copy")
    assert sources.resolve(str(tmp_path / "copy" / "a.keras")).sha256 == one.sha256
    assert sources.resolve(str(keras_file(tmp_path / "a.keras", config="2"))).sha256 != one.sha256


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.keras", b"", "is empty"),
        ("a.h5", b"", "is empty"),
        ("a.tflite", b"", "is empty"),
        ("a.keras", b"PK\x03\x04 torn", "not a .keras file, or truncated"),
        ("a.h5", b"not HDF5", "is not an HDF5 file"),
        ("a.onnx", b"ONNX", "unknown suffix '.onnx'"),
        ("a", b"what", "unknown suffix ''"),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        sources.resolve(str(tmp_path / name))
    assert words in str(caught.value)


def test_a_zip_that_is_no_keras_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    with pytest.raises(ModelError, match=r"without config\.json"):
        sources.resolve(str(tmp_path / "a.keras"))


def test_a_folder_that_is_no_savedmodel(tmp_path):
    with pytest.raises(ModelError, match=r"without saved_model\.pb"):
        sources.resolve(str(tmp_path))


@pytest.mark.parametrize("text", ["missing.keras", "some/where"])
def test_a_missing_file_is_told_what_a_model_can_be(text):
    with pytest.raises(ModelError, match=r"a name from models/, a \.keras"):
        sources.resolve(text)


def test_a_misspelt_name_is_told_what_there_is():
    with pytest.raises(ModelError, match=r"no model 'fashoin': .*there is: "):
        sources.resolve("fashoin")


def test_a_file_without_its_own_data_has_none(tmp_path):
    found = sources.resolve(str(keras_file(tmp_path / "a.keras")))
    assert sources.own_data(found) is None
    assert sources.load_data(found, None) is None


def test_own_layers_count_for_the_hash_and_are_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, module = str(keras_file(tmp_path / "a.keras")), tmp_path / "own_layers_of_mine.py"
    module.write_text("raise SystemExit('was run')")
    first = sources.resolve(path, "own_layers_of_mine")
    assert first.custom_objects == "own_layers_of_mine"
    assert first.sha256 != sources.resolve(path).sha256
    module.write_text("raise SystemExit('was run, too')")
    assert sources.resolve(path, "own_layers_of_mine").sha256 != first.sha256
    with pytest.raises(ModelError, match="no module 'not_there_at_all'"):
        sources.resolve(path, "not_there_at_all")


@pytest.mark.parametrize("version", ["2.15.0", "3.15.1"])
def test_a_keras_file_tells_who_wrote_it(tmp_path, version):
    path = keras_file(tmp_path / "a.keras", version=version)
    assert sources._keras_version(path, "keras") == version


def test_a_newline_in_a_files_name_is_none_in_the_models(tmp_path):
    path = tmp_path / "a\nb.tflite"
    path.write_bytes(tiny_models.add())
    assert sources.resolve(str(path)).name == "a b"
    (variant,) = build.ready([path])
    assert variant.name == "a b"
    assert variant.path == path
