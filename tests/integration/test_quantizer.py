"""A ready float .tflite through the real quantizer, and a chain that ends in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import bench
from bench import workers
from bench.data import Split
from bench.errors import UsageError
from bench.quantizer.files import FloatFile
from bench.quantizer.judge import answers_of
from bench.tflite.facts import read_facts
from bench.values import Plan
from tests import tflite_files
from tests.flatbuffer_models import ModelBuilder, dense
from tests.integration.conftest import Cli
from tests.integration.make_models import SIZE

pytest.importorskip("litert_quantizer", reason="needs the extra [quantize]")

PLAN = Plan(launches=1, runs=3, warmup_s=0, warmup_runs=1)
WIDTH, CLASSES = 32, 5


@pytest.fixture(scope="module")
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, generator: np.random.Generator) -> Path:
    """Two dense layers with a ReLU between them."""
    builder = ModelBuilder()
    tensors = [builder.tensor("x", (1, WIDTH), signature=(-1, WIDTH))]
    for name, width in (("hidden", 64), ("classes", CLASSES)):
        before = builder.graph.tensors[tensors[-1]].shape[-1]
        weights = generator.normal(size=(width, before)).astype(np.float32)
        w = builder.tensor(f"net/{name}/w", (width, int(before)), data=weights)
        b = builder.tensor(f"net/{name}/b", (width,), data=np.zeros(width, np.float32))
        y = builder.tensor(f"net/{name}/y", (1, width), signature=(-1, width))
        builder.op("FULLY_CONNECTED", [tensors[-1], w, b], [y])
        # Where the quantizer writes the type of int16's biases.
        builder.graph.operators[-1].builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        builder.graph.operators[-1].builtinOptions = schema.FullyConnectedOptionsT()
        tensors.append(y)
        if name == "hidden":
            z = builder.tensor("net/relu/y", (1, width), signature=(-1, width))
            builder.op("RELU", [y], [z])
            tensors.append(z)
    builder.signature("serving_default", {"input": tensors[0]}, {"output": tensors[-1]})
    path = tmp_path_factory.mktemp("float") / "float.tflite"
    path.write_bytes(builder.pack([tensors[0]], [tensors[-1]]))
    return path


@pytest.fixture(scope="module")
def samples(file: Path, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Labels are the float file's own answers where these are clear enough for 8 bits."""
    arrays = {}
    for split in ("train", "validation", "test"):
        x = generator.normal(size=(1000, WIDTH)).astype(np.float32)
        answers = answers_of(file, "serving_default", Split({"input": x}))["output"]
        ordered = np.sort(answers, axis=1)
        clear = np.argsort(ordered[:, -2] - ordered[:, -1])[:300]
        arrays |= {f"x_{split}": x[clear], f"y_{split}": answers[clear].argmax(1)}
    return arrays


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def types(report: bench.Report, name: str) -> list[str]:
    (variant,) = (each for each in report.session.variants if each.name == name)
    return [weight.dtype for weight in read_facts(variant.path).weights]


def test_a_ready_float_file_takes_every_scheme_and_holds_what_it_says(file, samples):
    modes = ("w8a8", "w4a8", "w8a16", "w8", "w4", "mixed")
    report = bench.run(file, [f"quantize:{mode}" for mode in modes], samples, "local", plan=PLAN)
    assert report.failures == ()
    expected = {"w8a8": "int8", "w4a8": "int4", "w8a16": "int8", "w8": "int8", "w4": "int4"}
    for mode, dtype in expected.items():
        assert types(report, f"quantize:{mode}") == [dtype, dtype]
    by_name = {each.name: each for each in report.session.variants}
    assert by_name["float32"].path == file
    assert by_name["quantize:w8a8"].facts.inputs[0].dtype == "int8"
    assert by_name["quantize:w8a16"].facts.arithmetic["int16"] > 0
    assert by_name["quantize:w4"].facts.inputs[0].dtype == "float32"
    assert by_name["quantize:w4a8"].int4_share == 1.0
    chosen = by_name["quantize:w4a8"].steps["quantize"]
    assert chosen["chosen_on"] == 300
    assert chosen["chosen_by"] == "accuracy"


def test_mixed_keeps_its_loss_within_the_limit(file, samples):
    limits = ("0%", "100%")
    recipes = [f"quantize:mixed,max-loss={limit}" for limit in limits]
    report = bench.run(file, recipes, samples, "local", plan=PLAN)
    tight, loose = (each.steps["quantize"] for each in report.session.variants[1:])
    assert tight["loss"] <= 0.0
    assert [layer["bits"] for layer in loose["layers"].values()] == [4, 4]
    assert set(types(report, "quantize:mixed,max-loss=100%")) == {"int4"}


