"""What is read from files of the real converter, held against the real interpreter."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.tflite.facts import check_file, kernel_weights, read_facts
from bench.tflite.rows import fact_rows

VARIANTS = ("float32", "dynamic", "float16", "int8", "int8_float_io", "int16x8")
COMPRESSED_VARIANTS = ("float32", "float16", "int8")
CENTROIDS = 16
SPARSITY = 0.5

Array = np.ndarray[Any, Any]


def _model() -> Any:
    """Convolution, depthwise and dense layers, with a batch norm that is folded away."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(32, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            layers.ReLU(6.0),
            layers.Conv2D(64, 1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        # So that folding changes every channel, and no bias is zero: those are left out.
        layer.set_weights(
            [rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in layer.get_weights()]
        )
    return model


def _change_kernels(model: Any, change: Callable[[Array], Array]) -> Any:
    for layer in model.layers:
        weights = layer.get_weights()
        if weights and weights[0].ndim > 1:
            layer.set_weights([change(weights[0]), *weights[1:]])
    return model


def _prune_and_cluster(kernel: Array) -> Array:
    """The smaller half of the weights becomes zero, the others the nearest of 14 centroids."""
    largest = np.abs(kernel).max()
    centroids = np.linspace(-largest, largest, CENTROIDS - 2, dtype=np.float32)  # none is zero
    nearest = centroids[np.abs(kernel[..., None] - centroids).argmin(axis=-1)]
    return np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, nearest)


def _samples() -> Iterator[list[Array]]:
    rng = np.random.default_rng(0)
    for _ in range(8):
        yield [rng.random((1, 12, 12, 3), dtype=np.float32)]


def _convert(model: Any, variant: str) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    ops = tf.lite.OpsSet
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant.startswith("int"):
        converter.representative_dataset = _samples
        converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
    if variant == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if variant == "int16x8":
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    if variant == "sparse":
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    with warnings.catch_warnings():
        # Said of every conversion with representative samples, which do give these statistics.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        return bytes(converter.convert())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file these tests need, converted once."""
    folder = tmp_path_factory.mktemp("converted")
    plain, compressed = _model(), _change_kernels(_model(), _prune_and_cluster)
    for variant in VARIANTS:
        (folder / f"plain-{variant}.tflite").write_bytes(_convert(plain, variant))
    for variant in COMPRESSED_VARIANTS:
        (folder / f"compressed-{variant}.tflite").write_bytes(_convert(compressed, variant))
    return folder


@pytest.fixture(params=VARIANTS)
def path(request: pytest.FixtureRequest, folder: Path) -> Path:
    return folder / f"plain-{request.param}.tflite"


def _interpreter(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter


def test_real_files_pass(path: Path) -> None:
    check_file(path)


def test_inputs_and_outputs_are_the_interpreters(path: Path) -> None:
    facts, interpreter = read_facts(path), _interpreter(path)
    for ours, details in (
        (facts.inputs, interpreter.get_input_details()),
        (facts.outputs, interpreter.get_output_details()),
    ):
        for port, detail in zip(ours, details, strict=True):
            scale, zero_point = detail["quantization"]
            assert port.name == detail["name"]
            assert port.shape == tuple(detail["shape"])
            assert port.shape_signature == tuple(detail["shape_signature"])
            assert port.dtype == np.dtype(detail["dtype"]).name
            assert port.scale == (pytest.approx(scale) if scale else None)
            assert (port.zero_point or 0) == zero_point
    signatures = interpreter.get_signature_list()
    assert {
        key: {
            "inputs": [port.name for port in signature.inputs],
            "outputs": [port.name for port in signature.outputs],
        }
        for key, signature in facts.signatures.items()
    } == signatures


def test_weights_are_the_interpreters(path: Path) -> None:
    interpreter = _interpreter(path)
    # A float16 constant and the float32 tensor unpacked from it may share a name.
    known = {(d["name"], np.dtype(d["dtype"]).name): d for d in interpreter.get_tensor_details()}
    weights = list(kernel_weights(path))
    assert [weight.op for weight in weights] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
    ]
    for weight in weights:
        detail = known[weight.name, weight.dtype]
        np.testing.assert_array_equal(weight.values, interpreter.get_tensor(detail["index"]))
        parameters = detail["quantization_parameters"]
        np.testing.assert_array_equal(weight.scale, parameters["scales"])
        if len(weight.scale) > 1:
            np.testing.assert_array_equal(weight.zero_point, parameters["zero_points"])
            assert weight.channel_axis == parameters["quantized_dimension"]


def test_ops_are_the_interpreters(path: Path) -> None:
    facts = read_facts(path)
    expected = Counter(op["op_name"] for op in _interpreter(path)._get_ops_details())
    assert {name: op.count for name, op in facts.ops.items()} == expected
    assert sum(facts.arithmetic.values()) == expected.total()


def test_versions_are_the_converters(path: Path) -> None:
    import tensorflow as tf

    facts = read_facts(path)
    assert facts.converter_version == tf.__version__
    assert facts.min_runtime_version.count(".") == 2
    assert facts.description == "MLIR Converted."


def test_parameters_are_kernels_and_biases(path: Path) -> None:
    kernels = 3 * 3 * 3 * 32 + 3 * 3 * 32 + 32 * 64 + 64 * 64 + 64 * 4
    facts = read_facts(path)
    assert facts.weight_elements == kernels
    assert facts.parameters == kernels + 32 + 32 + 64 + 64 + 4


