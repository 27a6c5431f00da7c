"""What a phone answers: the real tool beside this machine, and the same tool spoilt."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench import build
from bench.answers import Examiner
from bench.build import finish
from bench.data import Data, from_arrays
from bench.inputs.launches import feed, write_sample
from bench.metrics.values import DeviceAnswers
from bench.records import read
from bench.targets import adb
from bench.techniques import Conversion
from bench.values import Plan, Variant
from tests import flatbuffer_models, tflite_files
from tests.flatbuffer_models import ModelBuilder
from tests.phone.bridge import Words, options
from tests.phone.loopback import AdbServer, Phone
from tests.phone.spoiler import Spoil, Spoiler, as_array

REPO = Path(__file__).parents[2]
SAMPLES, SIZE, CLASSES = 200, 16, 10
PLAN = Plan(launches=1, runs=5, warmup_runs=1, warmup_s=0.0, timeout_s=30)


def weights(outputs: int = CLASSES) -> np.ndarray:
    drawn = np.random.default_rng(1).normal(0, 0.5, (outputs, SIZE))
    return drawn.astype(np.float32)


def classifier(*, batch: int | None = None) -> bytes:
    """Scores of ten classes between 0 and 1; with ``batch`` its batch is written into it."""
    builder = ModelBuilder()
    x = builder.tensor(
        "serving_default_numbers:0", (batch or 1, SIZE), signature=None if batch else (-1, SIZE)
    )
    w = builder.tensor("w", (CLASSES, SIZE), data=weights())
    b = builder.tensor("b", (CLASSES,), data=np.zeros(CLASSES, np.float32))
    z = builder.tensor("z", (batch or 1, CLASSES))
    builder.op("FULLY_CONNECTED", [x, w, b], [z])
    if batch is not None:
        shape = np.array([batch, CLASSES], np.int32)
        whole = builder.tensor("shape", (2,), "int32", data=shape)
        fixed = builder.tensor("fixed", (batch, CLASSES))
        builder.op("RESHAPE", [z, whole], [fixed])
        z = fixed
    y = builder.tensor("y", (batch or 1, CLASSES))
    builder.op("LOGISTIC", [z], [y])
    builder.signature("serving_default", {"numbers": x}, {"scores": y})
    return builder.pack([x], [y])


def two_outputs() -> bytes:
    """A class and four numbers, of two inputs; the signature names them in another order."""
    builder = ModelBuilder()
    x = builder.tensor("serving_default_b:0", (1, SIZE))
    z = builder.tensor("serving_default_a:0", (1, SIZE))
    total = builder.tensor("total", (1, SIZE))
    builder.op("ADD", [x, z], [total])
    outputs = []
    for name, width in (("kind", CLASSES), ("where", 4)):
        w = builder.tensor(f"w{width}", (width, SIZE), data=weights(width))
        b = builder.tensor(f"b{width}", (width,), data=np.ones(width, np.float32))
        outputs.append(builder.tensor(name, (1, width)))
        builder.op("FULLY_CONNECTED", [total, w, b], [outputs[-1]])
    kind, where = outputs
    builder.signature("serving_default", {"b": x, "a": z}, {"where": where, "kind": kind})
    return builder.pack([x, z], [kind, where])


def in_int8() -> bytes:
    """A dense layer in int8, its input and output too, whose steps are halves."""
    stored = np.rint(weights() * 4).astype(np.int8)
    return flatbuffer_models.dense(stored, activation="int8", scale=(0.5,), zero_point=(0,))


def in_float16(weights: np.ndarray) -> bytes:
    """A dense layer whose kernel is stored in float16."""
    outputs, inputs = weights.shape
    builder = ModelBuilder()
    x = builder.tensor("x", (1, inputs), signature=(-1, inputs))
    stored = builder.tensor("stored", weights.shape, "float16", data=weights)
    w = builder.tensor("w", weights.shape)
    b = builder.tensor("b", (outputs,), data=np.zeros(outputs, np.float32))
    y = builder.tensor("y", (1, outputs), signature=(-1, outputs))
    builder.op("DEQUANTIZE", [stored], [w])
    builder.op("FULLY_CONNECTED", [x, w, b], [y])
    builder.signature("serving_default", {"numbers": x}, {"scores": y})
    return builder.pack([x], [y])


def wide_samples() -> dict[str, np.ndarray]:
    """Samples that fill the steps of :func:`in_int8`."""
    return {name: values * 6 for name, values in samples().items()}


def samples(*names: str) -> dict[str, np.ndarray]:
    drawn = np.random.default_rng(2)
    return {
        f"x_test:{name}" if name else "x_test": drawn.normal(0, 1, (SAMPLES, SIZE)).astype("f4")
        for name in names or ("",)
    }


def labelled() -> dict[str, np.ndarray]:
    """Samples with their classes, all of which the model knows."""
    x = samples()["x_test"]
    return {"x_test": x, "y_test": (x @ weights().T).argmax(axis=1)}


Ask = Callable[..., DeviceAnswers]


@pytest.fixture
def ask(tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path) -> Ask:
    """Ask the phone about a file, through the real tool or a spoilt one."""

    def ask(
        content: bytes,
        arrays: Mapping[str, np.ndarray],
        spoil: Spoil | None = None,
        plan: Plan = PLAN,
    ) -> DeviceAnswers:
        (tmp_path / "m.tflite").write_bytes(content)
        fed = feed(build.ready([tmp_path / "m.tflite"]), plan, from_arrays("made", arrays))
        assert fed.data is not None
        with the_tool(phone, benchmark_model, spoil, tmp_path) as tool:
            return asked(adb_server, tool, fed.variants[0], fed.data, plan)

    return ask


@contextmanager
def the_tool(phone: Phone, real: Path, spoil: Spoil | None, folder: Path) -> Iterator[Path]:
    if spoil is None:
        yield real
        return
    with Spoiler(phone, real, spoil, folder) as spoiler:
        yield spoiler.tool


def asked(server: AdbServer, tool: Path, variant: Variant, data: Data, plan: Plan) -> DeviceAnswers:
    words = Words()
    with adb.open(None, plan, options(server, tool)) as target:
        target.prepare([variant], words)
        launch = target.launch(variant, 0, words)
        found = Examiner(data, variant, plan)(target, variant, [launch], words)
    assert found is not None
    return found


def test_a_sound_tool_answers_as_here_in_one_batch(ask: Ask) -> None:
    found = ask(classifier(), labelled())
    assert (found.verdict, found.samples, found.processes) == ("same", SAMPLES, 2)
    assert found.deciding is not None
    assert found.deciding.value == 1.0
    assert (found.deciding.lost, found.agreement) == (0, 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_file_with_sparse_kernels_runs_on_the_tool_and_answers_the_same(
    ask: Ask, dtype: str
) -> None:
    drawn = np.random.default_rng(3)
    kernel = drawn.normal(0, 1, (256, SIZE)) * (drawn.random((256, SIZE)) < 0.1)
    whole = flatbuffer_models.dense(kernel.astype("f4"))
    if dtype == "float16":
        whole = in_float16(kernel.astype("f2"))
    sparse, told = finish.finish(whole, Conversion(sparse=True))
    assert len(told["sparse"]["kernels"]) == 1
    assert len(sparse) < 0.6 * len(whole)
    found = ask(sparse, samples())
    assert (found.verdict, found.samples) == ("same", SAMPLES)


def test_a_file_with_shared_lists_and_rounded_scales_runs_on_the_tool(ask: Ask) -> None:
    stored = np.rint(weights() * 4).astype(np.int8)
    scales = tuple(0.5 + 0.013 * np.arange(CLASSES))
    whole = flatbuffer_models.dense(
        stored, activation="int8", scale=scales, zero_point=(0,) * CLASSES
    )
    made, told = finish.finish(whole, Conversion(scale_bits=8, strip=True))
    assert told["scales"] == {"bits": 8}
    assert len(made) < len(whole)
    found = ask(made, wide_samples())
    assert found.verdict in ("same", "rounds differently")
    assert found.correlation == pytest.approx(1.0, abs=0.01)


def test_so_many_samples_as_are_asked_for(ask: Ask) -> None:
    plan = Plan(**{**vars(PLAN), "phone_samples": 33})
    assert ask(classifier(), labelled(), plan=plan).samples == 33
    plan = Plan(**{**vars(PLAN), "phone_samples": "all"})
    assert ask(classifier(), labelled(), plan=plan).samples == SAMPLES


def test_a_batch_that_is_written_into_the_file(ask: Ask) -> None:
    plan = Plan(**{**vars(PLAN), "phone_samples": 10})
    alone = ask(classifier(batch=1), labelled(), plan=plan)
    assert (alone.verdict, alone.samples, alone.processes) == ("same", 10, 10)
    usual = ask(classifier(batch=1), labelled())
    assert usual.verdict == "same"
    assert 4 <= usual.processes <= 20
    by_four = ask(classifier(batch=4), labelled(), plan=plan)
    assert (by_four.verdict, by_four.samples, by_four.processes) == ("same", 10, 3)


def test_several_inputs_and_outputs_are_told_apart(ask: Ask) -> None:
    found = ask(two_outputs(), samples("a", "b"))
    assert found.verdict == "same"
    assert {each.output for each in found.outputs} == {"kind", "where"}


def test_quantized_inputs_and_outputs(ask: Ask) -> None:
    found = ask(in_int8(), wide_samples())
    assert found.verdict in ("same", "rounds differently")
    assert found.correlation == pytest.approx(1.0, abs=0.01)


def scores(change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    return as_array(change, "<f4", CLASSES)


def column_swapped(values: np.ndarray) -> np.ndarray:
    values[:, [2, 7]] = values[:, [7, 2]]
    return values


def half_zero(values: np.ndarray) -> np.ndarray:
    values[: len(values) // 2] = 0
    return values


def one_nan(values: np.ndarray) -> np.ndarray:
    values[-1, 3] = np.nan
    return values


def overflowing(values: np.ndarray) -> np.ndarray:
    """What is beyond float16's greatest number is infinite there."""
    with np.errstate(over="ignore"):
        return (values * np.float32(1e5)).astype("f2").astype("f4")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


