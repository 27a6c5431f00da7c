"""What a model's outputs are called: by labels, by the .tflite's signature, and by the converter.

The converter calls them by their layers in tf_keras, and in Keras 3 by the keys of a dict, or else
``output_0`` and so on: a variant that went through tf_keras would be called otherwise than the
rest. So all get the names of the model that they come from.
"""

from __future__ import annotations

from collections import Counter
from typing import Any


def known_names(model: Any) -> tuple[str, ...]:
    """The names that the outputs of all variants of a model have.

    Those of a dict are its keys; of several others their layers', as Keras itself knows them in
    ``fit``. An only output is called as the converter calls it.

    Args:
        model: of Keras 3 or tf_keras, or the path of a SavedModel.

    Returns:
        In the order in which TensorFlow flattens them; nothing where they keep the names they have.
    """
    names = converted_names(model)
    if names and isinstance(getattr(model, "output", None), dict):
        return tuple(sorted(model.output))
    layers = getattr(model, "output_names", None)
    if len(names) < 2 or not layers or len(layers) != len(names):
        return names
    return _uniquified(layers)


def converted_names(model: Any) -> tuple[str, ...]:
    """What the converter calls the outputs, in the same order; nothing where that is not known."""
    import tf_keras

    outputs = getattr(model, "output", None)
    if isinstance(outputs, dict):
        names, flat = tuple(sorted(outputs)), list(outputs.values())
    else:
        flat = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        names = tuple(f"output_{index}" for index, _ in enumerate(flat))
    if not all(hasattr(one, "shape") for one in flat):
        return ()
    return tuple(model.output_names or ()) if isinstance(model, tf_keras.Model) else names


def _uniquified(names: list[str]) -> tuple[str, ...]:
    """As tf_keras tells several outputs of one layer apart: ``head``, ``head_1``."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return tuple(found)
