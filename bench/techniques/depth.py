"""Depth pruning: whole blocks are left out, and what follows reads what they read.

Blocks whose output has the shape of their input can go without anything else being changed, and
the model, fine-tuned, answers in fewer steps. The toolkit has nothing of this kind. That a network
of which blocks are left out can be taught again is known from Huang et al., "Deep Networks with
Stochastic Depth" (2016), and of large ones from Kim et al., "Shortened LLaMA" (2024).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench import text
from bench.errors import BuildError, DataError, RecipeError
from bench.techniques import Context, Work, _blocks_keras, _model, _options, _sensitivity, _verify
from bench.techniques._blocks_graph import Block
from bench.techniques._layers import select
from bench.techniques._training import FitOptions, fine_tune
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "depth pruning: so many blocks are left out, those that matter least"
ARGUMENT = "how many blocks to leave out"
OPTIONS: Mapping[str, str] = {
    **_options.TRAINING_OPTIONS,
    "layers": "only these, each called by its last layer with a kernel: names, types or globs, "
    "! excludes, also first and last",
}
DEFAULTS = {"epochs": "6", "lr": "0.002", "batch": "64", "distill": "0.5"}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: no number of blocks, a value out of range, or an impossible order.
    """
    reasons = {
        **_options.AFTER_CONVERSION,
        "prune": "zeros were chosen for a model with all its blocks",
        "cluster": "values were chosen for a model with all its blocks",
    }
    _options.refuse_after(step, earlier, reasons)
    if not step.argument:
        raise RecipeError(
            f"{step.technique} needs to know how many blocks to leave out", hint="write depth:1"
        )
    count = _options.whole(step.technique, 1, 1000)(step.argument)
    return _options.canonical(step, count, _options.training_parsers(), DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Leave blocks out of a copy, and fine-tune what is left.

    Raises:
        BuildError: the model has fewer such blocks, or the shorter one does not build.
        DataError: no samples to choose blocks or to fine-tune on, or they do not fit.
    """
    values = _options.chosen(step, DEFAULTS)
    model = _model.trainable(work, context)
    able = _chosen(model, values.get("layers"))
    count = int(step.argument or 0)
    if count > len(able):
        names = ", ".join(block.name for block in able)
        counted = text.count(len(able), "block") if able else "no block"
        raise BuildError(
            f"{step}: {model.name} has {counted} that can be left out"
            + (f" ({names})" if names else ""),
            hint=f"write depth:{len(able)}"
            if able
            else "a block's output must have the shape of its input: use channels:0.5",
        )
    left_out = (in_order(model, able, context) if count < len(able) else able)[:count]
    shorter = _blocks_keras.without(model, left_out)
    # What teaches is the model that knows something.
    taught_by = work if work.teacher is not None else replace(work, teacher=work.model)
    facts = fine_tune(shorter, FitOptions.of(values), context, taught_by, step)
    facts |= {
        "parameters_before": int(model.count_params()),
        "parameters": int(shorter.count_params()),
        "left_out": [block.name for block in left_out],
        "skipped": [],
    }
    return _model.taken(taught_by, step, shorter, facts)


def in_order(model: Any, able: Sequence[Block], context: Context) -> Sequence[Block]:
    """Blocks in the order in which they are left out.

    Raises:
        DataError: there are no samples to see that on.
    """
    if not able:
        return []
    if context.data is None:
        raise DataError(
            "depth needs samples to see which blocks matter least",
            hint="give --data, or name the blocks with layers=, as many as are to be left out",
        )
    split = _sensitivity.validation(context, _blocks_keras.SAMPLES)
    return _blocks_keras.ranked(model, able, split)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """The file holds no more parameters than the shorter model.

    Raises:
        VerificationError: it holds more.
    """
    _verify.at_most_parameters(step, work, facts)


def _chosen(model: Any, pattern: str | None) -> tuple[Block, ...]:
    """The blocks that are chosen from."""
    found = _blocks_keras.blocks_of(model)
    if pattern is None or not found:
        return found
    layers = [_model.info(layer) for layer in model.layers]
    names = {block.name for block in found}
    able = [layer for layer in layers if layer.name in names]
    chosen = select(pattern, able, [layer for layer in layers if layer.name not in names]).chosen
    return tuple(block for block in found if block.name in chosen)
