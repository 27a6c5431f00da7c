"""Why the converter refused a model: the op, the layer that made it and the cure, in one line.

The converter tells of a fault in pages of MLIR with the place of each op spelt out several times.
Everything of it goes into the log; here the part that matters is read out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BuildError
from bench.workers import BUILD_LOG

_OP = re.compile(r"'tf\.(\w+)' op|failed to legalize operation 'tf\.(\w+)'")
_SELECT_OPS = re.compile(r"TF Select ops: ([\w, ]+)")
_CUSTOM_OPS = re.compile(r"Custom ops: ([\w, ]+)")
_NO_16X8 = re.compile(r"Quantization to 16x8-bit not yet supported for op: '(\w+)'")
_NO_RANGE = re.compile(
    r"Max and min for dynamic tensors .*Failed for tensor (?:\w+?_default_)?(\S+)"
)
_PLACE = re.compile(r'"(?P<op>\w+):", "(?P<path>[^"@]+)')
_LISTS = ("TensorList", "TensorArray")
_LONGEST = 200
_NAMED = 4


@dataclass(frozen=True)
class Cause:
    """What the converter stumbled over.

    Attributes:
        ops: TensorFlow's names of the ops, or TFLite's after conversion.
        layers: the layers that made them, as far as they are known.
        words: the converter's own, without places; shown where no op is known.
    """

    ops: tuple[str, ...]
    layers: tuple[str, ...]
    words: str
    lacks_16x8: bool = False


def explain(
    fault: Exception, layers: Mapping[str, str], made: Mapping[str, Sequence[str]] | None = None
) -> BuildError:
    """The refusal as one line.

    Args:
        fault: what the converter raised.
        layers: see :func:`bench.build.forms.layers_by_scope`.
        made: type of TFLite op to the layers that made such ops, where that is known.
    """
    text = str(fault) or type(fault).__name__
    if unranged := _NO_RANGE.search(text):
        # Only the older quantizer, which int16x8 goes through, asks this, of whole numbers too.
        return BuildError(
            f"the converter has no int16x8 form of {unranged[1].partition(':')[0]}, which takes "
            "no range of real values (whole numbers, such as tokens)",
            hint="use quantize:int8 or quantize:dynamic",
        )
    cause = find_cause(text, layers)
    places = cause.layers or tuple(name for op in cause.ops for name in (made or {}).get(op, ()))
    where = f" (layer {', '.join(places[:_NAMED])})" if places else ""
    log = f"all of the converter's words are in {BUILD_LOG}"
    if not cause.ops:
        return BuildError(f"the converter refused the model ({cause.words})", hint=log)
    ops = ", ".join(cause.ops)
    if cause.lacks_16x8:
        return BuildError(
            f"the converter has no int16x8 form of {ops}{where}",
            hint="use quantize:dynamic or quantize:float16",
        )
    if any(op.startswith(_LISTS) for op in cause.ops):
        return BuildError(
            f"TFLite has no form of the loop around {ops}{where}",
            hint=f"give the layer unroll=True, or the input a fixed length and batch size; {log}",
        )
    return BuildError(
        f"TFLite has no form of TensorFlow's {ops}{where}",
        hint=f"replace it by operations that TFLite has; {log}",
    )


def find_cause(text: str, layers: Mapping[str, str]) -> Cause:
    """Read the converter's words.

    Args:
        text: all of them.
        layers: see :func:`bench.build.forms.layers_by_scope`.
    """
    lacking = _NO_16X8.findall(text)
    listed = [
        op.strip()
        for pattern in (_SELECT_OPS, _CUSTOM_OPS)
        for match in pattern.findall(text)
        for op in match.split(",")
    ]
    spelt = [one or other for one, other in _OP.findall(text)]
    ops = tuple(dict.fromkeys(filter(None, lacking or listed or spelt[:1])))
    made = dict.fromkeys(
        layer
        for place in _PLACE.finditer(text)
        if place["op"] in ops and (layer := layer_in(place["path"], layers))
    )
    return Cause(ops, tuple(made), _first_line(without_places(text)), bool(lacking))


def layer_in(path: str, layers: Mapping[str, str]) -> str | None:
    """The innermost layer in the path of an op or tensor, such as ``net/lstm_1/while/MatMul``."""
    parts = path.split(";", maxsplit=1)[0].split("/")
    return next((layers[part] for part in reversed(parts) if part in layers), None)


def without_places(text: str) -> str:
    """The text without ``loc(…)``, whose brackets nest."""
    kept, depth, position = [], 0, 0
    for match in re.finditer(r"loc\(|[()]", text):
        if depth == 0:
            if match[0] != "loc(":
                continue
            kept.append(text[position : match.start()])
        depth += -1 if match[0] == ")" else 1
        if depth == 0:
            position = match.end()
    return "".join(kept) + (text[position:] if depth == 0 else "")


def _first_line(text: str) -> str:
    """The line that says most; the converter may put a traceback before it."""
    lines = [re.sub(r"^.*?<unknown>:0: ", "", line).strip(" :") for line in text.splitlines()]
    lines = [re.sub(r"^error:\s*:?\s*", "", line) for line in lines]
    said = [line for line in lines if line and not line.startswith(("note", "Traceback", "File "))]
    first = next(iter(said), "it gives no reason")
    return first if len(first) <= _LONGEST else first[:_LONGEST].rsplit(" ", 1)[0] + " …"
