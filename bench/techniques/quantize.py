"""Post-training quantization, by the TFLite converter or by LiteRT's own quantizer.

``dynamic``, ``float16``, ``int8`` and ``int16x8`` are the converter's. All others begin with a
float .tflite, which ``bench.quantizer`` takes when all other steps are done and converted.

The arithmetic is described in Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench import plugins
from bench.errors import RecipeError, VerificationError
from bench.quantizer.schemes import ALGORITHMS, MAX_LOSS, SCHEMES, USUAL, wish_of
from bench.techniques import Context, Conversion, Work, _options
from bench.techniques._verify import activation_bits, weight_bits
from bench.text import name_some
from bench.tflite.values import FileFacts
from bench.values import Step

BY_CONVERTER = ("dynamic", "float16", "int8", "int16x8")
MODES = (*BY_CONVERTER, *SCHEMES)

SUMMARY = "post-training quantization; what computes in integers is calibrated on real samples"
ARGUMENT = (
    "dynamic (8-bit weights), float16, int8 (full integer) or int16x8; with [quantize] and without "
    "TensorFlow w8a8, w4a8, w8a16 (bits of weights and activations), w8, w4 or mixed (4 or 8)"
)
OPTIONS: Mapping[str, str] = {
    "algorithm": "of w… and mixed: min-max, mse or octav (default: min-max in 8 bits; in 4 bits by "
    "layer whichever moves the answers least)",
    "io": "type of inputs and outputs of int8, w8a8, w4a8 and mixed: int8 (default) or float32; of "
    "int8 also uint8",
    "max-loss": f"what mixed may lose on validation samples (default {MAX_LOSS:.0%})",
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
    rewritten = {key: _options.AFTER_CONVERSION[key] for key in ("scales", "sparse", "strip")}
    _options.refuse_after(step, earlier, rewritten)
    options = dict(step.options)
    ports = ("int8", "uint8", "float32") if mode == "int8" else ("int8", "float32")
    _choose(step, options, "io", ports, modes=("int8", "w8a8", "w4a8", "mixed"))
    _choose(step, options, "algorithm", ("", *ALGORITHMS), modes=tuple(SCHEMES))
    if mode in SCHEMES and SCHEMES[mode].weights == 8 and options.get("algorithm") == USUAL:
        del options["algorithm"]
    if "max-loss" in options:
        _set_max_loss(step, options)
    _choose(step, options, "rest", ("int8", "float32"), modes=("int8", "int16x8"))
    _choose(step, options, "per_channel_dense", ("yes", "no"), modes=("dynamic", "int8"))
    return replace(step, options=tuple(sorted(options.items())))


def apply(step: Step, work: Work, context: Context) -> Work:
    """Ask for the conversion; the converter itself runs once, after all steps."""
    if wish_of(step) is not None:
        return replace(work, done=(*work.done, step))
    options = dict(step.options)
    conversion = Conversion(
        mode=step.argument,  # type: ignore[arg-type]  # check() has held it against MODES
        io=options.get("io", "int8") if step.argument == "int8" else "float32",  # type: ignore[arg-type]  # as above
        rest=options.get("rest", "int8"),  # type: ignore[arg-type]  # as above
        per_channel_dense=options.get("per_channel_dense", "yes") == "yes",
    )
    return replace(work, done=(*work.done, step), conversion=conversion)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """After full int8 no op may compute in float; what the quantizer made has the bits it says.

    Raises:
        VerificationError: a float kernel is left, or weights have other bits.
    """
    if (wish := wish_of(step)) is not None:
        weight_bits(step, work, facts)
        activation_bits(step, wish, facts)
    if step.argument != "int8" or "rest" in dict(step.options):
        return
    left = facts.float_ops
    if left:
        raise VerificationError(
            f"the converter has no int8 form of {', '.join(left)} (layer "
            f"{name_some(work.facts['convert']['float_layers'])}), and leaves it in float",
            hint=f"allow that with {step},rest=float32, or use quantize:dynamic",
        )


def _set_max_loss(step: Step, options: dict[str, str]) -> None:
    """Hold ``max-loss`` against its bounds, in its canonical spelling: ``0.5%``."""
    if step.argument != "mixed":
        raise RecipeError(
            f"quantize:{step.argument} has no option 'max-loss'", hint="it goes with quantize:mixed"
        )
    text = options.pop("max-loss")
    try:
        percent = float(text.removesuffix("%")) * (1 if text.endswith("%") else 100)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise RecipeError(f"max-loss={text} is no share", hint="write max-loss=1%")
    if percent != MAX_LOSS * 100:
        options["max-loss"] = f"{percent:g}%"


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
    if options[key] not in values or not options[key]:
        known = ", ".join(filter(None, values))
        raise RecipeError(f"{key}={options[key]} is unknown", hint=f"use {known}")
    if options[key] == values[0]:
        del options[key]
