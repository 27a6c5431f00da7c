"""Samples are held against a model's inputs in one place: names, shapes, types."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import data
from bench.errors import DataError
from bench.inputs import InputSpec, cast, fit

IMAGE = InputSpec("image", (None, 8, 8, 3), "float32", tensor="serving_default_image:0")
GREY = InputSpec("image", (None, 8, 8, 1), "float32")
TABLE = InputSpec("table", (None, 4), "float32")
ANY = InputSpec("image", (None, None, None, 3), "float32")
TOKENS = InputSpec("tokens", (None, 5), "int32")
BYTES = InputSpec("image", (None, 8, 8, 3), "uint8")
INT8 = InputSpec("image", (None, 8, 8, 3), "int8", scale=0.5, zero_point=-10)
SOUND = InputSpec("wave", (None,), "float32")


def fitted(specs, **arrays):
    """The test samples of ``x_test``, or of ``x_test:NAME`` for each other keyword."""
    keys = {"x_test" if name == "x" else f"x_test:{name}": a for name, a in arrays.items()}
    return fit(data.from_arrays("here", keys), specs).test.x


def pixels(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", "bool", "int8"])
def test_any_numbers_go_into_an_input_of_floats(dtype):
    values = pixels(3, 8, 8, 3).astype(dtype)
    x = fitted([IMAGE], x=values)
    np.testing.assert_array_equal(x["image"], values)
    assert cast(x["image"], IMAGE).dtype == np.float32


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64"])
def test_whole_numbers_of_any_type_go_into_an_input_of_whole_numbers(dtype):
    tokens = (pixels(3, 5) % 20).astype(dtype)
    got = cast(fitted([TOKENS], x=tokens)["tokens"], TOKENS)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, tokens)


@pytest.mark.parametrize(
    ("spec", "values", "words"),
    [
        (TOKENS, np.full((3, 5), 0.5), "holds fractions such as 0.5, and the model's input tokens"),
        (TOKENS, np.full((3, 5), 2**40), "holds 1099511627776"),
        (BYTES, np.full((3, 8, 8, 3), -1), "give values from 0 to 255"),
        (BYTES, np.full((3, 8, 8, 3), 0.25), "as they were before they were scaled"),
        (InputSpec("on", (None, 2), "bool"), np.full((3, 2), 2), "give values from 0 to 1"),
        (InputSpec("text", (None,), "string"), np.zeros(3), "takes string"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(spec, values, words):
    with pytest.raises(DataError) as caught:
        fitted([spec], x=values)
    assert words in str(caught.value)


def test_values_stored_as_a_quantized_input_stores_them_become_real():
    stored = pixels(2, 8, 8, 3).astype(np.int8)
    real = fitted([INT8], x=stored)["image"]
    np.testing.assert_allclose(real, (stored.astype(float) + 10) * 0.5)
    photo = pixels(2, 8, 8, 3)
    np.testing.assert_array_equal(fitted([INT8], x=photo)["image"], photo)  # real as they are


@pytest.mark.parametrize(
    ("spec", "given_shape", "shape"),
    [
        (GREY, (3, 8, 8), (3, 8, 8, 1)),
        (GREY, (3, 8, 8, 1), (3, 8, 8, 1)),
        (InputSpec("x", (None, 8, 8), "float32"), (3, 8, 8, 1), (3, 8, 8)),
        (IMAGE, (3, 1, 8, 8, 3), (3, 8, 8, 3)),
        (ANY, (3, 5, 7, 3), (3, 5, 7, 3)),
        (InputSpec("n", (None,), "float32"), (3,), (3,)),
        (InputSpec("n", (None, 1), "float32"), (3,), (3, 1)),
        (SOUND, (3, 16_000), (3, 16_000)),
        (InputSpec("wave", (15,), "float32"), (3, 15), (3, 15)),
    ],
)
def test_axes_of_one_are_added_and_dropped(spec, given_shape, shape):
    values = np.ones(given_shape, np.float32)
    assert fitted([spec], x=values)[spec.name].shape == shape


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        (IMAGE, (3, 3, 8, 8), "channels first: np.moveaxis(x_test, 1, -1)"),
        (ANY, (3, 3, 64, 64), "channels first: np.moveaxis(x_test, 1, -1)"),
        (InputSpec("x", (None, 3, 8, 8), "float32"), (3, 8, 8, 3), "np.moveaxis(x_test, -1, 1)"),
        (IMAGE, (3, 16, 16, 3), "bring them to that size"),
        (IMAGE, (3, 8, 8, 1), "turn them into grey or coloured ones"),
        (IMAGE, (3, 7, 8, 8, 3), "join them with np.concatenate"),
        (TABLE, (3, 2, 2), "x_test.reshape(-1, 4)"),
        (TABLE, (3, 5), "(5,), and the model's input table takes (4,)"),
        (InputSpec("scalar", (), "float32"), (3,), "takes ()"),
    ],
)
def test_other_shapes_are_refused_with_what_to_do(spec, shape, words):
    with pytest.raises(DataError) as caught:
        fitted([spec], x=np.ones(shape, np.float32))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_inputs_come_by_name_and_in_the_models_order():
    other = InputSpec("other", (None, 2), "float32", tensor="serving_default_other:0")
    x = fitted([TABLE, other], other=np.ones((3, 2)), table=np.ones((3, 4)))
    assert list(x) == ["table", "other"]
    x = fitted(
        [TABLE, other], **{"serving_default_other:0": np.ones((3, 2))}, table=np.ones((3, 4))
    )
    assert x["other"].shape == (3, 2)


@pytest.mark.parametrize(
    ("specs", "arrays", "words"),
    [
        ([TABLE], {"tabel": np.ones((3, 4))}, "did you mean 'table'"),
        ([TABLE, GREY], {"table": np.ones((3, 4))}, "no samples for the model's input image"),
        ([TABLE, GREY], {"x": np.ones((3, 4))}, "x_test:table, x_test:image"),
    ],
)
def test_wrong_names_are_one_line(specs, arrays, words):
    with pytest.raises(DataError) as caught:
        fitted(specs, **arrays)
    assert words in str(caught.value)


def test_every_split_is_held_against_the_model():
    arrays = {"x_test": np.ones((3, 4)), "x_calibration": np.ones((3, 5))}
    with pytest.raises(DataError, match="x_calibration has samples"):
        fit(data.from_arrays("here", arrays), [TABLE])


def test_what_is_fitted_fits_again():
    samples = data.from_arrays("here", {"x_test": pixels(3, 8, 8)})
    once = fit(samples, [GREY])
    twice = fit(once, [GREY])
    np.testing.assert_array_equal(once.test.x["image"], twice.test.x["image"])
    assert twice.sha256 == samples.sha256


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_what_has_the_shape_is_left_as_it_is(sizes):
    values = np.ones((2, *sizes), np.float32)
    spec = InputSpec("x", (None, *sizes), "float32")
    assert fitted([spec], x=values)["x"] is values


def test_pictures_are_read_at_the_inputs_size(tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs the extra [images]")
    for number, size in enumerate([(10, 12), (20, 5), (8, 8)]):
        folder = tmp_path / "test" / str(number)
        folder.mkdir(parents=True)
        image.new("RGB", size, (number, 0, 0)).save(folder / "p.png")
    samples = data.load(tmp_path)
    assert fit(samples, [IMAGE]).test.x["image"].shape == (3, 8, 8, 3)
    assert fit(samples, [GREY]).test.x["image"].shape == (3, 8, 8, 1)
    first = InputSpec("x", (1, 3, 8, 9), "float32")
    assert fit(samples, [first]).test.x["x"].shape == (3, 3, 8, 9)
    with pytest.raises(DataError, match="pictures of several sizes"):
        fit(samples, [ANY])
    with pytest.raises(DataError, match="pictures are for inputs of"):
        fit(samples, [TABLE])
