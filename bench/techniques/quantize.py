"""Post-training quantization by the TFLite converter.

The arithmetic is described in Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench import plugins
from bench.errors import RecipeError, VerificationError
from bench.techniques import Context, Conversion, Work
from bench.text import name_some
from bench.tflite.values import FileFacts
from bench.values import Step

MODES = ("dynamic", "float16", "int8", "int16x8")

SUMMARY = "post-training quantization; int8 and int16x8 are calibrated on real samples"
ARGUMENT = "dynamic (8-bit weights), float16, int8 (full integer) or int16x8"
OPTIONS: Mapping[str, str] = {
    "io": "type of inputs and outputs of int8: int8 (default), uint8 or float32",
    "rest": "ops that have no such form: int8 (default: none may be left) or float32",
    "per_channel_dense": "yes (default), or no: dense layers that older runtimes can read",
}
TRAINS = False


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step with its options sorted and defaults left out.

    Raises:
        RecipeError: no or an unknown mode, an option that the mode does not have, or a second
            quantization.
    """
    mode = step.argument
    if mode not in MODES:
        name = "quantize" if mode is None else f"quantize:{mode}"
        raise RecipeError(f"{name} is no quantization", hint=plugins.nearest(mode or "", MODES))
    for before in earlier:
        if before.technique in ("quantize", "qat"):
            raise RecipeError(
                f"{step} cannot follow {before}",
                hint="the model is quantized already: keep one of the two",
            )
    options = dict(step.options)
    _choose(step, options, "io", ("int8", "uint8", "float32"), modes=("int8",))
    _choose(step, options, "rest", ("int8", "float32"), modes=("int8", "int16x8"))
    _choose(step, options, "per_channel_dense", ("yes", "no"), modes=("dynamic", "int8"))
    return replace(step, options=tuple(sorted(options.items())))


def apply(step: Step, work: Work, context: Context) -> Work:
    """Ask for the conversion; the converter itself runs once, after all steps."""
    options = dict(step.options)
    conversion = Conversion(
        mode=step.argument,  # type: ignore[arg-type]  # check() has held it against MODES
        io=options.get("io", "int8") if step.argument == "int8" else "float32",  # type: ignore[arg-type]  # as above
        rest=options.get("rest", "int8"),  # type: ignore[arg-type]  # as above
        per_channel_dense=options.get("per_channel_dense", "yes") == "yes",
    )
    return replace(work, done=(*work.done, step), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """After full int8 no op may compute in float.

    Raises:
        VerificationError: a float kernel is left.
    """
    if step.argument != "int8" or "rest" in dict(step.options):
        return
    left = facts.float_ops
    if left:
        raise VerificationError(
            f"the converter has no int8 form of {', '.join(left)} (layer "
            f"{name_some(work.facts['convert']['float_layers'])}), and leaves it in float",
            hint=f"allow that with {step},rest=float32, or use quantize:dynamic",
        )


def _choose(
    step: Step,
    options: dict[str, str],
    key: str,
    values: tuple[str, ...],
    *,
    modes: tuple[str, ...],
) -> None:
    """Hold one option against its values, and drop it where it says the default (the first)."""
    if key not in options:
        return
    if step.argument not in modes:
        raise RecipeError(
            f"quantize:{step.argument} has no option {key!r}",
            hint=f"it goes with {' and '.join(f'quantize:{mode}' for mode in modes)}",
        )
    if options[key] not in values:
        raise RecipeError(f"{key}={options[key]} is unknown", hint=f"use {', '.join(values)}")
    if options[key] == values[0]:
        del options[key]
