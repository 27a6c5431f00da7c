"""``rounded:2``: weights with so many decimals, so that they zip better."""

from __future__ import annotations

from dataclasses import replace

from bench.errors import RecipeError

SUMMARY = "weights with few decimals"
ARGUMENT = "how many decimals, from 1 to 6"
OPTIONS: dict[str, str] = {}
TRAINS = False


def check(step, earlier):
    """The step in canonical spelling."""
    if step.argument not in ("1", "2", "3", "4", "5", "6"):
        raise RecipeError(f"{step} needs a number of decimals", hint="write rounded:2")
    return step


def apply(step, work, context):
    """Round a copy of the model."""
    import keras
    import numpy as np

    copy = keras.models.clone_model(work.model)
    copy.set_weights([np.round(array, int(step.argument)) for array in work.model.get_weights()])
    return replace(work, model=copy, done=(*work.done, step))


def verify(step, work, facts):
    """Nothing is promised."""
