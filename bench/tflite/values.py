"""What a .tflite holds, as frozen values; :func:`bench.tflite.facts.read_facts` makes them.

Units are in the names. What is not known of a file is None; a plain number is always a count of
what was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Port:
    """An input or an output of a model.

    Attributes:
        shape: as the file was made; ``shape_signature`` holds -1 where a dimension is dynamic.
        scale, zero_point: None where it is not quantized.
        tensor: the tensor's name, where a signature gives the port a name of its own.
    """

    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    tensor: str | None = None


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of one signature, in the order of its subgraph."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    subgraph: int = 0


@dataclass(frozen=True)
class OpCount:
    """How often an op occurs, and in which version at most."""

    count: int
    max_version: int


@dataclass(frozen=True)
class WeightFacts:
    """What can be counted in one kernel's weights.

    Attributes:
        name: of the tensor, as the converter left it.
        op: type of the op that uses it, such as ``CONV_2D``.
        shape, dtype: as stored.
        elements, zeros: how many weights, and how many of them are zero.
        sparsity: zeros as a fraction of the elements.
        unique: different stored values in the tensor.
        unique_max_per_channel: the most in one output channel (``channel_axis``). Folding batch
            norm and scales per channel multiply the values of each channel: a clustered layer is
            known by this figure.
        stored_bytes: in the file.
        is_sparse: whether the file stores them in a sparse encoding.
        zeros_in_each: by the size of a group, the fewest zeros in any group of consecutive weights
            along the last axis (input channels of convolutions and dense layers): m:n sparsity.
        index_coded_bytes: the smallest of the bytes as stored, one codebook per tensor, and one per
            channel. With K values (the most in one codebook) an index takes ceil(log2 K) bits, with
            no entropy coding, and each codebook holds its own values in the stored type.
        coding: which of these it is.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    elements: int
    zeros: int
    sparsity: float
    unique: int
    unique_max_per_channel: int
    channel_axis: int
    stored_bytes: int
    is_sparse: bool
    index_coded_bytes: int
    coding: str
    zeros_in_each: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """All facts of a .tflite.

    Attributes:
        size_bytes, sha256: of the file as it is.
        zipped_bytes: see :func:`bench.tflite.facts.zipped_bytes`.
        index_coded_bytes: size with each kernel's weights as indices into a codebook, where that is
            smaller.
        parameters: elements of all stored floats and quantized integers, biases and scale factors
            included; shapes and indices are not.
        description: as the converter wrote it.
        converter_version: TensorFlow version of the converter.
        min_runtime_version: of the oldest TFLite that runs it.
        subgraphs: how many.
        inputs, outputs: of the first subgraph, in order.
        signatures: by key.
        ops: by type.
        arithmetic: number of ops by kind; see :data:`bench.tflite.facts.ARITHMETIC`.
        int8_share: int8 ops as a fraction of all that compute (float, hybrid, int8, int16); None
            where none does.
        integer_share: likewise int8 and int16 ops.
        float_ops: number of ops that compute in float or hybrid, by type.
        float_outputs: names of the tensors that these compute; empty where all ops do.
        quantization_bytes: scales and zero points of all tensors, shared ones once.
        scale_bits: see :func:`bench.tflite.scales.scale_bits`.
        name_bytes: names of all tensors.
        weights: one entry per kernel's weight tensor.
        weight_elements, weight_zeros, sparsity: over all of these.
        unique_max_per_channel: the most in any of these.
        path: where the file lay when it was read.
    """

    size_bytes: int
    sha256: str
    zipped_bytes: int
    index_coded_bytes: int
    parameters: int
    description: str
    converter_version: str | None
    min_runtime_version: str | None
    subgraphs: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    signatures: Mapping[str, Signature]
    ops: Mapping[str, OpCount]
    arithmetic: Mapping[str, int]
    int8_share: float | None
    integer_share: float | None
    float_ops: Mapping[str, int]
    weights: tuple[WeightFacts, ...]
    weight_elements: int
    weight_zeros: int
    sparsity: float
    unique_max_per_channel: int
    float_outputs: tuple[str, ...] = ()
    quantization_bytes: int | None = None
    name_bytes: int | None = None
    scale_bits: int | None = None
    path: Path | None = None
