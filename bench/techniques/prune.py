"""Magnitude pruning: the smallest weights become zero while the model is fine-tuned (Zhu and Gupta,
"To prune, or not to prune", 2017), with the Model Optimization Toolkit.

A zero weight saves nothing at run time and no raw byte; it zips well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench import plugins
from bench.errors import BuildError, RecipeError
from bench.techniques import (
    Context,
    Work,
    _keras3_to_2,
    _kernels,
    _model,
    _options,
    _preserve,
    _verify,
)
from bench.techniques._layers import Selection, own_values, select
from bench.techniques._training import FitOptions, fine_tune, steps_per_epoch
from bench.tflite.values import FileFacts
from bench.values import Step

SCHEDULES = ("polynomial", "constant")
PRUNED_FRACTION = 0.6
"""Fraction of the steps after which all zeros are made, by default; the rest heals."""
ROUNDS = 25
"""How often the zeros are chosen anew until then, by default."""

SUMMARY = "magnitude pruning: that fraction of the weights becomes zero, so that it zips well"
ARGUMENT = "fraction of zeros within [0, 1), or m:n for m zeros in each n weights"
OPTIONS: Mapping[str, str] = {
    "each": "layers with a fraction of their own, LAYER:FRACTION behind commas; 0 leaves one alone",
    "schedule": "polynomial (cubic, default), constant, or your own module:function, called with "
    "(step, begin, end, target) for the fraction at that step",
    "initial": "fraction of zeros at the begin of the polynomial, default 0.2",
    "begin": "step of the optimizer at which pruning begins, default 0",
    "end": "step at which all zeros are made, default after 60 % of all steps",
    "frequency": "steps between two choices of zeros, default such that there are 25",
    "block": "HxW: zeros come in blocks, such as 4x1; Dense layers only",
    **_options.TRAINING_OPTIONS,
}
DEFAULTS = {
    "schedule": "polynomial",
    "initial": "0.2",
    "begin": "0",
    "epochs": "4",
    "lr": "0.001",
    "batch": "64",
    "distill": "0",
}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: a fraction outside [0, 1), a value out of range, or an impossible order.
    """
    reasons = {
        **_options.AFTER_CONVERSION,
        "cluster": "zero would come as one more value into each cluster",
    }
    _options.refuse_after(step, earlier, reasons)
    argument = _m_by_n(step) if ":" in (step.argument or "") else _options.fraction(step)
    parsers = {
        "each": _options.by_layer("each", _options.part("each")),
        "schedule": _schedule_name,
        "initial": _options.real("initial", 0, 0.999),
        "begin": _options.whole("begin", 0),
        "end": _options.whole("end", 1),
        "frequency": _options.whole("frequency", 1),
        "block": _block,
        **_options.training_parsers(),
    }
    parsers["epochs"] = _options.whole("epochs", 1, 10_000)
    step = _options.canonical(step, argument, parsers, DEFAULTS)
    given = dict(step.options)
    if ":" in argument and given.keys() & {"block", "schedule", "initial", "each"}:
        raise RecipeError(
            f"{step}: m:n pruning has no block=, schedule=, initial= or each=",
            hint=f"write prune:{argument}",
        )
    begin, end = int(given.get("begin", 0)), int(given.get("end", 10**9))
    if begin >= end:
        raise RecipeError(f"{step}: begin is not before end", hint="give a begin below end")
    return step


