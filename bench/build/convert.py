"""Turn a model into a .tflite, as a :class:`bench.techniques.Conversion` asks."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.build._specs import saved_signature
from bench.data import Split
from bench.errors import BuildError, telling_line
from bench.techniques import Conversion, Work
from bench.workers import BUILD_LOG

CALIBRATION_SAMPLES = 200
"""Samples that ranges are found on; more change the ranges of small CNNs by less than a step."""


def convert(work: Work, calibration: Split | None, signature: str | None = None) -> bytes:
    """The model's .tflite.

    Args:
        work: a Keras 3 or tf_keras model, or the path of a SavedModel, and the conversion.
        calibration: samples for the integer modes, as the model's inputs take them.
        signature: of a SavedModel; None is its only one, or ``serving_default``.

    Raises:
        BuildError: the converter refuses the model, in its own words.
    """
    try:
        return _converted(work, calibration, signature)
    except BuildError:
        raise
    except Exception as fault:
        # The converter raises whatever its C++ parts raise; all of it means the same to the user.
        raise BuildError(
            f"the converter refused the model ({telling_line(fault)})",
            hint=f"other recipes may still work; all of its words are in {BUILD_LOG}",
        ) from fault


def _converted(work: Work, calibration: Split | None, signature: str | None) -> bytes:
    """The first of these that the converter can do.

    After quantization-aware training of some layers: everything else in int8; what has an int8
    form in int8; only what was trained. What came of it is read in the file.
    """
    import tensorflow as tf

    converter = _converter(work.model, signature)
    _configure(converter, work.conversion, calibration, tf)
    if work.conversion.mode != "qat" or not work.conversion.calibrates:
        return bytes(converter.convert())
    try:
        return bytes(converter.convert())
    except Exception:  # whatever its C++ parts raise; told by the fraction in int8
        traceback.print_exc()  # into the log
    converter = _converter(work.model, signature)
    _configure(converter, replace(work.conversion, rest="float32"), None, tf)
    return bytes(converter.convert())


def _converter(model: Any, signature: str | None) -> Any:
    import tensorflow as tf

    if isinstance(model, (str, Path)):
        key, _ = saved_signature(Path(model), signature)
        return tf.lite.TFLiteConverter.from_saved_model(str(model), signature_keys=[key])
    return tf.lite.TFLiteConverter.from_keras_model(model)


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
    if mode == "int8" or (mode == "qat" and conversion.rest == "int8"):
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if mode in ("int8", "qat"):
        converter.inference_input_type = getattr(tf, conversion.io)
        converter.inference_output_type = getattr(tf, conversion.io)
    if mode == "int16x8":
        ops = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [ops]
    if not conversion.per_channel_dense:
        # No public switch exists; older runtimes cannot prepare per-channel dense layers.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def _one_by_one(samples: Split) -> Iterator[Any]:
    """Batches of one sample: a list for an only input, else a mapping by input name."""
    for index in range(len(samples)):
        batch = {name: array[index : index + 1] for name, array in samples.x.items()}
        yield list(batch.values()) if len(batch) == 1 else batch
