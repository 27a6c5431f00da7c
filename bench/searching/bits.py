"""How many bits a weight has by a recipe's last step: ``qat``, ``quantize:…``, or none."""

from __future__ import annotations

from collections.abc import Mapping

from bench import plugins, workers
from bench.quantizer.schemes import MAX_LOSS
from bench.report.recommend import Aim
from bench.searching.layout import Layout

BY_CONVERTER = ("dynamic", "float16", "int8", "int16x8")
"""Arguments of ``quantize`` that need nothing but the converter."""
QUANTIZER = "litert-quantizer"
"""The package that all others need."""

LOW_BITS: Mapping[str, int] = {"w4a8": 4, "w4": 4, "mixed": 6}
"""Arguments of ``quantize`` with fewer bits than eight, where the installed one has them."""

INT8, INT8_BITS = "quantize:int8", 8

SMALLER_INT8 = "quantize:w8a8,algorithm=mse"
"""Of `fashion` 118 kB zipped instead of 134, and as good; another net may lose by it."""


def is_by_converter(ending: str) -> bool:
    """Whether an ending's file is the converter's, and may be rewritten."""
    return not ending.startswith("quantize:") or mode_of(ending) in BY_CONVERTER


def mode_of(ending: str) -> str:
    """The argument of ``quantize``; empty where an ending is another."""
    return ending.partition(":")[2].partition(",")[0]


def bits_of(ending: str) -> int:
    """Bits of a weight with that ending; of ``mixed`` about."""
    if ending == "qat":
        return INT8_BITS
    mode = mode_of(ending)
    return LOW_BITS.get(mode, {"": 32, "float16": 16}.get(mode, INT8_BITS))


def in_words(ending: str) -> str:
    """What weights are with that ending: ``int8``, ``w4a8``, ``float32``."""
    return "int8" if ending == "qat" else mode_of(ending) or "float32"


def endings_of(
    layout: Layout, aim: Aim, samples: int, *, max_loss: float = MAX_LOSS
) -> tuple[str, ...]:
    """How a model can be quantized at the end of a recipe.

    Args:
        samples: to train on; where nothing can be trained, all that there is is tried.
        max_loss: that a search allows, which ``mixed`` is told.
    """
    modes = plugins.load("techniques", "quantize").MODES
    if workers.version(QUANTIZER) is None:
        modes = tuple(mode for mode in modes if mode in BY_CONVERTER)
    if layout.is_ready:
        modes = tuple(mode for mode in modes if mode not in BY_CONVERTER)
    options = {"mixed": "" if max_loss in (0, MAX_LOSS) else f",max-loss={100 * max_loss:g}%"}
    found = {mode: f"quantize:{mode}{options.get(mode, '')}" for mode in modes}
    if layout.refused or not samples:
        return (*found.values(), *(SMALLER_INT8 for mode in modes if mode == "w8a8"))
    low = tuple(ending for mode, ending in found.items() if mode in LOW_BITS)
    trained = ("qat",) if layout.able("qat") else ()
    float32 = ("",) if aim == "latency" else ()
    return (*trained, INT8, *low, *float32)
