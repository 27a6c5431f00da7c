"""Variants built by the real converter: from every form of model, cached, failing one by one."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from bench import build, recipes, sources
from bench.errors import DataError, ModelError
from bench.records import read
from bench.tflite.facts import check_file
from bench.values import Failure, Variant
from bench.workers.interpreter import LoadedModel
from tests.integration.conftest import Cli

QUICK = ("-t", "local", "--launches", "2", "--runs", "3", "--warmup-runs", "1", "--warmup-s", "0")


@pytest.fixture
def shared(cli: Cli, built_cache: Path) -> Cli:
    """The command line, with what other tests have built already."""
    cli.cache = built_cache
    return cli


@pytest.fixture
def cached(built_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same cache for builds in this process, whose worker is a process all the same."""
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(built_cache))
    return built_cache


def built(path: Path, *texts: str, data: Path | None = None) -> dict[str, Variant | Failure]:
    """What becomes of each recipe, ``float32`` first."""
    source = sources.resolve(str(path))
    data_source = None if data is None else str(data)
    samples = sources.load_data(source, data_source)
    chosen = recipes.parse_all(texts)
    outcomes = build.build(
        source, chosen, samples, data_source=data_source, seed=0, progress=lambda *_: None
    )
    return {
        str(recipe): item if isinstance(item, Failure) else item.variant
        for recipe, item in zip(chosen, outcomes, strict=True)
    }


def answers(variant: Variant, samples: np.ndarray) -> np.ndarray:
    """The model's only output for each sample, one by one."""
    graph = LoadedModel(str(variant.path), threads=1)
    graph.allocate()
    (name,) = graph.inputs()
    given = []
    for sample in samples:
        graph.feed({name: sample[None]})
        graph.run()
        given.append(next(iter(graph.answers().values()))[0])
    return np.array(given)


@pytest.mark.parametrize("name", ["dense.keras", "dense.h5", "old.keras", "old.h5", "exported"])
def test_every_form_of_model_is_built(cached, models, name):
    made = built(models / name, "quantize:int8", data=models / "data.npz")
    assert all(isinstance(item, Variant) for item in made.values()), made
    assert made["quantize:int8"].size_bytes < made["float32"].size_bytes
    for variant in made.values():
        check_file(variant.path)


def test_all_forms_of_one_model_answer_alike(cached, models):
    """Keras 3 wrote three of them; what it saved is what is run."""
    samples = np.load(models / "data.npz")["x_test"][:20]
    given = [
        answers(built(models / name, "float32")["float32"], samples)
        for name in ("dense.keras", "dense.h5", "exported")
    ]
    np.testing.assert_allclose(given[0].sum(axis=1), 1.0, atol=1e-5)
    for other in given[1:]:
        np.testing.assert_allclose(other, given[0], atol=1e-6)


def types(variant: Variant) -> tuple[str, str]:
    """Of the input and the output."""
    graph = LoadedModel(str(variant.path), threads=1)
    (details,), (out,) = graph.inputs().values(), graph.outputs().values()
    return np.dtype(details["dtype"]).name, np.dtype(out["dtype"]).name


def test_inputs_and_outputs_have_the_type_that_was_asked_for(cached, models):
    made = built(
        models / "dense.keras",
        "quantize:int8",
        "quantize:int8,io=uint8",
        "quantize:int8,io=float32",
        "quantize:dynamic",
        data=models / "data.npz",
    )
    assert {name: types(variant) for name, variant in made.items()} == {
        "float32": ("float32", "float32"),
        "quantize:int8": ("int8", "int8"),
        "quantize:int8,io=uint8": ("uint8", "uint8"),
        "quantize:int8,io=float32": ("float32", "float32"),
        "quantize:dynamic": ("float32", "float32"),
    }


def scales_of_dense(variant: Variant) -> set[int]:
    """How many scales the 8-bit kernels of dense layers have."""
    from bench.tflite.reader import load

    return {
        len(tensor.quantization.scale)
        for subgraph in load(variant.path).subgraphs
        for op in subgraph.operators
        if op.type == "FULLY_CONNECTED"
        for tensor in [subgraph.tensors[op.inputs[1]]]
        if tensor.dtype == "int8"
    }


@pytest.mark.parametrize("mode", ["dynamic", "int8"])
def test_dense_layers_that_older_runtimes_can_read(cached, models, mode):
    made = built(
        models / "dense.keras",
        f"quantize:{mode}",
        f"quantize:{mode},per_channel_dense=no",
        data=models / "data.npz",
    )
    assert max(scales_of_dense(made[f"quantize:{mode}"])) > 1
    assert scales_of_dense(made[f"quantize:{mode},per_channel_dense=no"]) == {1}


