"""Models whose inputs are unusual, from the real converter to the real interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.records import read
from tests.integration.conftest import PATIENCE_S, Cli

QUICK = ("-t", "local", "--launches", "2", "--runs", "3", "--warmup-runs", "1", "--warmup-s", "0")


@pytest.fixture(scope="session")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models and samples, made in one process."""
    pytest.importorskip("tensorflow", reason="needs the extra [build]")
    folder = tmp_path_factory.mktemp("unusual")
    script = Path(__file__).with_name("make_input_models.py")
    made = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


@pytest.fixture
def shared(tmp_path: Path, built_cache: Path) -> Cli:
    return Cli(tmp_path, built_cache)


def run(cli: Cli, model: Path, data: Path | None, *words: str) -> subprocess.CompletedProcess:
    given = [] if data is None else ["--data", data]
    return cli("run", model, *given, *QUICK, "-q", "--report", "r.jsonl", *words)


def test_bytes_calibrate_train_and_evaluate(shared, unusual):
    recipes = ("-r", "quantize:int8", "-r", "quantize:int8,io=uint8", "-r", "tune,epochs=1")
    ran = run(shared, unusual / "bytes.keras", unusual / "bytes.npz", *recipes)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "scale" not in ran.stdout  # the model scales them itself: no warning
    known = {a.variant: a for a in read(shared.folder / "r.jsonl").accuracies}
    assert len(known) == 4
    for name in ("quantize:int8", "quantize:int8,io=uint8"):
        difference = known[name].mean_difference
        assert difference is None or difference < 0.02  # wrapped bytes would answer otherwise


def test_open_sizes_are_the_samples_or_asked_for_or_refused(shared, unusual):
    model, data = unusual / "any_size.keras", unusual / "any_size.npz"
    ran = run(shared, model, data, "-r", "quantize:int8")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "measured at image 1×32×24×3" in ran.stdout
    ran = run(shared, model, data, "-r", "quantize:int8", "--real-inputs", "--fresh",
              "--report", "real.jsonl")  # fmt: skip
    assert ran.returncode == 0, ran.stderr + ran.stdout
    ran = run(shared, model, None, "-r", "float32", "--report", "none.jsonl")
    assert ran.returncode == 2
    assert "give --input-shape image=1,?,?,3 with a number for each ?" in ran.stderr
    ran = run(shared, model, None, "-r", "float32", "--input-shape", "image=1,20,20,3",
              "--report", "asked.jsonl")  # fmt: skip
    assert "measured at image 1×20×20×3" in ran.stdout


def test_tokens_are_never_out_of_range(shared, unusual):
    ran = run(shared, unusual / "tokens.keras", unusual / "tokens.npz", "-r", "quantize:dynamic")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    without = run(shared, unusual / "tokens.keras", None, "-r", "float32", "--report", "n.jsonl")
    assert without.returncode == 0, without.stderr + without.stdout
    (variant,) = read(shared.folder / "n.jsonl").session.variants
    assert variant.inputs[0].bounds == (0, 20)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: np.moveaxis(x, -1, 1), "channels first: np.moveaxis"),
        (lambda x: x[:, :8], "bring them to that size"),
        (lambda x: x[..., :1], "grey or coloured"),
    ],
)
def test_pictures_that_do_not_fit_are_one_line_and_nothing_is_built(
    shared, unusual, change, words, tmp_path
):
    arrays = dict(np.load(unusual / "bytes.npz"))
    np.savez(tmp_path / "d.npz", **{k: change(a) if k[0] == "x" else a for k, a in arrays.items()})
    ran = run(shared, unusual / "bytes.keras", tmp_path / "d.npz", "-r", "prune:0.5")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert words in ran.stderr
    assert not (tmp_path / "r.jsonl").exists()


def test_a_saved_models_signature_is_chosen(shared, unusual):
    ran = run(shared, unusual / "two", None, "-r", "quantize:dynamic")
    assert ran.returncode == 2
    assert "choose one: --signature decode" in ran.stderr
    ran = run(shared, unusual / "two", None, "-r", "float32", "--signature", "encode")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    (variant,) = read(shared.folder / "r.jsonl").session.variants
    assert variant.signature == "encode"


def test_a_folder_of_pictures(shared, unusual, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs the extra [images]")
    for number in range(30):
        path = tmp_path / "photos" / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.new("RGB", (20, 30), (number, 0, 90)).save(path)
    ran = run(shared, unusual / "bytes.keras", tmp_path / "photos", "-r", "quantize:int8")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "of 30 pictures, chosen by their content, are for testing" in ran.stdout


def test_a_real_dataset_is_read(tmp_path):
    tf = pytest.importorskip("tensorflow", reason="needs the extra [build]")
    from bench import data

    x, y = np.arange(40.0).reshape(10, 4), np.arange(10)
    whole = tf.data.Dataset.from_tensor_slices((x, y))
    for dataset in (whole, whole.batch(3), whole.batch(5, drop_remainder=True)):
        split = data.load({"test": dataset}).test
        np.testing.assert_array_equal(split.x[""], x)
        np.testing.assert_array_equal(split.y[""], y)
    named = tf.data.Dataset.from_tensor_slices({"a": x, "b": y}).batch(4)
    assert set(data.load({"test": named}).test.x) == {"a", "b"}