@pytest.mark.parametrize(
    ("variant", "kinds", "int8_share", "integer_share"),
    [
        ("float32", {"float"}, 0, 0),
        ("float16", {"float", "conversion"}, 0, 0),
        ("dynamic", {"float", "hybrid"}, 0, 0),
        ("int8", {"int8"}, 1, 1),
        ("int8_float_io", {"int8", "conversion"}, 1, 1),
        ("int16x8", {"int16", "conversion"}, 0, 1),
    ],
)
def test_arithmetic_is_what_was_asked(
    folder: Path, variant: str, kinds: set[str], int8_share: float, integer_share: float
) -> None:
    facts = read_facts(folder / f"plain-{variant}.tflite")
    assert {kind for kind, count in facts.arithmetic.items() if count} == kinds
    assert (facts.int8_share, facts.integer_share) == (int8_share, integer_share)
    assert bool(facts.float_ops) is (integer_share == 0)


def test_real_weights_are_those_of_the_source(folder: Path) -> None:
    expected = {w.name: w.real for w in kernel_weights(folder / "plain-float32.tflite")}
    for variant, tolerance in (("float16", 1e-3), ("int8", 1e-2)):
        for weight in kernel_weights(folder / f"plain-{variant}.tflite"):
            source = expected[weight.name]
            np.testing.assert_allclose(weight.real, source, atol=tolerance * np.abs(source).max())


@pytest.mark.parametrize("variant", COMPRESSED_VARIANTS)
def test_clusters_survive_in_every_channel(folder: Path, variant: str) -> None:
    """Folding the batch norm scales the centroids of each channel by its own factor."""
    facts = read_facts(folder / f"compressed-{variant}.tflite")
    by_layer = facts.weights
    assert facts.unique_max_per_channel <= CENTROIDS
    assert by_layer[0].unique_max_per_channel > 4
    if variant != "int8":
        assert by_layer[0].unique > 4 * CENTROIDS
        assert by_layer[3].unique <= CENTROIDS  # a dense layer with no batch norm behind it
        assert by_layer[3].coding == "codebook per tensor"
    plain = read_facts(folder / f"plain-{variant}.tflite")
    assert plain.unique_max_per_channel > CENTROIDS
    assert facts.index_coded_bytes < plain.index_coded_bytes
    assert facts.zipped_bytes < plain.zipped_bytes


@pytest.mark.parametrize("variant", COMPRESSED_VARIANTS)
def test_pruned_weights_are_zero_in_the_file(folder: Path, variant: str) -> None:
    facts = read_facts(folder / f"compressed-{variant}.tflite")
    assert facts.sparsity >= SPARSITY
    for entry in facts.weights:
        assert entry.sparsity >= SPARSITY
        if variant == "float32":
            assert entry.sparsity == SPARSITY
    assert read_facts(folder / f"plain-{variant}.tflite").sparsity < 0.05


def test_a_sparsely_encoded_file_holds_the_same_weights(tmp_path: Path) -> None:
    """The converter encodes dense layers whose zeros come in blocks of 1×4."""

    def in_blocks(kernel: Array) -> Array:
        if kernel.ndim != 2 or kernel.shape[0] % 4:
            return kernel
        keep = np.random.default_rng(0).random((kernel.shape[0] // 4, 1, kernel.shape[1])) < 0.2
        return np.where(keep, kernel.reshape(-1, 4, kernel.shape[1]), 0).reshape(kernel.shape)

    model = _change_kernels(_model(), in_blocks)
    dense, sparse = tmp_path / "dense.tflite", tmp_path / "sparse.tflite"
    dense.write_bytes(_convert(model, "float32"))
    sparse.write_bytes(_convert(model, "sparse"))
    pairs = list(zip(kernel_weights(dense), kernel_weights(sparse), strict=True))
    for expected, found in pairs:
        assert (found.op, found.channel_axis) == (expected.op, expected.channel_axis)
        np.testing.assert_array_equal(found.values, expected.values)
    assert [found.is_sparse for _, found in pairs] == [False, False, False, True, True]
    assert read_facts(sparse).sparsity == read_facts(dense).sparsity


CRASHES = """
    import os, random, signal, sys
    from pathlib import Path
    from ai_edge_litert.interpreter import Interpreter
    from bench.tflite.facts import check_file
    from bench.errors import ModelError

    source, path = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
    rng = random.Random(0)
    passed = 0
    for _ in range(200):
        content = bytearray(source)
        content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content)
        try:
            check_file(path)
        except ModelError:
            continue
        passed += 1
        if (child := os.fork()) == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            signal.alarm(10)
            try:
                Interpreter(model_path=str(path)).allocate_tensors()
            finally:
                os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert not os.WIFSIGNALED(status) or os.WTERMSIG(status) == signal.SIGALRM, status
    print(passed)
"""


@pytest.mark.parametrize("variant", ["float16", "int8"])
def test_no_damaged_file_that_passes_crashes_the_interpreter(
    folder: Path, tmp_path: Path, variant: str
) -> None:
    arguments = [str(folder / f"plain-{variant}.tflite"), str(tmp_path / "damaged.tflite")]
    run = _python(CRASHES, *arguments)
    assert int(run) > 20


def test_facts_need_neither_tensorflow_nor_the_interpreter(folder: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from bench.tflite.facts import check_file, read_facts
        assert "ai_edge_litert" not in sys.modules
        path = Path(sys.argv[1])
        check_file(path)
        read_facts(path)
        heavy = {"tensorflow", "ai_edge_litert.interpreter", "keras", "pandas", "scipy"}
        print(sorted(heavy & sys.modules.keys()))
    """
    assert _python(code, str(folder / "plain-int8.tflite")) == "[]"


def _python(code: str, *arguments: str) -> str:
    """What a script prints in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_rows_hold_every_weight_and_op(path: Path) -> None:
    facts = read_facts(path)
    tables: Mapping[str, list[dict[str, Any]]] = fact_rows(facts)
    assert len(tables["weights"]) == len(facts.weights)
    assert len(tables["ops"]) == len(facts.ops)