@pytest.fixture
def no_tensorflow(tmp_path: Path) -> str:
    """A folder in which TensorFlow cannot be imported: whoever tries is found out."""
    folder = tmp_path / "no_tensorflow"
    (folder / "tensorflow").mkdir(parents=True)
    (folder / "tensorflow" / "__init__.py").write_text("raise SystemExit('TensorFlow was asked')")
    return str(folder)


def test_what_was_built_is_not_built_again(cli, models, no_tensorflow):
    command = ("build", models / "dense.keras", "--data", models / "data.npz", "-q")
    first = cli(*command, "-r", "quantize:int8")
    assert first.returncode == 0, first.stderr
    files = {path: path.stat().st_mtime_ns for path in (cli.cache / "variants").glob("*.tflite")}
    assert len(files) == 2
    cli.environment["PYTHONPATH"] = f"{cli.env()['PYTHONPATH']}:{no_tensorflow}"
    second = cli(*command, "-r", "quantize:int8")
    assert second.stdout == first.stdout
    assert second.returncode == 0, second.stderr
    assert all(path.stat().st_mtime_ns == written for path, written in files.items())
    third = cli(*command, "-r", "quantize:float16")
    assert third.returncode == 3  # so that we know that it would have been found out
    assert "failed: quantize:float16: the building process ended" in third.stdout


def test_the_cache_goes_by_what_matters(cached, models, tmp_path):
    def path(name: str, recipe: str, data: Path | None = None) -> Path:
        return built(models / name, recipe, data=data)[recipe].path

    other = tmp_path / "other.npz"
    arrays = dict(np.load(models / "data.npz"))
    np.savez(other, **{**arrays, "x_calibration": arrays["x_calibration"] * 2})
    shutil.copy(models / "dense.keras", tmp_path)
    int8 = path("dense.keras", "quantize:int8", models / "data.npz")
    assert path("dense.keras", "quantize:int8", other) != int8
    assert path("dense.h5", "quantize:int8", models / "data.npz") != int8
    dynamic = path("dense.keras", "quantize:dynamic", models / "data.npz")
    assert path("dense.keras", "quantize:dynamic", other) == dynamic
    assert built(tmp_path / "dense.keras", "quantize:dynamic")["quantize:dynamic"].path == dynamic


def test_a_half_built_variant_is_built_again(cached, models):
    variant = built(models / "dense.keras", "quantize:float16")["quantize:float16"]
    variant.path.with_suffix(".json").unlink()  # what a kill between the two files leaves
    variant.path.write_bytes(b"")
    again = built(models / "dense.keras", "quantize:float16")["quantize:float16"]
    assert again.sha256 == variant.sha256


def test_a_recipe_that_the_converter_refuses_does_not_stop_the_others(shared, models):
    ran = shared("build", models / "no_int8_kernel.keras", "--data", models / "data.npz")
    assert ran.returncode == 3
    built_names = {line.split()[0] for line in ran.stdout.splitlines() if ".tflite" in line}
    assert built_names == {"float32", "quantize:dynamic", "quantize:float16"}
    assert "failed: quantize:int8: the converter has no int8 form of CUMSUM" in ran.stdout
    assert "failed: quantize:int16x8: the converter has no int16x8 form of CUMSUM" in ran.stdout
    assert (ran.stdout + ran.stderr).count("int8 form of CUMSUM") == 1  # the reason is told once
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_variant_whose_promise_is_broken_fails_again_from_the_cache(cached, models):
    for _ in range(2):
        made = built(models / "no_int8_kernel.keras", "quantize:int8", data=models / "data.npz")
        assert isinstance(made["quantize:int8"], Failure)
        assert "CUMSUM" in made["quantize:int8"].message


def test_calibration_without_samples_fails_alone(cached, models):
    made = built(models / "dense.keras", "quantize:int8", "quantize:dynamic")
    assert isinstance(made["quantize:dynamic"], Variant)
    assert isinstance(made["quantize:int8"], Failure)
    assert "samples to calibrate on" in made["quantize:int8"].message
    assert "--data" in made["quantize:int8"].hint


def test_a_model_with_several_inputs_is_calibrated_by_their_names(shared, models):
    data = models / "two_inputs.npz"
    command = ("run", models / "two_inputs.keras", "-r", "quantize:int8", "--data", data)
    ran = shared(*command, *QUICK, "--real-inputs", "--fresh")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (path,) = (shared.folder / "reports").glob("*.jsonl")
    evaluated = {item.variant: item for item in read(path).accuracies}
    assert evaluated["float32"].samples == evaluated["quantize:int8"].samples == 100
    assert evaluated["quantize:int8"].agreement >= 0.9


