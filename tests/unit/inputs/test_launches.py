"""What launches are fed: signature, shapes, bounds and samples."""

from __future__ import annotations

import numpy as np
import pytest

from bench import build, data
from bench.errors import DataError, ModelError, UsageError
from bench.inputs import launches
from bench.values import MeasuredInput, Plan
from tests import tflite_files

OPEN = tflite_files.tanh(shape=(1, 1, 8), signature=(-1, -1, 8))


@pytest.fixture
def variants(tmp_path, monkeypatch):
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "cache"))

    def make(*contents):
        paths = []
        for number, content in enumerate(contents):
            paths.append(tmp_path / f"m{number}.tflite")
            paths[-1].write_bytes(content)
        return build.ready(paths)

    return make


def only(fed):
    (variant,) = fed.variants
    (each,) = variant.inputs
    return each


def samples(**arrays):
    return data.from_arrays("here", arrays)


def test_a_file_that_says_all_needs_nothing(variants):
    each = only(launches.feed(variants(tflite_files.tanh()), Plan(), None))
    assert each == MeasuredInput("x", "x", "float32", (1, 8))


def test_an_open_batch_is_one(variants):
    content = tflite_files.tanh(signature=(-1, 8))
    each = only(launches.feed(variants(content), Plan(), None))
    assert (each.shape, each.is_open, each.is_resized) == ((1, 8), False, False)
    plan = Plan(input_shapes=(("x", (4, 8)),))
    assert only(launches.feed(variants(content), plan, None)).shape == (4, 8)


def test_an_open_size_is_the_one_asked_for_else_the_samples_else_refused(variants):
    files = variants(OPEN)
    x = samples(x_test=np.ones((3, 6, 8)), x_train=np.ones((3, 9, 8)))
    plan = Plan(input_shapes=(("x", (2, 5, 8)),))
    assert only(launches.feed(files, plan, x)).shape == (2, 5, 8)
    by_samples = only(launches.feed(files, Plan(), x))
    assert (by_samples.shape, by_samples.is_open, by_samples.is_resized) == ((1, 6, 8), True, True)
    with pytest.raises(UsageError, match=r"--input-shape x=1,\?,8 with a number for each \?"):
        launches.feed(files, Plan(), None)


def test_a_sound_of_any_length_is_open_and_a_sample_tells_it(variants):
    files = variants(tflite_files.tanh(shape=(1,), signature=(-1,)))
    with pytest.raises(UsageError, match="leaves sizes of its input x open"):
        launches.feed(files, Plan(), None)
    assert only(launches.feed(files, Plan(), samples(x_test=np.ones((3, 160))))).shape == (160,)


@pytest.mark.parametrize(
    ("plan", "error", "words"),
    [
        (Plan(input_shapes=(("w", (1, 5, 8)),)), UsageError, "--input-shape names no input"),
        (Plan(input_ranges=(("w", (0, 1)),)), UsageError, "--input-range names no input"),
        (Plan(input_shapes=(("x", (1, 5, 9)),)), UsageError, "fixed at (?, ?, 8)"),
        (Plan(input_shapes=(("x", (5, 8)),)), UsageError, "fixed at (?, ?, 8)"),
        (Plan(signature="encode"), ModelError, "leave --signature out"),
        (Plan(real_inputs=True), DataError, "--real-inputs without test samples"),
    ],
)
def test_what_makes_no_sense_is_refused(variants, plan, error, words):
    with pytest.raises(error) as caught:
        launches.feed(variants(OPEN), plan, None)
    assert words in str(caught.value)


def test_real_inputs_are_of_the_samples_shape(variants):
    x = samples(x_test=np.ones((3, 6, 8)))
    each = only(launches.feed(variants(OPEN), Plan(real_inputs=True), x))
    assert (each.shape, each.from_samples) == ((1, 6, 8), True)
    both = Plan(real_inputs=True, input_shapes=(("x", (1, 5, 8)),))
    with pytest.raises(DataError, match="leave --input-shape or --real-inputs out"):
        launches.feed(variants(OPEN), both, x)


def test_indices_are_samples_and_never_beyond_the_samples_bounds(variants):
    files = variants(tflite_files.gather(20))
    x = samples(x_test=np.array([3, 7]), x_train=np.array([2, 11]))
    each = only(launches.feed(files, Plan(), x))
    assert (each.from_samples, each.bounds) == (True, (2, 12))
    asked = only(launches.feed(files, Plan(input_ranges=(("index", (0, 5)),)), x))
    assert (asked.from_samples, asked.bounds) == (False, (0, 5))
    without = only(launches.feed(files, Plan(), None))
    assert (without.from_samples, without.bounds) == (False, (0, 20))  # the table's rows


def test_an_integer_that_points_into_no_table_has_no_bounds(variants):
    fed = launches.feed(variants(tflite_files.add("int32")), Plan(), None)
    assert [each.bounds for each in fed.variants[0].inputs] == [None, None]


def test_a_signature_is_chosen_or_refused(variants):
    fed = launches.feed(variants(tflite_files.two_signatures("serving_default")), Plan(), None)
    assert [each.name for each in fed.variants[0].inputs] == ["a"]
    assert fed.variants[0].signature == "serving_default"
    second = launches.feed(variants(tflite_files.two_signatures()), Plan(signature="second"), None)
    assert [(i.name, i.tensor) for i in second.variants[0].inputs] == [("p", "p1"), ("q", "q1")]
    with pytest.raises(ModelError, match="choose one: --signature first"):
        launches.feed(variants(tflite_files.two_signatures()), Plan(), None)


def test_an_only_input_may_have_another_name_in_another_variant(variants):
    other = tflite_files.tanh("y0", shape=(1, 1, 8), signature=(-1, -1, 8))
    plan = Plan(input_shapes=(("x", (1, 5, 8)),))
    fed = launches.feed(variants(OPEN, other), plan, None)
    assert [each.shape for variant in fed.variants for each in variant.inputs] == [(1, 5, 8)] * 2
    x = samples(x_test=np.ones((3, 6, 8)))
    fed = launches.feed(variants(OPEN, other), Plan(real_inputs=True), x)
    taken = launches.sample(fed.data, fed.variants)
    assert taken is not None
    assert {name: values.shape for name, values in taken.items()} == {"": (1, 6, 8)}


def test_a_sample_fills_the_batch(variants, tmp_path):
    x = samples(x_test=np.arange(48.0).reshape(2, 3, 8))
    plan = Plan(real_inputs=True, input_shapes=(("x", (5, 3, 8)),))
    fed = launches.feed(variants(OPEN), plan, x)
    launches.write_sample(tmp_path / "s.npz", fed.data, fed.variants)
    with np.load(tmp_path / "s.npz") as saved:
        assert saved[""].shape == (5, 3, 8)
    launches.write_sample(tmp_path / "none.npz", None, fed.variants)
    assert not (tmp_path / "none.npz").exists()


def test_how_samples_were_divided_is_told(variants):
    rng = np.random.default_rng(0)
    fed = launches.feed(variants(OPEN), Plan(), data.load((rng.normal(size=(40, 6, 8)), None)))
    assert "chosen by their content" in fed.warnings[0].message
