"""The converter's pages of MLIR become one line with op, layer and cure."""

from __future__ import annotations

import pytest

from bench.build.causes import explain, find_cause, layer_in, without_places

LAYERS = {"mine_1": "mine", "mine": "mine", "dense_1": "dense", "quant_conv": "conv"}

PLACE = (
    'loc(callsite(fused["{op}:", "functional_1/mine_1/{op}@__inference_function_62"] at '
    'callsite(fused["StatefulPartitionedCall:", "StatefulPartitionedCall@__x_81"] at '
    'fused["StatefulPartitionedCall:", "StatefulPartitionedCall_1"])))'
)


def refusal(op: str, says: str, end: str = "") -> str:
    """As the converter of TensorFlow 2.21 words it."""
    place = PLACE.format(op=op)
    return (
        f"Could not translate MLIR to FlatBuffer.<unknown>:0: error: {place}: 'tf.{op}' op {says}\n"
        f"<unknown>:0: note: {place}: called from\n"
        f'<unknown>:0: note: {place}: see current operation: %3 = "tf.{op}"(%2)\n' + end
    )


FLEX = refusal(
    "MatrixDeterminant",
    "is neither a custom op nor a flex op",
    "Some ops are not supported by the native TFLite runtime\n"
    "TF Select ops: MatrixDeterminant, Roll\nDetails:\n",
)
LISTS = refusal("TensorListReserve", "requires element_shape to be static")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (FLEX, "no form of TensorFlow's MatrixDeterminant, Roll (layer mine)", "replace it"),
        (LISTS, "the loop around TensorListReserve (layer mine)", "unroll=True"),
        (
            "Quantization to 16x8-bit not yet supported for op: 'NEG'.\n",
            "no int16x8 form of NEG (layer dense)",
            "quantize:dynamic",
        ),
        ("Traceback (most recent call last):\nsize 3 != 4", "refused the model (size 3", "log"),
        ("", "refused the model (RuntimeError)", "log"),
    ],
)
def test_a_refusal_is_one_line(text: str, message: str, hint: str) -> None:
    error = explain(RuntimeError(text), LAYERS, {"NEG": ["dense"]})
    assert message in error.message
    assert hint in error.hint
    assert "\n" not in str(error)
    assert "loc(" not in str(error)
    assert len(error.message) < 300


def test_a_long_line_is_cut_between_words() -> None:
    words = find_cause("word " * 200, {}).words
    assert len(words) < 210
    assert words.endswith("word …")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a loc(b(c)d): e", "a : e"),
        ("no (place) here", "no (place) here"),
        ("loc(never closed", ""),
        ("loc(x)loc(y)z", "z"),
    ],
)
def test_places_nest(text: str, left: str) -> None:
    assert without_places(text) == left


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("functional_1/mine_1/while/MatMul_1", "mine"),
        ("net/quant_conv/Relu;net/dense_1/x", "conv"),
        ("StatefulPartitionedCall:0", None),
    ],
)
def test_the_innermost_layer_of_a_path(path: str, layer: str | None) -> None:
    assert layer_in(path, LAYERS) == layer


def test_an_input_of_whole_numbers_has_no_int16x8_form() -> None:
    words = (
        "Max and min for dynamic tensors should be recorded during calibration: Failed for tensor "
    )
    error = explain(RuntimeError(words + "serving_default_tokens:0"), LAYERS)
    assert error.message.startswith("the converter has no int16x8 form of tokens, which takes")
    assert "quantize:int8" in error.hint
