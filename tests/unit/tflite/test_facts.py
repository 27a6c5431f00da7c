"""What is read from a .tflite, on files made by hand whose facts are known."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.errors import ModelError
from bench.records import encoding
from bench.tflite.facts import (
    WeightTensor,
    __all__,
    block_sparsity,
    check_file,
    follows_m_by_n,
    kernel_weights,
    read_facts,
    zipped_bytes,
)
from bench.tflite.rows import fact_rows
from bench.tflite.values import FileFacts, OpCount, Port, WeightFacts
from tests.flatbuffer_models import Array, ModelBuilder, dense

WEIGHTS = np.array([[0.0, 1.5, -0.0, 2.5], [1.5, 0.25, 0.0, 1.5]], np.float32)
TINY = dense(WEIGHTS)


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes, name: str = "model.tflite") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def weight(path: Path) -> WeightTensor:
    (only,) = kernel_weights(path)
    return only


# --- files that cannot be used -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "m.tflite", "is empty"),
        (b"abc", "m.tflite", "a text file"),
        (b"\xff\xfe\xfd", "m.tflite", "only 3 bytes"),
        (bytes(64), "m.tflite", "nothing but zero bytes"),
        (b"PK\x03\x04" + bytes(80), "m.tflite", "a zip archive"),
        (b"PK\x03\x04" + bytes(80), "m.keras", "a Keras 3 model"),
        (b"PK\x03\x04...config.json...model.weights.h5", "m.tflite", "a Keras 3 model"),
        (b"\x89HDF\r\n\x1a\n" + bytes(80), "m.tflite", "HDF5"),
        (b"\x08\x07\x12\x07pytorch\x1a\x04onnx" + bytes(9), "m.tflite", "an ONNX model"),
        (b"\x08\x07\x12\x07whatever", "m.onnx", "an ONNX model"),
        (b"\x0a\x10\x0a\x05input\x12\x0bPlaceholder\xff", "m.tflite", "a protocol buffer"),
        (b"<!DOCTYPE html><html>", "m.tflite", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "m.tflite", "a Git LFS pointer"),
        (b"\x1f\x8b" + bytes(20), "m.tflite", "a gzip archive"),
        (b"\x1c\0\0\0XYZ3" + bytes(range(60)), "m.tflite", "a format unknown"),
    ],
)
def test_what_is_no_tflite_is_named(file: Any, content: bytes, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        check_file(file(content, name))
    assert name in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        check_file(tmp_path / "none.tflite")


def test_a_folder_and_a_saved_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        check_file(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ModelError, match="is a SavedModel folder"):
        check_file(tmp_path)


def test_a_model_cut_at_any_byte_is_refused(file: Any) -> None:
    for end in range(len(TINY)):
        with pytest.raises(ModelError):
            read_facts(file(TINY[:end]))


def test_a_damaged_file_says_how_long_it_is(file: Any) -> None:
    with pytest.raises(ModelError, match="truncated or damaged") as caught:
        check_file(file(TINY[:-40]))
    assert str(len(TINY) - 40) in caught.value.hint


flips = st.lists(
    st.tuples(st.integers(0, len(TINY) - 1), st.integers(0, 255)), min_size=1, max_size=12
)


@settings(deadline=None, max_examples=400)
@given(flips)
def test_a_damaged_model_gives_facts_or_a_model_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(TINY)
    for position, value in changes:
        content[position] = value
    path = tmp_path_factory.getbasetemp() / "flipped.tflite"
    path.write_bytes(content)
    try:
        facts = read_facts(path)
    except ModelError:
        return
    assert encoding.decode(encoding.encode(facts), FileFacts) == facts
    fact_rows(facts)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff" * 60)
@example(b"\0" * 4)
def test_bytes_behind_the_identifier_give_a_model_error(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tflite"
    path.write_bytes(b"\x10\0\0\0TFL3" + noise)
    with pytest.raises(ModelError):
        read_facts(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: setattr(m, "version", 2), "schema version 2"),
        (lambda m: setattr(m, "subgraphs", []), "holds no graph"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "buffer", 99), "buffer 99 of"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "type", 99), "tensor type 99"),
        (lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 9), "operator code 9"),
        (lambda m: m.subgraphs[0].operators[0].inputs.__setitem__(0, 77), "tensor 77 of"),
        (lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [5000, 4]), "of 80000 bytes"),
        (lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [-1, 4]), "of -16 bytes"),
        (lambda m: setattr(m.signatureDefs[0], "subgraphIndex", 3), "subgraph 3 of 1"),
        (
            lambda m: setattr(
                m.subgraphs[0].tensors[1],
                "quantization",
                schema.QuantizationParametersT(scale=[0.1] * 3, zeroPoint=[0] * 3),
            ),
            "3 scales for shape",
        ),
    ],
)
def test_a_reference_to_what_is_not_there_is_named(file: Any, change: Any, words: str) -> None:
    builder = ModelBuilder()
    x = builder.tensor("x", (1, 4))
    w = builder.tensor("w", (2, 4), data=WEIGHTS)
    y = builder.tensor("y", (1, 2))
    builder.op("FULLY_CONNECTED", [x, w, -1], [y])
    builder.signature("serve", {"x": x}, {"y": y})
    check_file(file(builder.pack([x], [y])))
    change(builder.model)
    with pytest.raises(ModelError, match=words):
        check_file(file(builder.pack([x], [y])))


# --- ops that the stock runtimes do not have ------------------------------------------------------


def custom(name: str, options: bytes = b"") -> bytes:
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 4))
    builder.op(name, [x], [y], custom=True)
    if options:
        builder.graph.operators[0].customOptions = np.frombuffer(options, np.uint8)
    return builder.pack([x], [y])


@pytest.mark.parametrize(
    ("name", "words"), [("FlexErf", r"'Erf' \(FlexErf\)"), ("MyOp", "custom op 'MyOp'")]
)
def test_ops_without_a_kernel_are_named(file: Any, name: str, words: str) -> None:
    path = file(custom(name))
    with pytest.raises(ModelError, match=words):
        check_file(path)
    check_file(path, runnable=False)
    assert read_facts(path).ops == {name: OpCount(count=1, max_version=1)}


def test_custom_ops_of_the_runtime_need_their_options(file: Any) -> None:
    check_file(file(custom("TFLite_Detection_PostProcess", b"options")))
    with pytest.raises(ModelError, match="without its options"):
        check_file(file(custom("TFLite_Detection_PostProcess")))


def test_weights_in_another_file_are_refused(file: Any) -> None:
    path = file(dense(WEIGHTS, external=1))
    with pytest.raises(ModelError, match="another file"):
        check_file(path)


def test_weights_behind_the_flatbuffer_are_read(file: Any) -> None:
    """Files beyond 2 GB keep their weights behind the flatbuffer, at an absolute offset."""
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 2))
    builder.model.buffers.append(schema.BufferT(offset=2, size=WEIGHTS.nbytes))
    w = builder.tensor("w", WEIGHTS.shape, buffer=1)
    builder.op("FULLY_CONNECTED", [x, w, -1], [y])
    content = builder.pack([x], [y])
    builder.model.buffers[1].offset = len(content)
    content = builder.pack([x], [y]) + WEIGHTS.tobytes()
    np.testing.assert_array_equal(weight(file(content)).values, WEIGHTS)
    with pytest.raises(ModelError, match="weights at byte"):
        check_file(file(content[:-1]))


# --- facts ----------------------------------------------------------------------------------------


def test_facts_of_a_float_model(file: Any) -> None:
    facts = read_facts(file(TINY))
    assert facts.size_bytes == len(TINY)
    assert facts.description == "made by hand"
    assert facts.min_runtime_version == "2.3.0"
    assert facts.converter_version is None
    assert facts.parameters == 8 + 2
    assert facts.ops == {"FULLY_CONNECTED": OpCount(count=1, max_version=4)}
    assert facts.float_ops == {"FULLY_CONNECTED": 1}
    assert facts.int8_share == 0
    assert facts.inputs == (
        Port(
            name="x",
            shape=(1, 4),
            shape_signature=(-1, 4),
            dtype="float32",
            scale=None,
            zero_point=None,
        ),
    )
    assert facts.signatures["serving_default"].inputs[0].tensor == "x"
    (entry,) = facts.weights
    assert entry == WeightFacts(
        name="w",
        op="FULLY_CONNECTED",
        shape=(2, 4),
        dtype="float32",
        elements=8,
        zeros=3,
        sparsity=3 / 8,
        unique=4,
        unique_max_per_channel=3,
        channel_axis=0,
        stored_bytes=32,
        is_sparse=False,
        # A short last group counts as filled up with zeros.
        zeros_in_each={2: 0, 4: 1, 8: 1 + 4, 16: 1 + 12},
        # 4 values: 8 indices of 2 bits and a codebook of 4 × 4 bytes.
        index_coded_bytes=2 + 16,
        coding="codebook per tensor",
    )
    assert facts.sparsity == 3 / 8
    assert (facts.weight_zeros, facts.weight_elements) == (3, 8)
    assert facts.index_coded_bytes == len(TINY) - 32 + 18
    assert encoding.decode(encoding.encode(facts), FileFacts) == facts


def test_zipped_is_a_deflate_stream_without_headers() -> None:
    size = zipped_bytes(TINY)
    headers_of_zlib = 2 + 4
    assert size == len(zlib.compress(TINY, 9)) - headers_of_zlib


def test_zeros_of_quantized_weights_are_at_the_zero_point(file: Any) -> None:
    stored = np.array([[7, 7, 0], [1, 2, 7]], np.uint8)
    path = file(dense(stored, scale=(0.5,), zero_point=(7,)))
    assert read_facts(path).weights[0].zeros == 3
    np.testing.assert_array_equal(weight(path).real, (stored.astype(np.float32) - 7) * 0.5)


def test_zero_points_may_differ_by_channel(file: Any) -> None:
    stored = np.array([[1, 2], [1, 2]], np.int8)
    path = file(dense(stored, scale=(1.0, 2.0), zero_point=(1, 2)))
    np.testing.assert_array_equal(weight(path).is_zero, [[True, False], [False, True]])
    np.testing.assert_array_equal(weight(path).real, [[0, 1], [-2, 0]])


def test_folding_leaves_the_clusters_of_each_channel(file: Any) -> None:
    rng = np.random.default_rng(0)
    clustered = rng.normal(size=4).astype(np.float32)[rng.integers(0, 4, (64, 100))]
    folded = clustered * rng.uniform(0.5, 2, (64, 1)).astype(np.float32)
    (entry,) = read_facts(file(dense(folded))).weights
    assert entry.unique_max_per_channel == 4
    assert entry.unique == 64 * 4
    assert entry.coding == "codebook per channel"
    assert entry.index_coded_bytes == 64 * 100 * 2 // 8 + 64 * 4 * 4


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int16", "uint8"])
def test_unique_values_agree_with_a_plain_count(file: Any, dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 90, (31, 37)).astype(dtype)
    scale = {} if "float" in dtype else {"scale": (1.0,)}
    (entry,) = read_facts(file(dense(values, **scale))).weights
    assert entry.unique == len(set(values.ravel().tolist()))
    assert entry.unique_max_per_channel == max(len(set(row)) for row in values.tolist())


def test_channels_follow_the_op(file: Any) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 8, 8, 2)), builder.tensor("y", (1, 6, 6, 2))
    values = np.arange(18, dtype=np.float32).reshape(1, 3, 3, 2)
    w = builder.tensor("w", values.shape, data=values)
    builder.op("DEPTHWISE_CONV_2D", [x, w, -1], [y])
    found = weight(file(builder.pack([x], [y])))
    assert found.channel_axis == 3
    np.testing.assert_array_equal(found.channels, [values[..., 0].ravel(), values[..., 1].ravel()])


def test_float16_weights_belong_to_the_kernel_behind_dequantize(file: Any) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 2))
    half = builder.tensor("w16", (2, 4), "float16", data=WEIGHTS.astype(np.float16))
    full = builder.tensor("w32", (2, 4))
    builder.op("DEQUANTIZE", [half], [full])
    builder.op("FULLY_CONNECTED", [x, full, -1], [y])
    facts = read_facts(file(builder.pack([x], [y])))
    (entry,) = facts.weights
    assert (entry.name, entry.op, entry.dtype) == ("w16", "FULLY_CONNECTED", "float16")
    assert facts.arithmetic["conversion"] == 1
    assert facts.float_ops == {"FULLY_CONNECTED": 1}


def test_a_constant_and_what_it_is_unpacked_to_are_of_one_size(file: Any) -> None:
    builder = ModelBuilder()
    half = builder.tensor("w16", (2, 4), "float16", data=WEIGHTS.astype(np.float16))
    builder.op("DEQUANTIZE", [half], [builder.tensor("w32", (2, 4000))])
    with pytest.raises(ModelError, match="'w32' is not of the size"):
        check_file(file(builder.pack()))


def test_a_sparse_tensor_of_an_impossible_size_allocates_nothing(file: Any) -> None:
    sparsity = csr(2**31 - 1, [0, 1], [0])
    path = file(dense(np.zeros((3, 4), np.int8), data=bytes(3), sparsity=sparsity))
    with pytest.raises(ModelError, match="damaged or too large"):
        list(kernel_weights(path))


def test_int4_weights_are_unpacked(file: Any) -> None:
    values = np.array([[-8, 7, 0], [1, -1, 0], [3, 3, 3]], np.int8)
    nibbles = np.append(values.ravel(), 0).astype(np.uint8) & 15
    packed = (nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8).tobytes()
    path = file(dense(values, "int4", data=packed, scale=(0.1,)))
    np.testing.assert_array_equal(weight(path).values, values)
    (entry,) = read_facts(path).weights
    assert (entry.zeros, entry.stored_bytes, entry.unique) == (2, 5, 6)


def test_biases_and_constants_are_no_kernel_weights(file: Any) -> None:
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (4, 1))
    shape = builder.tensor("shape", (2,), "int32", data=np.array([4, 1], np.int32))
    factor = builder.tensor("factor", (4,), data=np.zeros(4, np.float32))
    z = builder.tensor("z", (1, 4))
    builder.op("MUL", [x, factor], [z])
    builder.op("RESHAPE", [z, shape], [y])
    facts = read_facts(file(builder.pack([x], [y])))
    assert facts.weights == ()
    assert facts.sparsity == 0
    assert facts.parameters == 4


def test_a_buffer_used_twice_counts_once(file: Any) -> None:
    builder = ModelBuilder()
    buffer = builder.buffer(WEIGHTS.tobytes())
    for _ in range(2):
        x, y = builder.tensor("x", (1, 4)), builder.tensor("y", (1, 2))
        w = builder.tensor("w", (2, 4), buffer=buffer)
        builder.op("FULLY_CONNECTED", [x, w, -1], [y])
        builder.subgraph()
    facts = read_facts(file(builder.pack()))
    assert len(facts.weights) == 1
    assert facts.parameters == 8
    assert facts.ops["FULLY_CONNECTED"].count == 2
    assert facts.subgraphs == 3


@pytest.mark.parametrize(
    ("op", "inputs", "output", "kind"),
    [
        ("FULLY_CONNECTED", ["float32", "=float32"], "float32", "float"),
        ("FULLY_CONNECTED", ["float32", "=int8"], "float32", "hybrid"),
        ("FULLY_CONNECTED", ["int8", "=int8", "=int32"], "int8", "int8"),
        ("FULLY_CONNECTED", ["int16", "=int8", "=int64"], "int16", "int16"),
        ("SOFTMAX", ["uint8"], "uint8", "int8"),
        ("ARG_MAX", ["int8", "=int32"], "int64", "int8"),
        ("QUANTIZE", ["float32"], "int8", "conversion"),
        ("DEQUANTIZE", ["int8"], "float32", "conversion"),
        ("CAST", ["int32"], "int64", "other"),
        ("SHAPE", ["float32"], "int32", "float"),
        ("ADD", ["int32", "=int32"], "int32", "other"),
    ],
)
def test_arithmetic(file: Any, op: str, inputs: list[str], output: str, kind: str) -> None:
    builder = ModelBuilder()
    indices = []
    for number, text in enumerate(inputs):
        dtype = text.removeprefix("=")
        data = np.zeros((1, 4), dtype) if text.startswith("=") else None
        indices.append(builder.tensor(f"i{number}", (1, 4), dtype, data=data))
    y = builder.tensor("y", (1, 4), output)
    builder.op(op, indices, [y])
    facts = read_facts(file(builder.pack(indices[:1], [y])))
    assert {name for name, count in facts.arithmetic.items() if count} == {kind}


def test_shares_leave_out_what_does_not_compute(file: Any) -> None:
    builder = ModelBuilder()
    x, z = builder.tensor("x", (1, 4)), builder.tensor("z", (1, 4))
    q = [builder.tensor(f"q{i}", (1, 4), dtype) for i, dtype in enumerate(["int8", "int8"])]
    builder.op("QUANTIZE", [x], [q[0]])
    builder.op("RELU", [q[0]], [q[1]])
    builder.op("DEQUANTIZE", [q[1]], [z])
    facts = read_facts(file(builder.pack([x], [z])))
    assert (facts.int8_share, facts.integer_share) == (1, 1)
    assert facts.float_ops == {}


# --- sparse encoding ------------------------------------------------------------------------------


def csr(dense_rows: int, segments: list[int], indices: list[int], blocks: Any = ()) -> Any:
    """Rows dense, columns compressed, then dense levels within a block."""
    kinds = schema.SparseIndexVector
    levels = [
        schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=dense_rows),
        schema.DimensionMetadataT(
            format=schema.DimensionType.SPARSE_CSR,
            arraySegmentsType=kinds.Uint8Vector,
            arraySegments=schema.Uint8VectorT(values=np.array(segments, np.uint8)),
            arrayIndicesType=kinds.Uint16Vector,
            arrayIndices=schema.Uint16VectorT(values=np.array(indices, np.uint16)),
        ),
    ]
    levels += [schema.DimensionMetadataT(denseSize=size) for size, _ in blocks]
    return schema.SparsityParametersT(
        traversalOrder=np.arange(len(levels), dtype=np.int32),
        blockMap=np.array([axis for _, axis in blocks], np.int32),
        dimMetadata=levels,
    )


def test_a_sparse_tensor_is_unfolded(file: Any) -> None:
    values = np.array([[0, 5, 0, 6], [0, 0, 0, 0], [7, 0, 0, 0]], np.int8)
    sparsity = csr(3, [0, 2, 2, 3], [1, 3, 0])
    path = file(dense(values, data=bytes([5, 6, 7]), sparsity=sparsity, scale=(1.0,)))
    np.testing.assert_array_equal(weight(path).values, values)
    (entry,) = read_facts(path).weights
    assert (entry.is_sparse, entry.zeros, entry.stored_bytes) == (True, 9, 3)


def test_a_block_sparse_tensor_is_unfolded(file: Any) -> None:
    values = np.zeros((4, 4), np.float32)
    values[0:2, 2:4] = [[1, 2], [3, 4]]
    values[2:4, 0:2] = [[5, 6], [7, 8]]
    sparsity = csr(2, [0, 1, 2], [1, 0], blocks=((2, 0), (2, 1)))
    stored = np.arange(1, 9, dtype=np.float32).tobytes()
    found = weight(file(dense(values, data=stored, sparsity=sparsity)))
    np.testing.assert_array_equal(found.values, values)
    assert block_sparsity(found.matrix, (2, 2)) == 0.5


@pytest.mark.parametrize(
    ("segments", "indices"),
    [([0, 2, 2, 3], [1, 3, 9]), ([0, 2, 2, 9], [1, 3, 0]), ([0, 2], [1, 3]), ([3, 0, 1, 2], [0])],
)
def test_a_damaged_sparse_tensor_is_refused(
    file: Any, segments: list[int], indices: list[int]
) -> None:
    path = file(dense(np.zeros((3, 4), np.int8), data=bytes(3), sparsity=csr(3, segments, indices)))
    with pytest.raises(ModelError, match="sparse tensor 'w'"):
        list(kernel_weights(file(path.read_bytes())))


# --- patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "follows"),
    [
        ([0, 0, 1, 1, 1, 0, 0, 1], True),
        ([0, 1, 1, 1, 0, 0, 0, 0], False),
        ([0, 0, 1, 1, 1, 1], True),  # the last group is filled up with zeros
        ([0, 0, 1, 1, 1, 1, 1], False),
        ([0, 0, 0, 0], True),
    ],
)
def test_two_by_four(row: list[int], follows: bool) -> None:
    assert follows_m_by_n(np.array([row, [0] * len(row)]), 2, 4) is follows


def test_groups_do_not_cross_rows() -> None:
    assert not follows_m_by_n(np.array([[1, 1, 1, 0], [0, 0, 0, 1]]), 2, 4)
    assert follows_m_by_n(np.array([[0, 0, 1], [1, 0, 0]]), 2, 3)


def test_block_sparsity_counts_whole_blocks() -> None:
    weights = np.zeros((4, 6))
    weights[0, 0] = weights[3, 5] = 1
    assert block_sparsity(weights, (4, 1)) == pytest.approx(4 / 6)
    assert block_sparsity(weights, (1, 4)) == pytest.approx(6 / 8)
    assert block_sparsity(np.zeros((0, 4)), (1, 4)) == 0


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.data())
def test_block_sparsity_agrees_with_a_plain_count(
    rows: int, columns: int, height: int, width: int, data: st.DataObject
) -> None:
    bits = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    weights: Array = np.array(bits, np.float32).reshape(rows, columns)
    blocks = [
        not weights[r : r + height, c : c + width].any()
        for r in range(0, rows, height)
        for c in range(0, columns, width)
    ]
    assert math.isclose(block_sparsity(weights, (height, width)), np.mean(blocks))


# --- tables ---------------------------------------------------------------------------------------


def test_rows_are_tables_with_one_heading_each(file: Any) -> None:
    tables = fact_rows(read_facts(file(TINY)))
    assert list(tables) == ["model", "inputs and outputs", "ops", "weights"]
    for table in tables.values():
        assert table
        assert len({tuple(row) for row in table}) == 1
    assert tables["weights"][0]["zeros"] == "37.5 %"
    assert tables["inputs and outputs"][0]["shape"] == "?×4"


def test_public_names() -> None:
    assert __all__ == sorted(__all__)
