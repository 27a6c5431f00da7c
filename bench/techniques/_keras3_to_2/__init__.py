"""Keras 3 → tf_keras, layer by layer, each checked on samples. Decided in this one place.

TensorFlow's Model Optimization Toolkit knows only Keras 2 (``tf_keras``), which cannot read what
Keras 3 saves. So the model's calls are repeated with layers of tf_keras: each layer or operation
gets its counterpart with a copy of its weights, and both compute the same samples. Where tf_keras
has no counterpart, or one that computes something else, the original itself runs inside a layer of
tf_keras (:mod:`~bench.techniques._keras3_to_2.wrapped`). Inner models are taken apart on the way,
since the toolkit takes flat models only.

Importing the toolkit sets ``TF_USE_LEGACY_KERAS``, which changes what ``tf.keras`` means; so both
Kerases are imported by name here and everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import BuildError
from bench.techniques._keras3_to_2 import flat, training, wrapped
from bench.techniques._keras3_to_2.port import STILL_WORKS, Port, close, graph_of

Array = npt.NDArray[Any]

clone = flat.clone
kind_of = wrapped.kind_of
is_wrapped = wrapped.is_wrapped


def port(model: Any, samples: Mapping[str, Array] | None = None, *, seed: int = 0) -> Any:
    """A flat tf_keras model of its own that answers as the given one; the given one is untouched.

    Args:
        model: a functional or sequential model of Keras 3 or of tf_keras.
        samples: input name to array (samples, …) on which the two are compared, the empty name
            for an only input; None draws them at random.
        seed: of those random samples.

    Raises:
        BuildError: a subclassed model, a layer that cannot be carried over, or outputs that differ
            in inference or in training.
    """
    import keras
    import tf_keras

    if isinstance(model, tf_keras.Model):
        return flat.inline(flat.clone(model))
    if not isinstance(model, keras.Model):
        raise BuildError(
            f"a {type(model).__name__} cannot be trained further",
            hint=f"give the Keras model itself (.keras or .h5); {STILL_WORKS}",
        )
    inputs = _samples(graph_of(model), samples, seed)
    done = Port(model, inputs)
    given = done.pack(inputs)
    left, right = model(given, training=False), done.model(given, training=False)
    if not close(left, right):
        raise BuildError(
            f"rebuilt in tf_keras, {model.name} answers differently, though each layer is right",
            hint=STILL_WORKS,
        )
    training.check(done)
    return done.model


def _samples(graph: Any, samples: Mapping[str, Array] | None, seed: int) -> list[Any]:
    """Inputs in the model's order, at most 16 samples; random ones where none are given."""
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    result = []
    for tensor in graph.inputs:
        name = tensor.name.split(":")[0]
        given = None if samples is None else samples.get(name, samples.get(""))
        if given is not None:
            array = np.asarray(given[:16])
        else:
            shape = (tensor.shape[0] or 8, *(size or 32 for size in tensor.shape[1:]))
            whole = "int" in str(tensor.dtype)
            array = rng.integers(0, 2, shape) if whole else rng.uniform(-1, 1, shape)
        if tensor.shape[0]:  # a fixed batch
            array = np.resize(array, (tensor.shape[0], *array.shape[1:]))
        result.append(tf.constant(array.astype(str(tensor.dtype))))
    return result
