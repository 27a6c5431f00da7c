"""One signature of one .tflite on the LiteRT interpreter: numpy and ai_edge_litert alone.

The public Python interpreter runs the main subgraph only, or copies all tensors on each call of a
signature, which would be timed too. So the wrapper beneath it is asked directly, with the number
of the signature's subgraph; a test holds its methods against the versions supported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Range = tuple[float, float]

DEFAULT_SIGNATURE = "serving_default"
"""The key that TensorFlow gives a model's main signature."""


def choose_signature(known: Sequence[str], wanted: str | None) -> str | None:
    """The signature to run: the one asked for, the only one, or the default one.

    Args:
        known: keys of all signatures of a model.
        wanted: the key asked for, if any.

    Returns:
        None where the model has no signature: its main subgraph is run.

    Raises:
        ValueError: no such signature; or there are several and none of them is the default one.
    """
    if wanted is not None and wanted not in known:
        there = ", ".join(known) or "none"
        raise ValueError(f"no signature {wanted!r} in the model; there is: {there}")
    if wanted is None and len(known) > 1 and DEFAULT_SIGNATURE not in known:
        raise ValueError(f"no signature {DEFAULT_SIGNATURE} to choose from {', '.join(known)}")
    if wanted is not None:
        return wanted
    return DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in known else next(iter(known), None)


def load_runtime() -> None:
    """Load the interpreter's library, which takes many times longer than a small model does."""
    import ai_edge_litert.interpreter  # noqa: F401  # for the loading alone


class LoadedModel:
    """A loaded model, ready to be resized, fed and run.

    Args:
        path: of the .tflite.
        threads: of the interpreter.
        delegate: ``none`` leaves out XNNPACK; None and ``xnnpack`` are the interpreter's default.
        signature: key of the signature; None is as :func:`choose_signature` says.

    Raises:
        ValueError: there is no such signature, or none can be chosen.
        RuntimeError: the interpreter refuses the model.
    """

    def __init__(
        self, path: str, *, threads: int, delegate: str | None = None, signature: str | None = None
    ) -> None:
        from ai_edge_litert import interpreter as litert

        kinds = litert.OpResolverType
        self._interpreter = litert.Interpreter(
            model_path=path,
            num_threads=threads,
            experimental_op_resolver_type=(
                kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if delegate == "none" else kinds.AUTO
            ),
        )
        self._wrapper = self._interpreter._interpreter
        signatures = self._interpreter._get_full_signature_list()
        key = choose_signature(tuple(signatures), signature)
        self._subgraph = 0
        if key is None:
            self._inputs = {d["name"]: d["index"] for d in self._interpreter.get_input_details()}
            self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}
        else:
            self._subgraph = self._wrapper.GetSubgraphIndexFromSignature(key)
            self._inputs = dict(signatures[key]["inputs"])
            self._outputs = dict(signatures[key]["outputs"])

    def inputs(self) -> dict[str, dict[str, Any]]:
        """Each input's ``shape``, ``shape_signature``, ``dtype`` and ``quantization``."""
        return {name: self._details(index) for name, index in self._inputs.items()}

    def outputs(self) -> dict[str, dict[str, Any]]:
        """The same of each output."""
        return {name: self._details(index) for name, index in self._outputs.items()}

    def resize(self, name: str, shape: tuple[int, ...], *, strict: bool = False) -> None:
        """Give an input another shape; ``strict`` allows dynamic dimensions alone to change.

        Raises:
            ValueError: there is no such input.
            RuntimeError: the model cannot take that shape.
        """
        if name not in self._inputs:
            raise ValueError(f"no input {name!r} in the model; there is: {', '.join(self._inputs)}")
        wanted = np.array(shape, dtype=np.int32)
        self._wrapper.ResizeInputTensor(self._inputs[name], wanted, strict, self._subgraph)

    def allocate(self) -> None:
        """Make room for all tensors and prepare all ops.

        Raises:
            RuntimeError: an op cannot be prepared.
        """
        self._wrapper.AllocateTensors(self._subgraph)

    def feed(self, values: Mapping[str, Array]) -> None:
        """Set inputs; arrays must have their tensors' shapes and types."""
        for name, value in values.items():
            # ascontiguousarray would turn a scalar into a vector.
            tensor = np.asarray(value, order="C")
            self._wrapper.SetTensor(self._inputs[name], tensor, self._subgraph)

    def forget(self) -> None:
        """Set variable tensors back: a fused LSTM would go on from the sample before."""
        self._wrapper.ResetVariableTensors()

    def run(self) -> None:
        """One inference."""
        self._wrapper.Invoke(self._subgraph)

    def answers(self) -> dict[str, Array]:
        """A copy of each output."""
        return {
            name: self._wrapper.GetTensor(index, self._subgraph)
            for name, index in self._outputs.items()
        }

    def _details(self, index: int) -> dict[str, Any]:
        details: dict[str, Any] = self._interpreter._get_tensor_details(index, self._subgraph)
        return details


def random_input(
    details: Mapping[str, Any], generator: np.random.Generator, bounds: Range | None
) -> Array:
    """A random value for an input, by its type: as benchmark_model draws them, unless bounded.

    Args:
        details: of the input, see :meth:`LoadedModel.inputs`.
        bounds: least value, and the value that all are below.

    Raises:
        ValueError: the type is one that nothing random can be drawn for.
    """
    shape = tuple(int(n) for n in details["shape"])
    dtype = np.dtype(details["dtype"])
    if dtype.kind == "S":
        return np.full(shape, b"", dtype=np.bytes_).astype(object)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        low, high = bounds or _integer_range(dtype)
        return generator.integers(int(low), int(high), shape, dtype=np.int64).astype(dtype)
    if dtype.kind not in "fc":
        raise ValueError(f"no random values for an input of type {dtype}")
    low, high = bounds or (-0.5, 0.5)
    drawn: Array = generator.uniform(low, high, shape)
    if dtype.kind == "c":
        drawn = drawn + 1j * generator.uniform(low, high, shape)
    return drawn.astype(dtype)


def to_input(samples: Array, details: Mapping[str, Any]) -> Array:
    """Real samples in the type that an input takes: quantized where the input is.

    Samples are always real values, in whatever type they came: the byte 200 is 200.0, which a
    quantized input stores as another number.

    Raises:
        ValueError: the input takes whole numbers of a type that does not hold these samples.
    """
    dtype = np.dtype(details["dtype"])
    scale, zero_point = details["quantization"]
    if dtype.kind not in "iu":
        return samples.astype(dtype)
    limits = np.iinfo(dtype)
    if scale:
        stored: Array = np.clip(np.rint(samples / scale) + zero_point, limits.min, limits.max)
        return stored.astype(dtype)
    with np.errstate(invalid="ignore"):  # what does not fit is told below
        whole: Array = samples.astype(dtype)
    if not np.array_equal(whole, samples):
        raise ValueError(f"the input takes {dtype}, which does not hold the samples")
    return whole


def to_real(values: Array, details: Mapping[str, Any]) -> Array:
    """An output as float32, with its quantization undone."""
    scale, zero_point = details["quantization"]
    real: Array = values.astype(np.float32)
    if values.dtype.kind in "iu" and scale:
        real = (real - np.float32(zero_point)) * np.float32(scale)
    return real


def _integer_range(dtype: np.dtype[Any]) -> Range:
    """8-bit inputs take all they can; wider ones are mostly indices, which must stay small."""
    if dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return limits.min, limits.max + 1
    return 0, 100
