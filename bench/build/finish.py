"""What is done to a finished .tflite: sparse weights, rounded scales, names left out.

It computes as before; with rounded scales, next to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.build import trial
from bench.errors import BuildError, ModelError, telling_line
from bench.techniques import Conversion
from bench.tflite import reader
from bench.tflite.facts import facts_of
from bench.tflite.rewrite import store_sparse, strip_names
from bench.tflite.scales import round_scales, scale_bits


def finish(content: bytes, conversion: Conversion) -> tuple[bytes, dict[str, Any]]:
    """The file as the conversion asks for it, and what came of that, by technique.

    ``sparse``: names of the ``kernels`` that are stored so, and why there are none
    (``not_because``); ``scales``: significant ``bits`` of the file's scales; ``strip``: the
    ``name_bytes`` that are left.

    Raises:
        BuildError: scales cannot be rounded in this file, or names not be left out of it.
    """
    facts: dict[str, Any] = {}
    if conversion.sparse:
        content, facts["sparse"] = _sparse(content)
    if conversion.scale_bits is not None:
        content = _with_scales_of(content, conversion.scale_bits)
        facts["scales"] = {"bits": scale_bits(reader.parse(content))}
    if conversion.strip:
        try:
            stripped = strip_names(content)
        except ModelError as fault:
            raise BuildError(fault.message, hint=fault.hint) from fault
        why = _difference(content, stripped)
        if why:
            raise BuildError(f"without its names the file {why}", hint="leave strip out")
        content = stripped
        facts["strip"] = {"name_bytes": facts_of(content).name_bytes or 0}
    return content, facts


def _sparse(content: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        candidate, names = store_sparse(content)
    except ModelError as fault:
        return content, {"kernels": [], "not_because": fault.message}
    why = ""
    if not names or len(candidate) >= len(content):
        why = "no kernel has zeros enough to take fewer bytes so, in a form that runtimes load"
    else:
        why = _difference(content, candidate)
        why = f"the local runtime: it {why}" if why else ""
    if why:
        return content, {"kernels": [], "not_because": why}
    return candidate, {"kernels": list(names)}


def _difference(before: bytes, after: bytes) -> str:
    """What is wrong with the second file, held against the first; empty where nothing is.

    Both run on the local interpreter as it comes and without XNNPACK; answers must be the same bit
    by bit. A file that does not run itself says nothing of the other.
    """
    for delegate in (None, "none"):
        try:
            expected = trial.answers(before, delegate=delegate)
        except (RuntimeError, ValueError):
            return ""
        try:
            found = trial.answers(after, delegate=delegate)
        except (RuntimeError, ValueError) as fault:
            return f"does not load ({telling_line(fault)})"
        same = expected.keys() == found.keys() and all(
            np.array_equal(expected[name], found[name], equal_nan=True) for name in expected
        )
        if not same:
            return "answers otherwise"
    return ""


def _with_scales_of(content: bytes, bits: int) -> bytes:
    """The file with rounded scales, which loads where it did before."""
    try:
        rounded = round_scales(content, bits)
    except ModelError as fault:
        raise BuildError(fault.message, hint=fault.hint) from fault
    for delegate in (None, "none"):
        try:
            trial.answers(content, delegate=delegate)
        except (RuntimeError, ValueError):
            continue
        try:
            trial.answers(rounded, delegate=delegate)
        except (RuntimeError, ValueError) as fault:
            raise BuildError(
                f"with rounded scales the file does not load ({telling_line(fault)})",
                hint="leave scales out",
            ) from fault
    return rounded
