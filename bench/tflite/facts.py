"""The facts of a .tflite: sparsity, unique weights, arithmetic, ops by type, sizes.

Everything here is read from the file's own bytes, with no TensorFlow and no interpreter: what a
recipe asks for is verified in the file itself. A damaged file is a ``ModelError``.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import ModelError
from bench.tflite import reader
from bench.tflite.reader import Graph, Operator, Subgraph, Tensor
from bench.tflite.scales import scale_bits
from bench.tflite.values import FileFacts, OpCount, Port, Signature, WeightFacts
from bench.tflite.weights import (
    WeightTensor,
    block_sparsity,
    fewest_zeros,
    follows_m_by_n,
    is_weight_type,
    of_kernels,
    unique_values,
)

__all__ = [
    "WeightTensor",
    "block_sparsity",
    "check_file",
    "follows_m_by_n",
    "kernel_weights",
    "read_facts",
    "zipped_bytes",
]

FACTS_SCHEMA = 6
"""Raised whenever the facts of the same file would come out otherwise."""

GROUPS = (2, 4, 8, 16)
"""Sizes of the groups of weights in which m:n sparsity is looked for."""

CUSTOM_OPS_OF_THE_RUNTIME = frozenset(
    {"AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"}
)
"""Custom ops that the stock interpreter and benchmark_model bring along."""

ARITHMETIC: Mapping[str, str] = {
    "float": "its computed tensors are floats, and so are its weights",
    "hybrid": "its computed tensors are floats, its weights are integers (dynamic range)",
    "int8": "no computed tensor is a float, and at least one is int8 or uint8",
    "int16": "no computed tensor is a float, and at least one is int16",
    "conversion": "QUANTIZE, DEQUANTIZE, CAST or DENSIFY between a float and another type",
    "other": "only indices, shapes, booleans, strings or resources",
}
"""How an op computes. *Computed* tensors are inputs and outputs that are no stored constants."""

_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST", "DENSIFY"}
_DEFLATE_LEVEL = 9


def check_file(path: Path, *, runnable: bool = True) -> None:
    """See that a file is an intact .tflite before any runtime is handed it.

    Args:
        path: of the file.
        runnable: also see that the stock runtimes can run it: no Flex op, no custom op they do not
            bring along, no weights in another file.

    Raises:
        ModelError: in one line, what is wrong with it and what to do.
    """
    graph = reader.load(path)
    if not runnable:
        return
    for subgraph in graph.subgraphs:
        for op in subgraph.operators:
            _check_op(path, op)
        for tensor in subgraph.tensors:
            if tensor.external:
                raise ModelError(
                    f"{path} keeps the weights of {tensor.name!r} in another file",
                    hint="export it again with its weights inside",
                )


def _check_op(path: Path, op: Operator) -> None:
    if not op.is_custom:
        return
    if op.type in CUSTOM_OPS_OF_THE_RUNTIME:
        if not op.has_custom_options:  # the runtime would follow a null pointer
            raise ModelError(
                f"{path} has the op {op.type!r} without its options", hint="convert it again"
            )
        return
    if op.type.startswith("Flex"):
        raise ModelError(
            f"{path} needs TensorFlow's own op {op.type.removeprefix('Flex')!r} ({op.type})",
            hint="convert it without SELECT_TF_OPS, and replace the layer that needs the op",
        )
    raise ModelError(
        f"{path} needs the custom op {op.type!r}, which the stock runtimes do not have",
        hint="replace the layer that makes it by builtin ops, and convert it again",
    )


def kernel_weights(path: Path) -> Iterator[WeightTensor]:
    """The weights of all kernels as dense arrays, each stored buffer once, in order of use.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    return of_kernels(reader.load(path))


def zipped_bytes(content: bytes) -> int:
    """Size as a member of a zip archive: deflate (RFC 1951) at level 9, without zip's headers.

    Level 9 takes 0.04 s per MB on weights that do not compress, and up to 0.7 s on clustered ones.
    """
    deflate = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return len(deflate.compress(content)) + len(deflate.flush())


def facts_of(content: bytes) -> FileFacts:
    """All facts of a .tflite that is not on disk.

    Raises:
        ModelError: it is no intact .tflite.
    """
    return _facts(reader.parse(content))


