"""What a model's output means, and whether the labels fit it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Split
from bench.errors import DataError

Array = npt.NDArray[Any]
EPSILON = 1e-7


@dataclass(frozen=True)
class LabelFit:
    """How outputs are read: as probabilities or logits, of one class against none, or of many.

    Attributes:
        classes: how many there are; 2 for a single output unit.
        probabilities: the outputs went through a softmax or sigmoid.
    """

    classes: int
    probabilities: bool
    single_unit: bool

    def logits(self, output: Any) -> Any:
        """Outputs (samples, units) as logits (samples, classes), as a TensorFlow graph."""
        import tensorflow as tf

        output = tf.cast(output, tf.float32)
        if self.probabilities:
            clipped = tf.clip_by_value(output, EPSILON, 1.0)
            output = tf.math.log(clipped)
            if self.single_unit:
                output -= tf.math.log(tf.clip_by_value(1.0 - clipped, EPSILON, 1.0))
        return tf.concat([tf.zeros_like(output), output], axis=-1) if self.single_unit else output

    def soften(self, output: Array, temperature: float) -> Array:
        """Outputs (samples, units) as probabilities (samples, classes) at a temperature."""
        logits = np.asarray(self.logits(output), np.float64) / temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        softened: Array = powers / powers.sum(axis=1, keepdims=True)
        return softened

    def evaluate(self, output: Array, labels: Array) -> tuple[float, float]:
        """Accuracy and cross-entropy of outputs (samples, units) against classes (samples,)."""
        shares = self.soften(output, 1.0)
        hits = float(np.mean(shares.argmax(axis=1) == labels))
        picked = shares[np.arange(len(labels)), labels]
        return hits, float(-np.mean(np.log(np.maximum(picked, EPSILON))))


def label_fit(model: Any, *splits: Split) -> LabelFit:
    """Read a model's output, and hold the labels against it.

    Args:
        model: a Keras 3 or tf_keras model.
        splits: labelled samples; the labels of all must fit.

    Raises:
        DataError: several outputs, an output that is no vector of classes, or labels out of range.
    """
    if len(model.outputs) != 1:
        raise DataError(
            f"the model has {len(model.outputs)} outputs and the labels are for one",
            hint="fine-tuning knows classification with one output; recipes of quantize: work",
        )
    shape = tuple(model.outputs[0].shape)
    if len(shape) != 2 or shape[1] is None:
        raise DataError(
            f"the model's output has shape {shape}, the labels are one class per sample",
            hint="fine-tuning knows outputs of shape (samples, classes); recipes of quantize: work",
        )
    units = int(shape[1])
    classes = 2 if units == 1 else units
    for split in splits:
        highest = -1 if split.y is None else int(next(iter(split.y.values())).max())
        if highest >= classes:
            raise DataError(
                f"there is a label {highest}, and the model knows the classes 0 to {classes - 1}",
                hint="count classes from 0, or give the model whose output fits these labels",
            )
    return LabelFit(classes, _ends_in_probabilities(model, splits), units == 1)


def _ends_in_probabilities(model: Any, splits: tuple[Split, ...]) -> bool:
    """Whether the output went through a softmax or sigmoid, told by layer or else by values."""
    last = model.layers[-1]
    while hasattr(last, "layers"):
        last = last.layers[-1]
    if type(last).__name__ == "Softmax":
        return True
    activation = getattr(getattr(last, "activation", None), "__name__", None)
    if activation is not None:
        return activation in ("softmax", "sigmoid")
    few = splits[0].take(slice(0, 64))
    arrays = list(few.x.values())
    outputs = np.asarray(model.predict(arrays[0] if len(arrays) == 1 else arrays, verbose=0))
    inside = bool((outputs >= 0).all() and (outputs <= 1).all())
    return inside and (outputs.shape[1] == 1 or bool(np.allclose(outputs.sum(1), 1, atol=1e-3)))
