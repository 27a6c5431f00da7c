"""Whether a rebuilt model trains as the original does: what drops or augments still does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.errors import BuildError
from bench.techniques._keras3_to_2.port import STILL_WORKS, Port, Step, accepts, close

DRAWS = 8
"""A dropout of 1 % may well drop nothing from a few values; so many times it is tried."""

SAMPLES = 4


def check(port: Port) -> None:
    """Compare each layer's effect in training with that of its original.

    The effect is whether the output in training differs from the output in inference: dropout and
    augmentation have it, batch normalization has it unless it is frozen.

    Raises:
        BuildError: a layer has it in one of the two models only.
    """
    weights = port.model.get_weights()
    try:
        for step in port.steps:
            _check_step(step)
    finally:
        port.model.set_weights(weights)  # of batch normalization's moving averages


def _check_step(step: Step) -> None:
    training = True if step.training is None else step.training
    args, kwargs = _few((step.original_args, step.original_kwargs))
    own, state = step.original.trainable_variables, step.original.non_trainable_variables

    def original(training: bool) -> Any:
        # Without a trace in the original: its random state and averages stay as they are.
        import keras

        fresh = [
            keras.random.randint(one.shape, 0, 2**30) if "seed" in one.path else one
            for one in state
        ]
        return step.original.stateless_call(own, fresh, *args, **kwargs, training=training)[0]

    layer_args, layer_kwargs = _few((step.args, step.kwargs))
    layer_kwargs.pop("training", None)

    def counterpart(training: bool) -> Any:
        extra = {"training": training} if accepts(step.layer, "training") else {}
        return step.layer(*layer_args, **layer_kwargs, **extra)

    for _ in range(DRAWS):
        expected, found = _acts(original, training), _acts(counterpart, training)
        if expected == found:
            return
    layer = f"{step.original.name} ({type(step.original).__name__})"
    done = "does nothing" if expected else "takes part"
    raise BuildError(
        f"rebuilt in tf_keras, layer {layer} {done} in training, unlike the original",
        hint=f"replace that layer; {STILL_WORKS}",
    )


def _acts(call: Callable[[bool], Any], training: bool) -> bool:
    return not close(call(training), call(False))


def _few(tree: Any) -> Any:
    """The same structure with few samples: this is asked of every layer."""
    import keras
    import tensorflow as tf

    return keras.tree.map_structure(
        lambda one: one[:SAMPLES] if isinstance(one, tf.Tensor) and one.shape.rank else one, tree
    )
