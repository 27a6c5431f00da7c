"""How many bits a weight has by a recipe's last step: ``qat``, ``quantize:…``, or none."""

from __future__ import annotations

from collections.abc import Mapping

from bench import plugins, workers
from bench.build.builder import QUANTIZER
from bench.quantizer.schemes import MAX_LOSS, SCHEMES
from bench.report.recommend import Aim
from bench.searching.layout import Layout

LOW_BITS: Mapping[str, int] = {"w4a8": 4, "w4": 4, "mixed": 6}
"""Arguments of ``quantize`` with fewer bits than eight, where the installed one has them."""

INT8, INT8_BITS = "quantize:int8", 8

SMALLER_INT8 = "quantize:w8a8,algorithm=mse"
"""Of `fashion` 118 kB zipped instead of 134, and as good; another net may lose by it."""


def is_by_converter(ending: str) -> bool:
    """Whether an ending's file is the converter's, and may be rewritten."""
    return mode_of(ending) not in SCHEMES


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
        modes = tuple(mode for mode in modes if mode not in SCHEMES)
    if layout.is_ready:
        modes = tuple(mode for mode in modes if mode in SCHEMES)
    found = {mode: f"quantize:{mode}" for mode in modes}
    if "mixed" in found and max_loss not in (0, MAX_LOSS):
        found["mixed"] += f",max-loss={100 * min(1.0, max(0.0, max_loss)):g}%"
    if layout.refused or not samples:
        return (*found.values(), *([SMALLER_INT8] if "w8a8" in found else []))
    low = tuple(ending for mode, ending in found.items() if mode in LOW_BITS)
    trained = ("qat",) if layout.able("qat") else ()
    float32 = ("",) if aim == "latency" else ()
    return (*trained, INT8, *low, *float32)