def apply(step: Step, work: Work, context: Context) -> Work:
    """Prune and fine-tune a copy; zeros of an earlier pruning stay zero.

    Raises:
        BuildError: no layer can be pruned this way, or the schedule does not fit into the training.
        DataError: no samples to fine-tune on, or they do not fit.
    """
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

    values = _options.chosen(step, DEFAULTS)
    model = _model.trainable(work, context)
    selection, asked = _select(model, step, values)
    fit_options = FitOptions.of(values)
    per_epoch = steps_per_epoch(context, fit_options.batch)
    begin, end, frequency = plan(values, per_epoch * fit_options.epochs)
    # The zeros are complete after step `end`: no earlier epoch may count as the best.
    fit_options = replace(fit_options, first_best=-(-end // per_epoch))
    parameters: dict[str, Any] = {}
    if ":" in (step.argument or ""):
        parameters["sparsity_m_by_n"] = _pair(step.argument or "", ":")
    if "block" in values:
        parameters["block_size"] = _pair(values["block"], "x")
    kept = _preserve.kept_by(work, model)
    variables = _kernels.variables_of(model)

    def wrapper(layer: Any) -> Any:
        # The toolkit's own list of layers lacks wrappers such as Bidirectional; it asks this first.
        layer.get_prunable_weights = lambda: [one.variable for one in _kernels.kernels_of(layer)]
        schedule = _schedule(values, asked[layer.name], begin, end, frequency)
        return pruning_wrapper.PruneLowMagnitude(layer, pruning_schedule=schedule, **parameters)

    wrapped = _model.wrap(model, selection.chosen, wrapper)
    facts = fine_tune(
        wrapped,
        fit_options,
        context,
        work,
        step,
        callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
        after_batch=_preserve.keeper(kept, variables),
    )
    clean = _keras3_to_2.clone(tfmot.sparsity.keras.strip_pruning(wrapped))
    facts |= _reached(clean, selection, asked)
    return _model.taken(work, step, clean, facts)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """The file's kernels hold at most one point fewer zeros than were asked, in their pattern.

    Raises:
        VerificationError: they hold fewer, or the pattern (m:n, blocks) is not kept.
    """
    _verify.sparsity(step, work, facts)
    if ":" in (step.argument or ""):
        _verify.pattern(step, work, facts, *_pair(step.argument or "", ":"))
    if block := dict(step.options).get("block"):
        _verify.blocks(step, work, facts, *_pair(block, "x"))


def plan(values: Mapping[str, str], steps: int) -> tuple[int, int, int]:
    """Begin, end and frequency in steps of the optimizer, such that the last choice falls on end.

    Raises:
        BuildError: the training is over before the end.
    """
    begin = int(values["begin"])
    end = int(values.get("end", max(begin + 1, round(steps * PRUNED_FRACTION))))
    if end > steps:
        raise BuildError(
            f"pruning would end at step {end}, and training takes {steps} steps",
            hint=f"give end={steps} or less, or more epochs",
        )
    frequency = int(values.get("frequency", max(1, (end - begin) // ROUNDS)))
    frequency = min(frequency, end - begin)
    return begin, begin + (end - begin) // frequency * frequency, frequency


def _target(step: Step) -> float:
    if ":" not in (step.argument or ""):
        return float(step.argument or 0)
    zeros, weights = _pair(step.argument or "", ":")
    return zeros / weights


def _schedule(
    values: Mapping[str, str], target: float, begin: int, end: int, frequency: int
) -> Any:
    """The toolkit's schedule, or one made of the user's own function."""
    from tensorflow_model_optimization.sparsity import keras as sparsity

    name = values["schedule"]
    if name == "constant":
        return sparsity.ConstantSparsity(target, begin, end, frequency)
    if name == "polynomial":
        initial = min(float(values["initial"]), target)
        return sparsity.PolynomialDecay(initial, target, begin, end, frequency=frequency)
    return _own_schedule(name, target, begin, end, frequency)


def _own_schedule(name: str, target: float, begin: int, end: int, frequency: int) -> Any:
    """A schedule that follows a table of the user's function, so that it may be plain Python."""
    import tensorflow as tf
    from tensorflow_model_optimization.sparsity import keras as sparsity

    function = plugins.load_function(name, BuildError)
    if not callable(function):
        raise BuildError(f"schedule={name} is not a function", hint="name a function")
    fractions = fractions_of(function, name, target, begin, end, frequency)

    class Own(sparsity.PruningSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            index = tf.clip_by_value((step - begin) // frequency, 0, len(fractions) - 1)
            due = self._should_prune_in_step(step, begin, end, frequency)
            return due, tf.gather(tf.constant(fractions, tf.float32), index)

        def get_config(self) -> dict[str, Any]:
            return {"class_name": type(self).__name__, "config": {}}

    return Own()


def fractions_of(
    function: Callable[..., Any], name: str, target: float, begin: int, end: int, frequency: int
) -> list[float]:
    """The fractions of zeros that a user's function asks for, at each step where zeros are chosen.

    Raises:
        BuildError: it fails, leaves [0, 1), or does not arrive at the target.
    """
    fractions = []
    for at in range(begin, end + 1, frequency):
        try:
            fraction = float(function(at, begin, end, target))
        except Exception as fault:  # the user's own code may raise anything
            raise BuildError(
                f"schedule={name} failed at step {at} ({type(fault).__name__}: {fault})",
                hint="it is called with (step, begin, end, target) and returns a fraction",
            ) from fault
        if not 0 <= fraction < 1:
            raise BuildError(
                f"schedule={name} returned {fraction:g} at step {at}",
                hint="return a fraction in [0, 1)",
            )
        fractions.append(fraction)
    if abs(fractions[-1] - target) > 0.005:
        raise BuildError(
            f"schedule={name} ends at {fractions[-1]:g}, and {target:g} was asked",
            hint="return the target at the step end",
        )
    return fractions


def _select(
    model: Any, step: Step, values: Mapping[str, str]
) -> tuple[Selection, Mapping[str, float]]:
    """Layers that can be pruned in this pattern, and the fraction of zeros that each shall have."""

    def can(layer: Any) -> bool:
        return _kernels.can_thin_out(layer) and all(map(fits, _kernels.kernels_of(layer)))

    def fits(kernel: _kernels.Kernel) -> bool:
        if "block" in values:
            return kernel.kind == "Dense"
        if ":" in (step.argument or ""):
            # The toolkit fills up a last group that is not full with zeros of its own.
            weights = _pair(step.argument or "", ":")[1]
            inputs = int(kernel.variable.shape[-2])
            return kernel.kind in ("Conv2D", "Dense") and inputs % weights == 0
        return True

    able, unable = _model.split_by(model, can)
    selection = select(values.get("layers"), able, unable)
    own = own_values(values.get("each"), able, unable, option="each")
    asked = {name: float(own.get(name, _target(step))) for name in selection.chosen}
    left = tuple(name for name, value in asked.items() if name not in own or value > 0)
    if not left:
        raise BuildError(f"{step} leaves every layer alone", hint="give one more than 0 zeros")
    return replace(selection, chosen=left), asked


def _reached(model: Any, selection: Selection, asked: Mapping[str, float]) -> dict[str, Any]:
    layers, zeros, size = {}, 0, 0
    for layer in selection.chosen:
        for kernel in _kernels.kernels_of(model.get_layer(layer)):
            values = kernel.variable.numpy()
            layers[kernel.name] = {
                "asked": asked[layer],
                "reached": round(float(np.mean(values == 0)), 4),
                "elements": values.size,
                "gates": kernel.gates,
            }
            zeros, size = zeros + int(np.sum(values == 0)), size + values.size
    return {
        "sparsity": round(zeros / size, 4),
        "layers": layers,
        **_model.skipped_facts(model, selection),
    }


def _schedule_name(text: str) -> str:
    return text if ":" in text else _options.choice("schedule", SCHEDULES)(text)


def _block(text: str) -> str:
    match = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if match is None or "0" in match.groups():
        raise RecipeError(f"block={text} is no block", hint="write height x width, such as 4x1")
    return f"{int(match[1])}x{int(match[2])}"


def _m_by_n(step: Step) -> str:
    match = re.fullmatch(r"(\d+):(\d+)", step.argument or "")
    if match is None or not 0 < int(match[1]) < int(match[2]):
        raise RecipeError(f"{step} is no m:n pattern", hint="write prune:2:4 for 2 zeros in each 4")
    return f"{int(match[1])}:{int(match[2])}"


def _pair(text: str, separator: str) -> tuple[int, int]:
    left, right = text.split(separator)
    return int(left), int(right)
