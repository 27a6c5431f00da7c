"""What a model's outputs mean to training: which loss fits each, and whether the labels fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Labels
from bench.metrics import match_labels
from bench.metrics.reading import IGNORED, Reading, read

Array = npt.NDArray[Any]
EPSILON = 1e-7


@dataclass(frozen=True)
class Head:
    """One output of a model, as training sees it.

    All of its answers lie in one axis: (samples, answers, classes), a single answer per sample
    included. Numbers are (samples, answers).

    Attributes:
        index: of the output among the model's.
        name: of the output.
        reading: classes, one unit, several labels or numbers.
        probabilities: the output went through a softmax or sigmoid.
        scale: that squared errors are divided by, so that outputs of any unit train alike.
    """

    index: int
    name: str
    reading: Reading
    probabilities: bool
    scale: float = 1.0

    @property
    def is_numbers(self) -> bool:
        """Whether it is trained on squared errors, not on classes."""
        return self.reading.kind == "numbers"

    def logits(self, output: Any) -> Any:
        """Outputs as logits (samples, answers, classes), as a TensorFlow graph."""
        import tensorflow as tf

        output = tf.cast(output, tf.float32)
        several = self.reading.kind == "classes"
        units = self.reading.classes if several else 1
        output = tf.reshape(output, [tf.shape(output)[0], -1, units])
        if self.probabilities:
            clipped = tf.clip_by_value(output, EPSILON, 1.0)
            output = tf.math.log(clipped)
            if not several:
                output -= tf.math.log(tf.clip_by_value(1.0 - clipped, EPSILON, 1.0))
        return output if several else tf.concat([tf.zeros_like(output), output], axis=-1)

    def targets(self, labels: Array) -> Array:
        """Labels as float32 (samples, answers): class numbers, -1 where none counts; or numbers."""
        if self.reading.truth == "rows":
            labels = labels.argmax(axis=-1)
        flat = labels.reshape(len(labels), -1).astype(np.float32)
        if self.reading.kind == "classes" and self.reading.positions:
            flat[np.isin(flat, IGNORED)] = -1
        return flat

    def soften(self, output: Array, temperature: float) -> Array:
        """What a teacher's outputs teach, float32 (samples, …): softened classes, or numbers."""
        if self.is_numbers:
            numbers: Array = output.reshape(len(output), -1).astype(np.float32)
            return numbers
        logits = np.asarray(self.logits(output), np.float64) / temperature
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        softened = powers / powers.sum(axis=-1, keepdims=True)
        flat: Array = softened.reshape(len(output), -1).astype(np.float32)
        return flat

    def hard_loss(self, target: Any, output: Any) -> Any:
        """Of each sample, against :meth:`targets`."""
        import tensorflow as tf

        if self.is_numbers:
            return self._squares(target, output)
        counts = tf.cast(target >= 0, tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.cast(tf.maximum(target, 0), tf.int32), logits=self.logits(output)
        )
        return tf.reduce_sum(losses * counts, -1) / tf.maximum(tf.reduce_sum(counts, -1), 1.0)

    def soft_loss(self, taught: Any, output: Any, temperature: float) -> Any:
        """Of each sample, against :meth:`soften`."""
        import tensorflow as tf

        if self.is_numbers:
            return self._squares(taught, output)
        logits = self.logits(output)
        losses = tf.nn.softmax_cross_entropy_with_logits(
            labels=tf.reshape(taught, tf.shape(logits)), logits=logits / temperature
        )
        # The square of the temperature keeps the gradients of both losses alike (Hinton, 2015).
        return temperature**2 * tf.reduce_mean(losses, -1)

    def _squares(self, target: Any, output: Any) -> Any:
        import tensorflow as tf

        flat = tf.reshape(tf.cast(output, tf.float32), tf.shape(target))
        return tf.reduce_mean(tf.square(flat - target), -1) / self.scale

    def accuracy(self, output: Array, target: Array) -> float | None:
        """The share of answers that are :meth:`targets`; None of numbers."""
        if self.is_numbers:
            return None
        answers = np.asarray(self.logits(output)).argmax(axis=-1)
        counts = target >= 0
        return float(((answers == target) & counts).sum() / max(counts.sum(), 1))


def heads_of(model: Any, outputs: Mapping[str, Array], labels: Labels | None) -> tuple[Head, ...]:
    """The outputs to train, each with how it is read.

    Args:
        model: a Keras 3 or tf_keras model; its last layers tell what went through a softmax.
        outputs: its answers to training samples, by output name, in its order.
        labels: of the same samples, by output name; outputs without any are not trained. None
            where the model's own answers are all that is taught: then every output is.

    Raises:
        DataError: labels of no output, or that do not fit theirs.
    """
    known = match_labels(outputs, labels) if labels is not None else {}
    layers = _last_layers(model, len(outputs))
    found = []
    for index, (name, values) in enumerate(outputs.items()):
        if labels is not None and name not in known:
            continue
        ends = _is_probability(layers[index])
        shown = name if len(outputs) > 1 else ""
        reading = read(shown, values, known.get(name), probability=ends)
        probabilities = reading.kind != "numbers" and (
            ends if ends is not None else bool((values >= 0).all() and (values <= 1).all())
        )
        about = known.get(name, values)
        scale = float(np.var(about)) if reading.kind == "numbers" else 1.0
        found.append(Head(index, name, reading, probabilities, scale or 1.0))
    return tuple(found)


def _last_layers(model: Any, count: int) -> list[Any]:
    """The layer that makes each output, None where it is not clear."""
    layers = getattr(model, "layers", None)
    while layers and hasattr(layers[-1], "layers"):
        model, layers = layers[-1], layers[-1].layers
    if count == 1:
        return [layers[-1] if layers else None]
    by_name = {layer.name: layer for layer in layers or ()}
    return [by_name.get(name) for name in getattr(model, "output_names", [None] * count)][:count]


def _is_probability(layer: Any) -> bool | None:
    if type(layer).__name__ in ("Softmax", "Sigmoid"):
        return True
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    return None if activation is None else activation in ("softmax", "sigmoid")