def test_samples_named_for_no_input_fail_the_recipe_and_then_the_run(shared, models, tmp_path):
    arrays = dict(np.load(models / "two_inputs.npz"))
    renamed = {key.replace("right", "wrong"): array for key, array in arrays.items()}
    np.savez(tmp_path / "d.npz", **renamed)
    ran = shared("run", models / "two_inputs.keras", "--data", "d.npz", *QUICK, "-r", "float32")
    assert ran.returncode == 2
    assert "the model's inputs are left, right" in ran.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own_layer.keras", "Could not locate class 'Mine'"),
        ("only.weights.h5", "holds weights and no model"),
        ("torn.h5", "truncated"),
        ("torn.keras", "is not a .keras file, or truncated"),
        ("no_weights.keras", "model.weights.h5"),
        ("empty_model.pb", "saved_model"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_line(shared, models, name, words):
    import zipfile

    path = shared.folder / name
    if name == "torn.h5":
        path.write_bytes((models / "old.h5").read_bytes()[:3000])
    elif name == "torn.keras":
        path.write_bytes((models / "dense.keras").read_bytes()[:3000])
    elif name == "no_weights.keras":
        with zipfile.ZipFile(models / "dense.keras") as old, zipfile.ZipFile(path, "w") as new:
            for part in ("config.json", "metadata.json"):
                new.writestr(part, old.read(part))
    elif name == "empty_model.pb":
        path = shared.folder / "exported"
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"")
    else:
        path = models / name
    ran = shared("run", path, *QUICK, "-q", "-r", "float32")
    assert ran.returncode in (2, 3)
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[-1].startswith("bench: error: ")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (shared.folder / "reports").exists()


def test_accuracy_is_the_same_in_a_batch_and_one_by_one(shared, models):
    """The fixed model cannot be brought into a batch; the dense one can, and both are right."""
    for name in ("dense.keras", "fixed.keras"):
        command = ("run", models / name, "-r", "float32", "--data", models / "data.npz")
        ran = shared(*command, *QUICK, "--report", f"{name}.jsonl")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        records = read(shared.folder / f"{name}.jsonl")
        (variant,) = records.session.variants
        data = np.load(models / "data.npz")
        right = answers(variant, data["x_test"]).argmax(axis=1) == data["y_test"]
        assert records.accuracies[0].top1 == pytest.approx(right.mean())


def test_agreement_where_there_are_no_labels(shared, models):
    command = ("run", models / "dense.keras", "--data", models / "unlabelled.npz", *QUICK)
    ran = shared(*command, "-r", "quantize:dynamic", "-r", "quantize:int8")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (path,) = (shared.folder / "reports").glob("*.jsonl")
    baseline, *others = read(path).accuracies
    assert baseline.top1 is None
    assert baseline.agreement is None
    assert [item.variant for item in others] == ["quantize:dynamic", "quantize:int8"]
    for item in others:
        assert 0.8 < item.agreement <= 1
        assert 0 < item.mean_difference < item.max_difference < 0.2


def test_a_worker_that_is_killed_fails_one_variant_and_the_others_are_built(cli, models):
    """By its own data, in the building process alone and only the first time."""
    (cli.folder / "deadly.py").write_text(
        "import os, pathlib, signal, sys\n"
        "import numpy as np\n"
        "def data():\n"
        "    marker = pathlib.Path('killed')\n"
        "    if 'bench.cli' not in sys.modules and not marker.exists():\n"
        "        marker.touch()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return {'x_calibration': np.zeros((9, 40), 'f4')}\n"
    )
    command = ("build", models / "dense.keras", "--data", "deadly:data")
    ran = cli(*command, "-r", "quantize:int8", "-r", "quantize:dynamic")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert (cli.folder / "killed").exists()
    assert "failed: float32: the building process ended by signal 9" in ran.stdout
    built_names = {line.split()[0] for line in ran.stdout.splitlines() if ".tflite" in line}
    assert built_names == {"quantize:int8", "quantize:dynamic"}
    again = cli(*command, "-r", "quantize:int8", "-r", "quantize:dynamic")
    assert again.returncode == 0


