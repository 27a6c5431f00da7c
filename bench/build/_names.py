"""Models whose inputs are called in a way that TensorFlow or the samples cannot follow, renamed.

A model that takes a dict calls its inputs by the dict's keys, and so do its samples; the names of
the input layers may be others, and Keras exports these. TensorFlow takes no colon in a name.
"""

from __future__ import annotations

import re
from typing import Any

_FOREIGN = re.compile(r"[^\w.-]|^[^A-Za-z0-9]")
"""What TensorFlow takes in no name of a node."""


def with_plain_names(model: Any) -> Any:
    """A model around this one whose inputs are named by its dict's keys, in letters that all take.

    Args:
        model: of Keras 3 or tf_keras; one whose inputs need no other names comes back as it is, and
            so does the path of a SavedModel.
    """
    tensors = getattr(model, "inputs", None)
    if not tensors or not hasattr(model, "layers"):
        return model
    import keras
    import tf_keras

    library = tf_keras if isinstance(model, tf_keras.Model) else keras
    # tf_keras adds the number of the op's output to a tensor's name.
    names = [one.name.rpartition(":")[0] if library is tf_keras else one.name for one in tensors]
    given = getattr(model, "input", None)  # a Sequential of Keras 3 has none
    if isinstance(given, dict):
        by_tensor = {id(tensor): name for tensor, name in zip(tensors, names, strict=True)}
        named = given
        before = {key: by_tensor.get(id(tensor), key) for key, tensor in given.items()}
    else:
        named = dict(zip(names, tensors, strict=True))
        before = {name: name for name in names}
    wanted = {key: _FOREIGN.sub("_", key) for key in named}
    if wanted == before or len(set(wanted.values())) < len(wanted):
        return model
    made = {
        key: library.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=wanted[key])
        for key, tensor in named.items()
    }
    inputs: Any = list(made.values())
    if isinstance(given, dict):
        outputs, inputs = model(made), {wanted[key]: one for key, one in made.items()}
    elif len(inputs) > 1 or isinstance(given, list | tuple):
        outputs = model(inputs)
    else:
        (inputs,) = inputs
        outputs = model(inputs)
    return library.Model(inputs, outputs, name=model.name)
