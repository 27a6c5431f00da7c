"""What the workers know without being started: inputs, outputs, and the interpreter's words."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import workers
from bench.errors import LAUNCH_ERROR_CLASSES, DataError
from bench.workers import evaluate, launch
from bench.workers.answering import by_sample
from bench.workers.interpreter import (
    LoadedModel,
    choose_signature,
    random_input,
    to_input,
    to_real,
)
from tests import tflite_files
from tests.flatbuffer_models import ModelBuilder

REAL = (0.0, 0)


def details(dtype, shape=(2, 3), quantization=REAL):
    return {"dtype": dtype, "shape": np.array(shape), "quantization": quantization}


@pytest.fixture
def file(tmp_path):
    def write(content: bytes) -> str:
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        return str(path)

    return write


def test_a_worker_starts_from_this_package_and_not_from_the_current_folder():
    command = workers.command("bench.workers.launch")
    assert command[0] == sys.executable
    assert "bench.workers.launch" in command[2]
    assert "sys.path[0] = " in command[2]


def test_versions_are_looked_up_without_importing():
    assert workers.version("numpy") == np.__version__
    assert workers.version("no-such-distribution") is None


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.float32, "f"), (np.float16, "f"), (np.float64, "f"), (np.complex64, "c"),
        (np.int8, "i"), (np.uint8, "u"), (np.int16, "i"), (np.int32, "i"), (np.int64, "i"),
        (np.uint32, "u"), (np.uint64, "u"), (np.bool_, "b"),
    ],
)  # fmt: skip
def test_random_inputs_by_type(dtype, kind):
    value = random_input(details(dtype), np.random.default_rng(0), None)
    assert value.dtype == dtype
    assert value.dtype.kind == kind
    assert value.shape == (2, 3)
    again = random_input(details(dtype), np.random.default_rng(0), None)
    np.testing.assert_array_equal(value, again)


def test_random_bytes_use_all_values_and_wide_integers_stay_small():
    generator = np.random.default_rng(0)
    small = random_input(details(np.int8, (10_000,)), generator, None)
    assert (small.min(), small.max()) == (-128, 127)
    wide = random_input(details(np.int32, (10_000,)), generator, None)
    assert (wide.min(), wide.max()) == (0, 99)


@given(low=st.integers(-1000, 1000), span=st.integers(1, 1000))
def test_bounds_hold(low, span):
    for dtype in (np.int32, np.float32):
        value = random_input(
            details(dtype, (50,)), np.random.default_rng(0), (float(low), float(low + span))
        )
        assert value.min() >= low
        assert value.max() <= low + span if dtype is np.float32 else value.max() < low + span


def test_no_random_value_for_a_type_that_nobody_knows():
    with pytest.raises(ValueError, match="no random values"):
        random_input(details(np.dtype("V2")), np.random.default_rng(0), None)


def test_a_scalar_and_a_string_input():
    assert random_input(details(np.float32, ()), np.random.default_rng(0), None).shape == ()
    strings = random_input(details(np.bytes_), np.random.default_rng(0), None)
    assert strings.shape == (2, 3)
    assert set(strings.ravel()) == {b""}


@given(
    values=st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20),
    dtype=st.sampled_from([np.int8, np.uint8, np.int16]),
)
def test_quantizing_is_undone_within_half_a_step(values, dtype):
    scale, zero = 6.5 / 255, 128 if dtype is np.uint8 else 0
    samples = np.array(values, np.float32)
    quantized = to_input(samples, details(dtype, quantization=(scale, zero)))
    assert quantized.dtype == dtype
    real = to_real(quantized, details(dtype, quantization=(scale, zero)))
    assert real.dtype == np.float32
    assert np.abs(real - samples).max() <= scale / 2 + 1e-4


def test_quantizing_stops_at_the_ends_of_the_type():
    quantized = to_input(np.array([-9e9, 9e9]), details(np.int8, quantization=(0.1, 3)))
    assert quantized.tolist() == [-128, 127]


def test_bytes_are_real_values_whatever_type_takes_them():
    samples = np.array([0, 200, 255], np.uint8)
    assert to_input(samples, details(np.int8, quantization=(1.0, -128))).tolist() == [-128, 72, 127]
    assert to_input(samples, details(np.uint8, quantization=(2.0, 3))).tolist() == [3, 103, 131]
    assert to_input(samples, details(np.float32)).tolist() == [0.0, 200.0, 255.0]
    assert to_input(samples, details(np.int32)).tolist() == [0, 200, 255]


@pytest.mark.parametrize(
    ("sample", "dtype"), [(0.5, np.int32), (-1, np.uint8), (300, np.int8), (1e20, np.int64)]
)
def test_what_an_input_of_whole_numbers_cannot_hold_does_not_go_in(sample, dtype):
    with pytest.raises(ValueError, match="which does not hold the samples"):
        to_input(np.array([sample]), details(dtype))


@pytest.mark.parametrize("name", tflite_files.RUNNABLE)
def test_any_input_can_be_fed_and_run(file, name):
    graph = LoadedModel(file(tflite_files.RUNNABLE[name]()), threads=1)
    graph.allocate()
    generator = np.random.default_rng(0)
    graph.feed({n: random_input(d, generator, None) for n, d in graph.inputs().items()})
    graph.run()
    answers = graph.answers()
    assert {n: v.shape for n, v in answers.items()} == {
        n: tuple(d["shape"]) for n, d in graph.outputs().items()
    }


@pytest.mark.parametrize("delegate", [None, "xnnpack", "none"])
def test_what_comes_out_is_what_the_op_says(file, delegate):
    graph = LoadedModel(file(tflite_files.add()), threads=2, delegate=delegate)
    graph.allocate()
    graph.feed({"x": np.full((1, 8), 2.0, np.float32), "z": np.arange(8, dtype="f4")[None]})
    graph.run()
    np.testing.assert_array_equal(graph.answers()["y"], [np.arange(2, 10)])


@pytest.mark.parametrize(("key", "inputs"), [("first", {"a"}), ("second", {"p", "q"})])
def test_a_signature_has_its_own_inputs(file, key, inputs):
    graph = LoadedModel(file(tflite_files.two_signatures()), threads=1, signature=key)
    assert set(graph.inputs()) == inputs
    graph.allocate()
    graph.feed({n: np.ones(d["shape"], np.float32) for n, d in graph.inputs().items()})
    graph.run()
    (answer,) = graph.answers().values()
    assert answer.ravel()[0] == pytest.approx(2.0 if key == "second" else np.tanh(1.0), rel=1e-3)


@pytest.mark.parametrize(
    ("known", "wanted", "chosen"),
    [
        ([], None, None),
        (["only"], None, "only"),
        (["a", "serving_default"], None, "serving_default"),
        (["a", "serving_default"], "a", "a"),
        (["a", "b"], "b", "b"),
    ],
)
def test_the_signature_that_is_run(known, wanted, chosen):
    assert choose_signature(known, wanted) == chosen


@pytest.mark.parametrize(
    ("known", "wanted"), [(["a", "b"], None), (["a"], "b"), ([], "a"), (["serving_default"], "a")]
)
def test_a_signature_is_never_guessed(known, wanted):
    with pytest.raises(ValueError, match="no signature"):
        choose_signature(known, wanted)


def test_several_signatures_and_none_that_is_the_default(file):
    with pytest.raises(ValueError, match="to choose from first, second"):
        LoadedModel(file(tflite_files.two_signatures()), threads=1)
    graph = LoadedModel(file(tflite_files.two_signatures("serving_default")), threads=1)
    assert set(graph.inputs()) == {"a"}


def test_a_signature_that_is_not_there(file):
    with pytest.raises(
        ValueError, match="no signature 'third' in the model; there is: first, second"
    ):
        LoadedModel(file(tflite_files.two_signatures()), threads=1, signature="third")


def test_a_dynamic_dimension_is_given_a_size_and_a_fixed_one_is_not(file):
    graph = LoadedModel(file(tflite_files.tanh(signature=(-1, 8))), threads=1)
    graph.resize("x", (5, 8), strict=True)
    graph.allocate()
    assert tuple(graph.inputs()["x"]["shape"]) == (5, 8)
    with pytest.raises(RuntimeError, match="ResizeInputTensorStrict"):
        graph.resize("x", (5, 9), strict=True)
    with pytest.raises(ValueError, match="no input 'w' in the model; there is: x"):
        graph.resize("w", (5, 8))


def refusal(path, *, feed=None, shape=None):
    """What the interpreter says to a file, a shape or a value."""
    try:
        graph = LoadedModel(path, threads=1)
        for name, sizes in (shape or {}).items():
            graph.resize(name, sizes, strict=True)
        graph.allocate()
        graph.feed(feed or {})
        graph.run()
    except (ValueError, RuntimeError) as fault:
        return fault
    pytest.fail("the interpreter took it")


@pytest.mark.parametrize(
    ("content", "how", "error_class"),
    [
        (tflite_files.custom(), {}, "missing_op"),
        (tflite_files.too_new(), {}, "op_too_new"),
        (b"no model at all", {}, "model_unreadable"),
        (tflite_files.tanh(), {"shape": {"x": (2, 8)}}, "bad_input"),
        (tflite_files.tanh(), {"feed": {"x": np.zeros((2, 8), "f4")}}, "bad_input"),
        (tflite_files.tanh(), {"feed": {"x": np.zeros((1, 8), "f8")}}, "bad_input"),
        (tflite_files.gather(4), {"feed": {"index": np.array([9], "i4")}}, "bad_input"),
    ],
    ids=["custom", "too_new", "junk", "shape", "fed_shape", "fed_type", "out_of_range"],
)
def test_the_interpreters_own_words_are_understood(file, content, how, error_class):
    assert error_class in LAUNCH_ERROR_CLASSES
    assert launch.classify(refusal(file(content), **how)) == error_class


def test_a_missing_file_and_no_memory_are_understood(tmp_path):
    assert launch.classify(refusal(str(tmp_path / "none.tflite"))) == "model_unreadable"
    assert launch.classify(MemoryError()) == "out_of_memory"
    assert launch.classify(RuntimeError("what nobody has seen yet")) == "crash"


def test_a_warm_up_is_as_long_as_both_bounds_say():
    ran = []
    assert len(launch._warm_up(lambda: ran.append(1), 7, 0.0)) == len(ran) == 7
    assert sum(launch._warm_up(lambda: None, 0, 0.02)) <= 0.5e9
    assert len(launch._warm_up(lambda: None, 0, 0.02)) > 1


def test_exactly_so_many_runs_are_timed_each_in_whole_nanoseconds():
    samples_ns = launch._measure(lambda: None, 50)
    assert len(samples_ns) == 50
    assert all(isinstance(sample, int) and sample >= 0 for sample in samples_ns)


# evaluate: in this process, for it needs no TensorFlow


def evaluated(tmp_path, capsys, content, x, y=None, *, baseline=None, name="variant"):
    samples = tmp_path / f"samples-{name}"
    samples.mkdir()
    for key, array in x.items():
        np.save(samples / f"x.{key}.npy", array)
    if y is not None:
        np.save(samples / "y..npy", y)
    outputs = tmp_path / name
    outputs.mkdir()
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(content)
    arguments = [f"--model={path}", f"--samples={samples}", f"--outputs={outputs}"]
    if baseline is not None:
        arguments.append(f"--baseline={baseline}")
    code = evaluate.main(arguments)
    *progress, answer = map(json.loads, capsys.readouterr().out.splitlines())
    return SimpleNamespace(code=code, progress=progress, outputs=outputs, **answer)


X = np.random.default_rng(0).normal(size=(150, 8)).astype(np.float32)
DYNAMIC = tflite_files.tanh(signature=(-1, 8))


def test_top1_is_the_share_of_right_answers(tmp_path, capsys):
    labels = X.argmax(axis=1)
    labels[:30] = (labels[:30] + 1) % 8
    answer = evaluated(tmp_path, capsys, DYNAMIC, {"": X}, labels)
    assert answer.evaluated["samples"] == 150
    (score,) = answer.evaluated["scores"]
    assert (score["metric"], score["value"]) == ("accuracy", 0.8)
    assert score["low"] < 0.8 < score["high"]
    assert answer.code == 0
    assert answer.progress[-1] == {"progress": [150, 150]}
    np.testing.assert_allclose(np.load(answer.outputs / "0.npy"), np.tanh(X), atol=1e-3)


def test_a_batch_is_used_where_it_gives_the_same_answers(tmp_path, capsys):
    whole = evaluated(tmp_path, capsys, DYNAMIC, {"": X})
    assert len(whole.progress) == 3  # 64, 64, 22
    kept = np.load(whole.outputs / "0.npy")
    assert kept.shape == (150, 8)
    np.testing.assert_allclose(kept[-1], np.tanh(X[-1]), atol=1e-3)


def test_a_model_with_its_batch_written_into_it_is_asked_one_by_one(tmp_path, capsys):
    answer = evaluated(tmp_path, capsys, tflite_files.fixed_batch(), {"": X[:5]})
    assert answer.evaluated == {"samples": 5, "scores": []}
    assert len(answer.progress) == 5
    np.testing.assert_allclose(np.load(answer.outputs / "0.npy"), X[:5].reshape(5, 8), atol=1e-6)


def repeated(times: int) -> bytes:
    """Each input row ``times`` over along the first axis, which then counts no samples."""
    builder = ModelBuilder()
    multiples = builder.tensor("times", (2,), "int32", data=np.array([times, 1], np.int32))
    x, y = builder.tensor("x", (1, 8)), builder.tensor("y", (times, 8))
    builder.op("TILE", [x, multiples], [y])
    return builder.pack([x], [y])


def test_all_rows_of_an_output_without_a_batch_axis_answer_the_sample(tmp_path, capsys):
    answer = evaluated(tmp_path, capsys, repeated(3), {"": X[:5]})
    kept = np.load(answer.outputs / "0.npy")
    np.testing.assert_allclose(kept, np.repeat(X[:5, None], 3, axis=1), atol=1e-6)


def test_an_output_that_no_sample_can_be_told_in_is_refused():
    with pytest.raises(DataError, match="output y has 3 rows for 2 samples"):
        by_sample("y", np.zeros((3, 8)), 2)


def test_a_model_without_a_batch_axis_takes_each_sample_as_it_is(tmp_path, capsys):
    answer = evaluated(tmp_path, capsys, tflite_files.tanh(shape=(8,)), {"": X[:5]})
    kept = np.load(answer.outputs / "0.npy")
    np.testing.assert_allclose(kept, np.tanh(X[:5]), atol=1e-3)


@pytest.mark.parametrize("signature", [(1,), (-1,)], ids=["fixed", "open"])
@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_an_input_of_one_number_takes_numbers_and_vectors_of_one(
    shape, signature, tmp_path, capsys
):
    model = tflite_files.tanh(shape=(1,), signature=signature)
    answer = evaluated(tmp_path, capsys, model, {"": X[:5, 0].reshape(shape)})
    kept = np.load(answer.outputs / "0.npy")
    np.testing.assert_allclose(kept.ravel(), np.tanh(X[:5, 0]), atol=1e-3)


def test_differences_are_held_against_the_baselines_answers(tmp_path, capsys):
    base = evaluated(tmp_path, capsys, DYNAMIC, {"": X}, name="base")
    same = evaluated(tmp_path, capsys, DYNAMIC, {"": X}, baseline=base.outputs, name="same")
    scores = {score["metric"]: score["value"] for score in same.evaluated["scores"]}
    assert scores == {"relative error": 0.0, "correlation": pytest.approx(1.0)}
    assert same.evaluated["max_difference"] == same.evaluated["mean_difference"] == 0.0
    shifted = np.load(base.outputs / "0.npy")
    shifted[0] = -shifted[0]
    np.save(base.outputs / "0.npy", shifted)
    other = evaluated(tmp_path, capsys, DYNAMIC, {"": X}, baseline=base.outputs, name="other")
    assert other.evaluated["scores"][0]["loss"] > 0
    assert other.evaluated["max_difference"] == pytest.approx(
        2 * np.abs(shifted[0]).max(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ({"": X[:, :7]}, None, "samples of shape (7,), and the model's input x takes (8,)"),
        ({"w": X}, None, "samples for w, and the model's inputs are x"),
        ({"x": X, "w": X}, None, "the model's inputs are x"),
        ({"": X}, np.full(150, 8), "label 8 of sample 0, and the model has 8 classes"),
    ],
)
def test_samples_that_do_not_fit_are_a_data_error(tmp_path, capsys, x, y, words):
    answer = evaluated(tmp_path, capsys, DYNAMIC, x, y)
    assert (answer.code, answer.error) == (1, "DataError")
    assert words in answer.message


def test_labels_for_an_output_that_names_no_class(tmp_path, capsys):
    content = tflite_files.tanh(shape=(1, 2, 4), signature=(-1, 2, 4))
    answer = evaluated(tmp_path, capsys, content, {"": X.reshape(150, 2, 4)}, np.zeros(150, int))
    assert answer.error == "DataError"
    assert "labels of shape (), and the output has shape (2, 4)" in answer.message


def test_a_variant_that_cannot_be_run_is_a_build_error(tmp_path, capsys):
    answer = evaluated(tmp_path, capsys, tflite_files.too_new(), {"": X})
    assert (answer.code, answer.error) == (1, "BuildError")