def read_facts(path: Path) -> FileFacts:
    """All facts of a .tflite.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    return replace(_facts(reader.load(path)), path=path)


def _facts(graph: Graph) -> FileFacts:
    main = graph.subgraphs[0]
    tensors = [tensor for subgraph in graph.subgraphs for tensor in subgraph.tensors]
    weights = tuple(_weight_facts(weight) for weight in of_kernels(graph))
    elements = sum(weight.elements for weight in weights)
    zeros = sum(weight.zeros for weight in weights)
    saved = sum(weight.stored_bytes - weight.index_coded_bytes for weight in weights)
    kinds, float_ops = _arithmetic(graph)
    computing = sum(kinds[kind] for kind in ("float", "hybrid", "int8", "int16"))
    return FileFacts(
        size_bytes=len(graph.content),
        sha256=hashlib.sha256(graph.content).hexdigest(),
        zipped_bytes=zipped_bytes(graph.content),
        index_coded_bytes=len(graph.content) - saved,
        parameters=_parameters(graph),
        description=graph.description,
        converter_version=_converter_version(graph),
        min_runtime_version=_min_runtime_version(graph),
        subgraphs=len(graph.subgraphs),
        inputs=tuple(_port(main.tensors[i]) for i in main.inputs if i >= 0),
        outputs=tuple(_port(main.tensors[i]) for i in main.outputs if i >= 0),
        signatures=_signatures(graph),
        ops=_ops(graph),
        arithmetic=kinds,
        int8_share=kinds["int8"] / computing if computing else None,
        integer_share=(kinds["int8"] + kinds["int16"]) / computing if computing else None,
        float_ops=float_ops,
        float_outputs=float_outputs(graph) if kinds["int8"] + kinds["int16"] else (),
        weights=weights,
        weight_elements=elements,
        weight_zeros=zeros,
        sparsity=zeros / elements if elements else 0.0,
        unique_max_per_channel=max((w.unique_max_per_channel for w in weights), default=0),
        quantization_bytes=_quantization_bytes(tensors),
        scale_bits=scale_bits(graph),
        name_bytes=sum(len(tensor.name.encode()) for tensor in tensors),
    )


def _quantization_bytes(tensors: Sequence[Tensor]) -> int:
    """Of scales and zero points; what several tensors share is stored, and counted, once."""
    found = [tensor.quantization for tensor in tensors if tensor.quantization is not None]
    arrays = [array for one in found for array in (one.scale, one.zero_point)]
    return sum({one.__array_interface__["data"][0]: one.nbytes for one in arrays}.values())


def _weight_facts(weight: WeightTensor) -> WeightFacts:
    total, per_channel = unique_values(weight.channels)
    elements, zeros = int(weight.values.size), int(weight.is_zero.sum())
    bits = reader.BITS[weight.dtype]

    def coded(most: int, codebooks: int) -> int:
        index_bits = math.ceil(math.log2(most)) if most else 0
        return math.ceil(elements * index_bits / 8) + math.ceil(codebooks * bits / 8)

    most = int(per_channel.max(initial=0))
    sizes = {
        "stored": weight.stored_bytes,
        "codebook per tensor": coded(total, total),
        "codebook per channel": coded(most, int(per_channel.sum())),
    }
    coding = min(sizes, key=lambda name: sizes[name])
    return WeightFacts(
        name=weight.name,
        op=weight.op,
        shape=weight.values.shape,
        dtype=weight.dtype,
        elements=elements,
        zeros=zeros,
        sparsity=zeros / elements if elements else 0.0,
        unique=total,
        unique_max_per_channel=most,
        channel_axis=weight.channel_axis,
        stored_bytes=weight.stored_bytes,
        is_sparse=weight.is_sparse,
        index_coded_bytes=sizes[coding],
        coding=coding,
        zeros_in_each={n: fewest_zeros(weight.matrix, n) for n in GROUPS},
    )


def _parameters(graph: Graph) -> int:
    by_buffer = {
        tensor.buffer: tensor.elements
        for subgraph in graph.subgraphs
        for tensor in subgraph.tensors
        if tensor.data is not None and is_weight_type(tensor)
    }
    return sum(by_buffer.values())


def _port(tensor: Tensor, name: str | None = None) -> Port:
    """What a caller must know of an input or output; ``name`` is the one of a signature."""
    quantization = tensor.quantization
    scale = None if quantization is None else float(quantization.scale[0])
    return Port(
        name=tensor.name if name is None else name,
        shape=tuple(tensor.shape),
        shape_signature=tuple(tensor.shape_signature),
        dtype=tensor.dtype,
        scale=scale if scale is not None and math.isfinite(scale) else None,
        zero_point=None if quantization is None else int(quantization.zero_point[0]),
        tensor=None if name is None else tensor.name,
    )


def _signatures(graph: Graph) -> dict[str, Signature]:
    """Signatures in the file's order, each one's inputs and outputs in its subgraph's."""

    def ports(
        subgraph: Subgraph, named: Mapping[str, int], order: tuple[int, ...]
    ) -> tuple[Port, ...]:
        # A signature may also name what the subgraph does not list.
        places = {tensor: place for place, tensor in enumerate(order)}
        ordered = sorted(named.items(), key=lambda item: places.get(item[1], len(places)))
        return tuple(_port(subgraph.tensors[i], name) for name, i in ordered)

    signatures = {}
    for signature in graph.signatures:
        subgraph = graph.subgraphs[signature.subgraph]
        signatures[signature.key] = Signature(
            inputs=ports(subgraph, signature.inputs, subgraph.inputs),
            outputs=ports(subgraph, signature.outputs, subgraph.outputs),
            subgraph=signature.subgraph,
        )
    return signatures