class Stale:
    """Leaves the outputs of an earlier batch in place of each one's own, cut or grown to fit."""

    def __init__(self) -> None:
        self._earlier: bytes | None = None

    def __call__(self, path: Path) -> None:
        own = path.read_bytes()
        if self._earlier is not None:
            path.write_bytes((self._earlier * (len(own) // len(self._earlier) + 1))[: len(own)])
        self._earlier = self._earlier or own


SPOILT: dict[str, tuple[str, Callable[[], Spoil]]] = {
    # The twelve ways, then others.
    "NaN": ("wrong", lambda: scores(lambda x: x * np.nan)),
    "zeros": ("wrong", lambda: scores(lambda x: x * 0)),
    "constant": ("wrong", lambda: scores(lambda x: x * 0 + 0.1)),
    "one class swapped": ("differs", lambda: scores(column_swapped)),
    "channels shifted": ("differs", lambda: scores(lambda x: np.roll(x, 1, axis=1))),
    "float16 overflow": ("wrong", lambda: scores(overflowing)),
    "sign flipped": ("differs", lambda: scores(lambda x: -x)),
    "batch order shifted": ("differs", lambda: scores(lambda x: np.roll(x, 1, axis=0))),
    "stale output file": ("wrong", Stale),
    "no output file": ("wrong", lambda: lambda path: path.unlink()),
    "truncated file": ("wrong", lambda: truncated),
    "half of the batch zero": ("wrong", lambda: scores(half_zero)),
    "sigmoid missing": ("differs", lambda: scores(lambda x: np.log(x / (1 - x)))),
    "one sample NaN": ("wrong", lambda: scores(one_nan)),
    "scaled by 1.02": ("differs", lambda: scores(lambda x: x * np.float32(1.02))),
    "file too long": ("wrong", lambda: lambda path: path.write_bytes(path.read_bytes() * 2)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_tool_is_caught(ask: Ask, name: str) -> None:
    verdict, spoil = SPOILT[name]
    found = ask(classifier(), labelled(), spoil())
    assert found.verdict == verdict, found
    assert found.is_bad
    assert found.reason
    assert found.hint


def test_a_lone_wrong_output_of_two_is_caught_and_named(ask: Ask) -> None:
    def second(path: Path) -> None:
        raw = np.fromfile(path, "<f4")
        batch = len(raw) // (CLASSES + 4)
        raw[batch * CLASSES :] *= -1
        raw.tofile(path)

    found = ask(two_outputs(), samples("a", "b"), second)
    assert found.verdict == "differs"
    assert "output where" in found.reason
    assert "output kind" not in found.reason
    assert {each.output: each.verdict for each in found.outputs} == {
        "kind": "same",
        "where": "differs",
    }


def test_saturated_int8_is_caught(ask: Ask) -> None:
    def saturated(values: np.ndarray) -> np.ndarray:
        return np.where(values >= 20, 127, np.where(values <= -20, -128, values))

    found = ask(in_int8(), wide_samples(), as_array(saturated, "i1", CLASSES))
    assert found.verdict == "differs", found


def test_a_step_of_int8_is_rounding(ask: Ask) -> None:
    def a_step(values: np.ndarray) -> np.ndarray:
        return np.clip(values.astype(np.int16) + 1, -128, 127)

    found = ask(in_int8(), wide_samples(), as_array(a_step, "i1", CLASSES))
    assert found.verdict == "rounds differently", found


def test_half_precision_is_rounding(ask: Ask) -> None:
    found = ask(classifier(), labelled(), scores(lambda x: x.astype("f2").astype("f4")))
    assert found.verdict == "rounds differently", found


def test_a_delegate_that_refuses_batches_is_asked_one_by_one(
    tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    tool = wrapper(
        tmp_path,
        phone,
        benchmark_model,
        'case $* in *"--input_layer_shape=1,"* | *--num_runs=5*) ;; '
        '*) echo "ERROR: Failed to apply GPU delegate." >&2; exit 1 ;; esac',
    )
    (tmp_path / "m.tflite").write_bytes(classifier())
    fed = feed(build.ready([tmp_path / "m.tflite"]), PLAN, from_arrays("made", labelled()))
    assert fed.data is not None
    found = asked(adb_server, tool, fed.variants[0], fed.data, PLAN)
    assert found.verdict == "same", found
    assert found.samples == found.processes
    assert 4 <= found.samples <= 20


def wrapper(folder: Path, phone: Phone, real: Path, before: str) -> Path:
    """The real tool behind a few words of shell."""
    there = phone.path("/data/local/tmp/real")
    there.write_bytes(real.read_bytes())
    there.chmod(0o755)
    tool = folder / "wrapped_benchmark_model"
    tool.write_text(f'#!/system/bin/sh\n{before}\nexec /data/local/tmp/real "$@"\n')
    return tool


def test_outputs_that_find_no_room_are_not_called_wrong(ask: Ask, phone: Phone) -> None:
    def fill(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-4])
        phone.fill_disk()

    found = ask(classifier(), labelled(), fill)
    assert found.verdict == "not known"
    assert "is full: no room for the outputs" in found.reason


def test_a_tool_that_knows_no_such_flags_is_told_once(
    tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    old = wrapper(
        tmp_path,
        phone,
        benchmark_model,
        'case $1 in --help) echo "--graph= --input_layer=" >&2; exit 1 ;; esac',
    )
    code, out, err = bench_run(tmp_path, adb_server, old)
    assert code == 0, err
    assert out.count("has no --input_layer_value_files (its --help was asked)") == 1
    assert {each.verdict for each in read(tmp_path / "r.jsonl").answers} == {"not known"}


def bench_run(folder: Path, server: AdbServer, tool: Path, *words: str) -> tuple[int, str, str]:
    for name in ("one", "two"):
        (folder / f"{name}.tflite").write_bytes(classifier())
    np.savez(folder / "d.npz", **labelled())
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "run", "one.tflite", "two.tflite", "--data", "d.npz",
         "-t", "adb", "--launches", "2", "--runs", "5", "--report", "r.jsonl",
         "--set=throttle_every_s=1000000", "--set=max_slowdown=1000", *words],
        cwd=folder,
        env={
            **os.environ,
            **server.environment(),
            "PYTHONPATH": str(REPO),
            "TFLITE_BENCH_BENCHMARK_MODEL": str(tool),
        },
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


def test_the_table_says_so_first_and_nothing_wrong_is_recommended(
    tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    with the_tool(phone, benchmark_model, scores(lambda x: x * np.nan), tmp_path) as tool:
        code, out, err = bench_run(tmp_path, adb_server, tool)
    assert code == 0, err
    assert "its answers are wrong: NaN in 200 of 200 samples" in err
    rows = [line.split() for line in out.splitlines() if line.startswith(("  one", "  two"))]
    assert [row[1] for row in rows] == ["wrong", "wrong"]
    command = [sys.executable, "-m", "bench", "recommend", "r.jsonl"]
    told = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 3
    assert "not one: it answers wrongly there: NaN in 200 of 200 samples" in told.stdout


def test_a_finished_answer_is_not_asked_for_again(
    tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    asked_for: list[Path] = []
    with the_tool(phone, benchmark_model, asked_for.append, tmp_path) as tool:
        bench_run(tmp_path, adb_server, tool)
        processes = len(asked_for)
        path = tmp_path / "r.jsonl"
        lines = path.read_text().splitlines(keepends=True)
        launches = [i for i, line in enumerate(lines) if '"record":"launch"' in line]
        path.write_text("".join(lines[: launches[-1]]))  # killed before the last launch
        code, _, err = bench_run(tmp_path, adb_server, tool)
    assert code == 0, err
    assert len(asked_for) == processes
    assert len(read(path).answers) == 2


def test_launches_are_fed_a_test_sample(
    tmp_path: Path, phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    # An index beyond the table ends this version's tool, and random ones would be.
    (tmp_path / "m.tflite").write_bytes(tflite_files.gather(4))
    plan = Plan(**{**vars(PLAN), "real_inputs": True})
    # What the tool is told to read is what the sample is.
    seen: list[bytes] = []
    fed = feed(
        build.ready([tmp_path / "m.tflite"]),
        plan,
        from_arrays("made", {"x_test": np.array([3, 1, 2])}),
    )

    write_sample(tmp_path / "s.npz", fed.data, fed.variants)
    words = Words()
    chosen = options(adb_server, benchmark_model, samples=str(tmp_path / "s.npz"))
    with adb.open(None, plan, chosen) as target:
        target.prepare(fed.variants, words)
        launch = target.launch(fed.variants[0], 0, words)
        root = phone.path("/data/local/tmp/tflite-bench/files")
        seen = [path.read_bytes() for path in root.glob("*.input")]
    assert launch.latency.runs == PLAN.runs
    assert seen == [np.array([3], np.int32).tobytes()]
