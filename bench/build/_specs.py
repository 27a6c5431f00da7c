"""The inputs of a model that is yet to be converted, for samples to be fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import ModelError
from bench.inputs import InputSpec
from bench.workers.interpreter import choose_signature

_INTERNAL = "__saved_model_init_op"
"""A signature that TensorFlow adds for itself."""


def specs_of_model(model: Any, signature: str | None) -> tuple[InputSpec, ...]:
    """The inputs of a Keras 3 or tf_keras model, or of a SavedModel's signature.

    Args:
        model: loaded, or the path of a SavedModel.
        signature: key of a SavedModel's signature; None is as ``choose_signature`` says.

    Returns:
        Nothing where the model does not tell them: a subclass that was never called.

    Raises:
        ModelError: no such signature, or the user must choose one.
    """
    if isinstance(model, (str, Path)):
        _, inputs = saved_signature(Path(model), signature)
        return tuple(_saved_spec(name, info) for name, info in inputs.items())
    return tuple(
        InputSpec(
            name=str(tensor.name).partition(":")[0],
            shape=tuple(tensor.shape),
            dtype=str(getattr(tensor.dtype, "name", tensor.dtype)),
        )
        for tensor in getattr(model, "inputs", None) or ()
    )


def saved_signature(folder: Path, wanted: str | None) -> tuple[str, Mapping[str, Any]]:
    """The key of a SavedModel's signature, and what it says of each input, in order of names.

    Raises:
        ModelError: unreadable, without signatures, without that one, or the user must choose.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
        if not saved.meta_graphs:
            raise DecodeError("it is empty")
    except (DecodeError, OSError) as fault:
        raise ModelError(
            f"{folder}/saved_model.pb cannot be read ({fault})", hint="export the model again"
        ) from fault
    signatures = {
        key: definition
        for meta_graph in saved.meta_graphs
        for key, definition in meta_graph.signature_def.items()
        if key != _INTERNAL
    }
    try:
        key = choose_signature(sorted(signatures), wanted)
    except ValueError as fault:
        first = min(signatures, default="")
        hint = f"choose one: --signature {first}" if first else "leave --signature out"
        raise ModelError(f"{folder}: {fault}", hint=hint) from fault
    if key is None:
        raise ModelError(
            f"{folder} has no signatures, so nothing says what its inputs are",
            hint="save it with signatures=…, or export it with model.export",
        )
    return key, dict(sorted(signatures[key].inputs.items()))


def _saved_spec(name: str, info: Any) -> InputSpec:
    import tensorflow as tf

    sizes = [axis.size for axis in info.tensor_shape.dim]
    return InputSpec(
        name=name,
        shape=tuple(None if size < 0 else int(size) for size in sizes),
        dtype=tf.dtypes.as_dtype(info.dtype).name,
    )
