"""What a search is about is packed here and opened there; nothing of it is taken for another."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError
from bench.pipeline import prepare
from bench.searching.cluster import parcels, work
from bench.values import Plan


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    x = np.random.default_rng(seed).random((20, 28, 28), np.float32)
    y = np.arange(20) % 10
    return {"x_train": x[:10], "y_train": y[:10], "x_test": x[10:], "y_test": y[10:]}


def there(source, folder: Path):
    """Packed, sent, and opened."""
    packed, files = work.pack(source, Plan(), folder)
    for parcel, path in files.items():
        for offset, piece in parcels.pieces(path):
            parcels.add(parcel, "me", offset, piece)
        parcels.finish(parcel, "me")
    return packed, work.open_here(packed, "-1")


def test_a_named_model_stays_and_samples_travel(folder: Path):
    np.savez("samples.npz", **arrays())
    source = prepare.load("fashion", "samples.npz", folder)
    packed, _ = there(source, folder)
    assert packed.model_parcel is None
    assert [parcel.name for parcel in packed.parcels] == ["samples.npz"]
    (folder / "samples.npz").unlink()
    work.open_here(packed, "-1")


def test_what_comes_with_the_project_does_not_travel(folder: Path):
    packed, _ = there(prepare.load("fashion", None, folder), folder)
    assert packed.parcels == ()


def test_another_model_or_other_samples_there_are_told_by_name(folder: Path):
    packed, _ = there(prepare.load("fashion", None, folder), folder)
    other = replace(packed, model=replace(packed.model, sha256="0"))
    with pytest.raises(work.WorkerError, match="the model fashion is another one there"):
        work.open_here(other, "-1")
    with pytest.raises(work.WorkerError, match="are others there"):
        work.open_here(replace(packed, data_sha256="0"), "-1")


def test_what_a_function_returns_is_saved_and_travels(folder: Path):
    np.savez("kept.npz", **arrays())
    (folder / "own_samples.py").write_text(
        "import numpy as np\ndef load():\n    return dict(np.load('kept.npz'))\n"
    )
    packed, _ = there(prepare.load("fashion", "own_samples:load", folder), folder)
    assert packed.data_parcel is not None
    (folder / "kept.npz").unlink()
    work.open_here(packed, "-1")


def test_a_folder_of_pictures_travels(folder: Path):
    image = pytest.importorskip("PIL.Image", reason="needs the extra [images]")
    for number in range(20):
        path = folder / "pictures" / "train" / f"class{number % 10}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(np.full((28, 28), number, np.uint8)).save(path)
    shutil.copytree(folder / "pictures" / "train", folder / "pictures" / "test")
    source = prepare.load("fashion", "pictures", folder)
    packed, _ = there(source, folder)
    shutil.rmtree(folder / "pictures")
    work.open_here(packed, "-1")


@pytest.mark.parametrize("name", ["own_layers", "own_package.layers"])
def test_a_module_of_the_users_travels_and_what_is_installed_does_not(folder: Path, name: str):
    (folder / "own_package").mkdir()
    for file in ("own_layers.py", "own_package/__init__.py", "own_package/layers.py"):
        (folder / file).write_text("class Own: ...\n")
    model = prepare.load("fashion", None, folder)
    found = replace(model.model, custom_objects=name)
    packed, _ = work.pack(replace(model, model=found), Plan(), folder)
    assert packed.modules_parcel is not None
    installed = replace(model.model, custom_objects="numpy.fft")
    packed, _ = work.pack(replace(model, model=installed), Plan(), folder)
    assert packed.modules_parcel is None
    assert packed.module_sha256
    other = replace(packed, module_sha256="0")
    with pytest.raises(work.WorkerError, match=r"the module numpy\.fft is another one there"):
        work.open_here(other, "-1")


def test_a_function_that_returns_texts_is_refused(folder: Path):
    (folder / "own_texts.py").write_text(
        "import numpy as np\ndef load():\n    return {'x_test': np.array(['a', 'b'])}\n"
    )
    source = prepare.load("fashion", None, folder)
    with pytest.raises(DataError, match="returned no numbers"):
        work.pack(replace(source, data_source="own_texts:load"), Plan(), folder)