def test_without_labels_bits_are_chosen_by_the_float_files_answers(file, samples):
    unlabelled = {"x_calibration": samples["x_train"], "x_test": samples["x_test"]}
    report = bench.run(file, "quantize:w4a8", unlabelled, "local", plan=PLAN)
    assert report.session.variants[1].steps["quantize"]["chosen_by"] == "relative-error"


def test_the_same_file_comes_out_again_and_is_built_once(file, samples):
    first, second = (
        bench.run(file, "quantize:w4a8", samples, "local", plan=PLAN, fresh=True) for _ in "12"
    )
    assert first.session.variants[1].path == second.session.variants[1].path


def test_float_inputs_and_outputs_can_be_kept(file, samples):
    report = bench.run(file, "quantize:w8a8,io=float32", samples, "local", plan=PLAN)
    facts = report.session.variants[1].facts
    assert [port.dtype for port in (*facts.inputs, *facts.outputs)] == ["float32", "float32"]


@pytest.mark.parametrize(
    ("recipe", "data", "words"),
    [
        ("quantize:w8a8", False, "needs samples to calibrate on"),
        ("quantize:mixed", False, "needs samples to calibrate on"),
    ],
)
def test_what_is_missing_is_told_in_one_line(file, samples, recipe, data, words):
    report = bench.run(file, recipe, samples if data else None, "local", plan=PLAN)
    (failure,) = report.failures
    assert words in failure.message
    assert "\n" not in failure.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (dense(np.ones((4, 8), np.int8), scale=(0.5,)), "is quantized already"),
        (tflite_files.add(), "has no signature"),
        (tflite_files.two_signatures(), "to choose from"),
    ],
)
def test_files_that_the_quantizer_cannot_take_are_refused(tmp_path, content, words):
    path = tmp_path / "x.tflite"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        FloatFile(path, None)


def test_a_model_with_nothing_to_store_in_4_bits_is_told(tmp_path, samples):
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, WIDTH)), builder.tensor("y", (1, WIDTH))
    builder.op("TANH", [x], [y])
    builder.signature("serving_default", {"input": x}, {"output": y})
    (tmp_path / "x.tflite").write_bytes(builder.pack([x], [y]))
    given = {"x_train": samples["x_train"]}
    report = bench.run(tmp_path / "x.tflite", "quantize:w4", given, "local", plan=PLAN)
    assert "no layer of the model has a 4-bit form" in report.failures[0].message


def test_without_the_extra_the_cure_is_told(file, samples, monkeypatch):
    real = workers.version
    monkeypatch.setattr(
        workers, "version", lambda name: None if name == "litert-quantizer" else real(name)
    )
    report = bench.run(file, "quantize:w8a8", samples, "local", plan=PLAN)
    assert "tflite-bench[quantize]" in report.failures[0].hint


def test_recipes_that_train_need_the_source_model(file, samples):
    with pytest.raises(UsageError, match=r"prune:0\.5\+quantize:w4a8 needs the source model"):
        bench.run(file, "prune:0.5+quantize:w4a8", samples, "local", plan=PLAN)


def test_a_chain_ends_in_4_bits_and_keeps_what_was_trained(cli: Cli, models: Path, generator):
    x = generator.normal(size=(200, SIZE)).astype(np.float32)
    labels = generator.integers(0, 3, 200)
    np.savez(cli.folder / "own.npz", x_train=x, y_train=labels, x_test=x, y_test=labels)
    recipe = "prune:0.5,epochs=1+cluster:8,epochs=1+quantize:w4a8"
    ran = cli(
        *("run", models / "dense.keras", "--data", "own.npz", "-r", recipe),
        *("-t", "local", "--launches", "1", "--runs", "3", "--report", "run.jsonl"),
        *("--columns", "int4"),
    )
    assert ran.returncode == 0, ran.stderr
    assert "4-bit" in ran.stdout
    variant = bench.read(str(cli.folder / "run.jsonl")).session.variants[1]
    assert variant.int4_share == 1.0
    assert variant.facts.sparsity >= 0.49
    assert set(variant.steps) >= {"prune", "cluster", "quantize"}


def test_building_without_tensorflow_is_for_ready_files(file, tmp_path, samples, monkeypatch):
    """What a ready file takes imports no TensorFlow: the building process is never started."""
    started = []
    from bench.build import process

    real = process.Worker

    def spy(module: str, *arguments: object, **options: object) -> object:
        started.append(module)
        return real(module, *arguments, **options)

    monkeypatch.setattr(process, "Worker", spy)
    bench.run(file, "quantize:w8a8", samples, "local", plan=PLAN)
    assert started == ["bench.quantizer.worker"]