def _ops(graph: Graph) -> dict[str, OpCount]:
    """Ops by type, sorted."""
    versions: dict[str, list[int]] = {}
    for subgraph in graph.subgraphs:
        for op in subgraph.operators:
            versions.setdefault(op.type, []).append(op.version)
    return {name: OpCount(len(each), max(each)) for name, each in sorted(versions.items())}


def _arithmetic(graph: Graph) -> tuple[dict[str, int], dict[str, int]]:
    """How many ops compute in each kind, and how many of each type do so in float or hybrid."""
    kinds: Counter[str] = Counter()
    float_ops: Counter[str] = Counter()
    for subgraph in graph.subgraphs:
        for op in subgraph.operators:
            kind = _kind(subgraph, op)
            kinds[kind] += 1
            if kind in ("float", "hybrid"):
                float_ops[op.type] += 1
    return {kind: kinds[kind] for kind in ARITHMETIC}, dict(sorted(float_ops.items()))


def float_outputs(graph: Graph) -> tuple[str, ...]:
    """The names of the tensors that ops compute in float or hybrid."""
    return tuple(
        subgraph.tensors[index].name
        for subgraph in graph.subgraphs
        for op in subgraph.operators
        if _kind(subgraph, op) in ("float", "hybrid")
        for index in op.outputs[:1]
    )


def _kind(subgraph: Subgraph, op: Operator) -> str:
    """Which of ``ARITHMETIC`` an op is."""
    tensors = [subgraph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    computed = {tensor.dtype for tensor in tensors if tensor.data is None}
    stored = {tensor.dtype for tensor in tensors if tensor.data is not None}
    floats = {dtype for dtype in computed | stored if "float" in dtype}
    if op.type in _CONVERSIONS and floats:
        return "conversion"
    if floats & computed:
        return "hybrid" if stored & {"int8", "uint8", "int4", "int2"} else "float"
    if "int16" in computed:
        return "int16"
    return "int8" if computed & {"int8", "uint8"} else "other"


def _min_runtime_version(graph: Graph) -> str | None:
    text = graph.metadata.get("min_runtime_version", b"")
    return text.rstrip(b"\0").decode("ascii", errors="replace") or None


def _converter_version(graph: Graph) -> str | None:
    """TensorFlow's version in the converter's own note, a flatbuffer of another schema.

    ``conversion_metadata.fbs``: the root's first field is the environment, whose first field is
    the version as a string.
    """
    return reader.nested_text(graph.metadata.get("CONVERSION_METADATA", b""), (4, 4))