def test_an_interrupted_run_builds_nothing_again(cli, models, started, no_tensorflow):
    plan = ("-t", "local", "--launches", "3", "--runs", "3", "--warmup-s", "0.3")
    source = (models / "dense.keras", "-r", "quantize:dynamic")
    command = ("run", *source, *plan, "--report", "r.jsonl")
    process = started(cli.start(*command))
    for line in process.stderr:
        if line.startswith("measuring"):
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    cli.environment["PYTHONPATH"] = f"{cli.env()['PYTHONPATH']}:{no_tensorflow}"
    ran = cli(*command)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    cells = [(launch.variant, launch.block) for launch in read(cli.folder / "r.jsonl").launches]
    assert sorted(cells) == [(n, b) for n in ("float32", "quantize:dynamic") for b in range(3)]


def test_variants_are_copied_where_the_user_wants_them(shared, models):
    ran = shared("build", models / "dense.keras", "-r", "quantize:dynamic", "-o", "out/variants")
    assert ran.returncode == 0, ran.stderr
    copied = sorted(path.name for path in (shared.folder / "out/variants").iterdir())
    assert copied == ["float32.tflite", "quantize-dynamic.tflite"]
    assert "out/variants/quantize-dynamic.tflite" in ran.stdout
    facts = json.loads(shared("inspect", "--json", "out/variants/float32.tflite").stdout)
    assert facts["size_bytes"] == (shared.folder / "out/variants/float32.tflite").stat().st_size


def test_a_variants_name_is_its_canonical_recipe(cached, models):
    made = built(models / "dense.keras", "quantize:int8,io=int8", data=models / "data.npz")
    assert list(made) == ["float32", "quantize:int8"]
    assert made["quantize:int8"].name == "quantize:int8"


def test_the_library_raises_what_the_docstrings_say(cached, models, tmp_path):
    with pytest.raises(ModelError, match="Could not locate class 'Mine'"):
        built(models / "own_layer.keras")
    with pytest.raises(DataError, match="no data file"):
        built(models / "dense.keras", data=tmp_path / "none.npz")


def test_a_file_of_a_newer_keras_names_both_versions_and_the_upgrade(shared, models):
    import zipfile

    import keras

    path = shared.folder / "newer.keras"
    with zipfile.ZipFile(models / "dense.keras") as old, zipfile.ZipFile(path, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part == "metadata.json":
                content = json.dumps({**json.loads(content), "keras_version": "99.1.0"}).encode()
            new.writestr(part, content.replace(b'"Dense"', b'"DenseOfTomorrow"'))
    ran = shared("build", path, "-q", "-r", "float32")
    told = ran.stdout + ran.stderr
    assert "was saved by Keras 99.1.0" in told
    assert f"Keras {keras.__version__} cannot load it" in told
    assert "pip install 'keras>=99.1.0'" in told
    assert "Traceback" not in told


def test_own_layers_come_from_a_module(shared, models):
    code = (
        "import keras\n"
        "class Mine(keras.layers.Layer):\n"
        "    def __init__(self, factor=2.0, **options):\n"
        "        super().__init__(**options)\n"
        "        self.factor = factor\n"
        "    def call(self, x):\n"
        "        return x * self.factor\n"
        "    def get_config(self):\n"
        "        return {**super().get_config(), 'factor': self.factor}\n"
    )
    (shared.folder / "my_layers.py").write_text(code)
    command = ("build", models / "own_layer.keras", "-q", "-r", "quantize:dynamic")
    ran = shared(*command, "--custom-objects", "my_layers")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (shared.folder / "broken_layers.py").write_text("raise RuntimeError('no luck')\n")
    ran = shared(*command, "--custom-objects", "broken_layers")
    assert "cannot import 'broken_layers' (no luck)" in ran.stdout + ran.stderr
    without = shared(*command)
    assert "--custom-objects MODULE" in without.stdout + without.stderr


def test_what_nobody_foresaw_is_one_line_and_a_log(shared, models):
    """Here by a user's own layer, when it is converted; the next recipe is built all the same."""
    code = (
        "import keras\n"
        "class Mine(keras.layers.Layer):\n"
        "    def __init__(self, factor=2.0, **options):\n"
        "        super().__init__(**options)\n"
        "        self.calls = 0\n"
        "    def call(self, x):\n"
        "        self.calls += 1  # the first one is that of loading the model\n"
        "        if self.calls > 1:\n"
        "            raise ArithmeticError('one\\nand two')\n"
        "        return x\n"
    )
    (shared.folder / "odd_layers.py").write_text(code)
    command = ("build", models / "own_layer.keras", "-q", "-r", "quantize:dynamic")
    ran = shared(*command, "--custom-objects", "odd_layers")
    told = ran.stdout + ran.stderr
    assert ran.returncode in (2, 3)
    assert "ArithmeticError: one" in told
    assert "Traceback" not in told
    assert "the building process ended" not in told
