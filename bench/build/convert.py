"""Turn a model into a .tflite, as a :class:`bench.techniques.Conversion` asks."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.build import trial
from bench.build._specs import saved_signature
from bench.build.causes import explain, layer_in
from bench.build.forms import Form, forms_of, layers_by_scope
from bench.data import Split
from bench.errors import BuildError, telling_line
from bench.techniques import Conversion, Work, converted_names
from bench.text import layer_of, name_some
from bench.tflite import reader
from bench.tflite.facts import float_outputs
from bench.tflite.rewrite import rename_outputs
from bench.values import Facts, no_facts

CALIBRATION_SAMPLES = 200
"""Samples that ranges are found on; more change the ranges of small CNNs by less than a step."""

LOOPS = ("WHILE", "IF")
"""Ops that hold other graphs: calibrating one ends the process (TensorFlow 2.21)."""


@dataclass(frozen=True)
class Converted:
    """A .tflite, and facts of the conversion.

    ``unrolled``: recurrent layers whose steps are written out; ``float_layers``: those that compute
    in float though integers were asked for. Neither is there where it would be empty.
    """

    content: bytes
    facts: Facts = field(default_factory=no_facts)


def convert(work: Work, calibration: Split | None, signature: str | None = None) -> Converted:
    """The model's .tflite.

    Args:
        work: a Keras 3 or tf_keras model, or the path of a SavedModel, and the conversion.
        calibration: samples for the integer modes, as the model's inputs take them.
        signature: of a SavedModel; None is its only one, or ``serving_default``.

    Raises:
        BuildError: the converter refuses the model; names the op, its layer and the cure.
    """
    first: BuildError | None = None
    for form, conversion in _attempts(work, signature):
        try:
            content = _convert_form(form, conversion, calibration)
            converted = converted_names(form.model)
            if len(converted) == len(work.outputs):
                content = rename_outputs(content, dict(zip(converted, work.outputs, strict=True)))
            _try(content, conversion, calibration)
        except BuildError as refusal:
            traceback.print_exc()  # into the log
            first = first or refusal
        else:
            return Converted(content, _facts(form, conversion, content))
    assert first is not None
    raise _with_tried_cure(first, work, calibration, signature)


def _with_tried_cure(
    refusal: BuildError, work: Work, calibration: Split | None, signature: str | None
) -> BuildError:
    """The refusal of int16x8; its hint names ``rest=float32`` only where that file runs.

    The converter often makes such a file and no runtime runs it, as with attention.
    """
    asked = work.conversion
    if asked.mode != "int16x8" or asked.rest == "float32":
        return refusal
    looser = replace(work, conversion=replace(asked, rest="float32"))
    try:
        convert(looser, calibration, signature)
    except BuildError:
        return refusal
    return BuildError(
        refusal.message,
        hint="quantize:int16x8,rest=float32 leaves it in float, and was seen to run",
    )


def _attempts(work: Work, signature: str | None) -> Iterator[tuple[Form, Conversion]]:
    """Forms of the model with what to ask for, the best first.

    Where only a part was trained with quantization, the whole is quantized after it; where that
    cannot be done in any form, that part alone.
    """
    conversion = work.conversion
    if conversion.mode == "qat" and conversion.calibrates:
        whole = replace(conversion, mode="int8")
        for form in forms_of(work.unrounded, signature, calibrated=True):
            yield form, whole
        conversion = replace(conversion, rest="float32")
    for form in forms_of(work.model, signature, calibrated=conversion.calibrates):
        yield form, conversion


def _try(content: bytes, conversion: Conversion, calibration: Split | None) -> None:
    """Run an integer file on one sample: the converter also makes files that no runtime runs.

    Raises:
        BuildError: the local interpreter cannot.
    """
    if calibration is None or not len(calibration):
        return
    try:
        trial.answers(content, {name: values[:1] for name, values in calibration.x.items()})
    except (RuntimeError, ValueError) as fault:
        raise BuildError(
            f"the runtime cannot run what the converter made ({telling_line(fault)})",
            hint="use quantize:dynamic or quantize:float16",
        ) from fault


def _facts(form: Form, conversion: Conversion, content: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if form.unrolled:
        facts["unrolled"] = list(form.unrolled)
    if conversion.mode in ("int8", "int16x8", "qat"):
        layers = layers_by_scope(form.model)
        found = dict.fromkeys(
            layer_in(name, layers) or layer_of(name)
            for name in float_outputs(reader.parse(content))
        )
        if found:
            facts["float_layers"] = list(found)
    return facts


def _convert_form(form: Form, conversion: Conversion, calibration: Split | None) -> bytes:
    """As asked, or as near to it as the converter can; what came of it is read in the file.

    For full int8 there are two quantizers: the newer one leaves ops in float whose outputs
    are not all used (as in the first step of an unrolled GRU; which ones differs from run to run),
    and the older one does not.
    """
    if conversion.mode == "int8" and conversion.rest == "int8":
        if form.unrolled:
            return _convert_once(form, conversion, calibration, newer=False)
        content = _convert_once(form, conversion, calibration)
        if not float_outputs(reader.parse(content)):
            return content
        try:
            older = _convert_once(form, conversion, calibration, newer=False)
        except BuildError:
            traceback.print_exc()  # into the log
            return content
        return content if float_outputs(reader.parse(older)) else older
    return _convert_once(form, conversion, calibration if conversion.calibrates else None)


def _convert_once(
    form: Form, conversion: Conversion, calibration: Split | None, *, newer: bool = True
) -> bytes:
    """One run of the converter, with its newer or its older quantizer."""
    import tensorflow as tf

    layers = layers_by_scope(form.model)
    try:
        converter = _converter(form)
        converter.experimental_new_quantizer = newer
        _configure(converter, conversion, calibration, tf)
        _watch_quantization(converter, layers)
        return bytes(converter.convert())
    except BuildError:
        raise
    except Exception as fault:
        # The converter raises whatever its C++ parts raise; all of it means the same to the user.
        raise explain(fault, layers) from fault


def _converter(form: Form) -> Any:
    import tensorflow as tf

    if isinstance(form.model, (str, Path)):
        key, _ = saved_signature(Path(form.model), form.signature)
        return tf.lite.TFLiteConverter.from_saved_model(str(form.model), signature_keys=[key])
    return tf.lite.TFLiteConverter.from_keras_model(form.model)


def _watch_quantization(converter: Any, layers: Mapping[str, str]) -> None:
    """Look at the float model before it is calibrated: what the quantizer says names no layer."""
    quantize = converter._quantize  # no public step lies between conversion and quantization

    def watched(content: bytes, *options: Any) -> Any:
        made = _layers_by_op(content, layers)
        for loop in LOOPS:
            if loop in made:
                where = f" of layer {name_some(made[loop])}" if made[loop] else ""
                raise BuildError(
                    f"the converter cannot quantize a loop ({loop}{where})",
                    hint="use quantize:dynamic or float16, or give the input a fixed length and "
                    "the layer unroll=True, where it has that",
                )
        try:
            return quantize(content, *options)
        except Exception as fault:
            raise explain(fault, layers, made) from fault

    converter._quantize = watched


def _layers_by_op(content: bytes, layers: Mapping[str, str]) -> dict[str, list[str]]:
    """Type of op to the layers that made such ops, in a .tflite's bytes."""
    found: dict[str, dict[str, None]] = {}
    for subgraph in reader.parse(content).subgraphs:
        for op in subgraph.operators:
            entry = found.setdefault(op.type, {})
            for index in op.outputs[:1]:
                if layer := layer_in(subgraph.tensors[index].name, layers):
                    entry[layer] = None
    return {op: list(names) for op, names in found.items()}


def _configure(converter: Any, conversion: Conversion, calibration: Split | None, tf: Any) -> None:
    """Translate the conversion into the converter's own settings."""
    mode = conversion.mode
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if conversion.calibrates:
        if calibration is None:
            raise BuildError(
                f"quantize:{mode} needs samples to calibrate on",
                hint="give --data with x_calibration or x_train",
            )
        converter.representative_dataset = lambda: _one_by_one(calibration)
    if mode == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if mode in ("int8", "qat"):
        converter.inference_input_type = getattr(tf, conversion.io)
        converter.inference_output_type = getattr(tf, conversion.io)
    if mode == "int16x8":
        ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [ops]
    if mode in ("int8", "int16x8") and conversion.rest == "float32":
        converter.target_spec.supported_ops.append(tf.lite.OpsSet.TFLITE_BUILTINS)
    if not conversion.per_channel_dense:
        # No public switch exists; older runtimes cannot prepare per-channel dense layers.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def _one_by_one(samples: Split) -> Iterator[Any]:
    """Batches of one sample: a list for an only input, else a mapping by input name."""
    for index in range(len(samples)):
        batch = {name: array[index : index + 1] for name, array in samples.x.items()}
        yield list(batch.values()) if len(batch) == 1 else batch
