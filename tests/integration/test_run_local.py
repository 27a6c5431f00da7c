"""``bench run`` on ready files, with real launches: what it takes, refuses, keeps and resumes."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import records
from tests import examples, flatbuffer_models, tflite_files
from tests.integration.conftest import Cli, wait_for_launches

QUICK = ("-t", "local", "--launches", "2", "--runs", "3", "--warmup-runs", "1", "--warmup-s", "0")
SLOW = ("-t", "local", "--launches", "3", "--runs", "3", "--warmup-runs", "1", "--warmup-s", "0.3")
"""Long enough to be interrupted in the middle, and done in seconds."""

X = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)


@pytest.fixture
def file(cli: Cli):
    def write(content: bytes, name: str = "m.tflite") -> Path:
        (cli.folder / name).write_bytes(content)
        return Path(name)

    return write


def reports(cli: Cli) -> list[Path]:
    return sorted((cli.folder / "reports").glob("*.jsonl"))


def launches(path: Path) -> Counter:
    return Counter((launch.variant, launch.block) for launch in records.read(path).launches)


def assert_refused(ran: subprocess.CompletedProcess, *words: str) -> None:
    """One line on standard error that names the fault and the cure, exit 2, nothing else."""
    assert ran.returncode == 2, ran.stderr
    assert ran.stdout == ""
    assert ran.stderr.startswith("bench: error: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    for word in words:
        assert word in ran.stderr


# What it takes


@pytest.mark.parametrize("name", tflite_files.RUNNABLE)
def test_any_ready_file_is_measured_as_it_is(cli, file, name):
    ran = cli("run", file(tflite_files.RUNNABLE[name]()), *QUICK)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("m on this machine (")
    assert "recipes that train need the source model" in ran.stderr
    read = records.read(reports(cli)[0])
    assert read.end is not None
    for launch in read.launches:
        assert launch.latency.runs == len(launch.latency.samples_ns) == 3
        assert launch.warmup_runs == 1
        assert 0 < launch.init_us < launch.wall_s * 1e6
        assert launch.first_us > 0
        assert launch.peak_bytes > 1e6


def test_a_file_of_the_real_converter_with_its_dynamic_batch(cli, models):
    shape = ("--input-shape", "numbers=3,40")
    ran = cli("run", models / "dense.tflite", *QUICK, *shape, "--threads", "2")
    assert ran.returncode == 0, ran.stderr
    assert "2 threads" in ran.stdout


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (tflite_files.two_signatures(), ["--signature", "second"]),
        (tflite_files.tanh(signature=(-1, 8)), ["--input-shape", "x=5,8"]),
        (tflite_files.gather(4), ["--input-range", "index=0,4"]),
        (tflite_files.add(), ["--delegate", "none"]),
        (tflite_files.add(), ["--affinity", str(min(os.sched_getaffinity(0)))]),
    ],
    ids=["signature", "shape", "range", "delegate", "affinity"],
)
def test_a_launch_is_as_it_was_asked_for(cli, file, content, arguments):
    ran = cli("run", file(content), *QUICK, *arguments)
    assert ran.returncode == 0, ran.stdout
    (path,) = reports(cli)
    assert len(records.read(path).launches) == 2


OPEN = tflite_files.tanh(shape=(1, 1, 8), signature=(-1, -1, 8))


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (tflite_files.two_signatures(), [], "choose one: --signature first"),
        (tflite_files.two_signatures(), ["--signature", "third"], "there is: first, second"),
        (tflite_files.tanh(), ["--input-shape", "w=1,8"], "names no input of the model: 'w'"),
        (tflite_files.tanh(), ["--input-range", "w=1,8"], "names no input of the model: 'w'"),
        (tflite_files.tanh(), ["--input-shape", "x=2,8"], "fixed at (1, 8)"),
        (OPEN, ["--input-shape", "x=1,5,9"], "fixed at (?, ?, 8)"),
        (OPEN, [], "give --input-shape x=1,?,8 with a number for each ?"),
    ],
    ids=["choose", "signature", "no_such_input", "no_such_range", "fixed", "half_fixed", "open"],
)
def test_what_a_model_cannot_be_fed_is_refused_before_any_launch(
    cli, file, content, arguments, words
):
    assert_refused(cli("run", file(content), *QUICK, *arguments), words)
    assert reports(cli) == []


def test_the_shape_that_was_measured_stands_below_the_table_and_in_the_report(cli, file):
    ran = cli("run", file(OPEN), *QUICK, "--input-shape", "x=2,5,8", "--report", "r.jsonl")
    assert ran.returncode == 0, ran.stderr
    assert "measured at x 2×5×8" in ran.stdout
    (variant,) = records.read(cli.folder / "r.jsonl").session.variants
    assert [each.shape for each in variant.inputs] == [(2, 5, 8)]


def test_an_open_size_is_that_of_the_samples(cli, file):
    np.savez(cli.folder / "d.npz", x_test=np.ones((3, 6, 8)))
    command = ("run", file(OPEN), *QUICK, "--data", "d.npz")
    assert "measured at x 1×6×8" in cli(*command).stdout
    assert "measured at x 1×6×8" in cli(*command, "--real-inputs").stdout
    both = cli(*command, "--real-inputs", "--input-shape", "x=1,5,8")
    assert_refused(both, "have shape (6, 8), and --input-shape says (5, 8)")


def test_the_signature_that_was_run_stands_below_the_table(cli, file):
    model = file(tflite_files.two_signatures("serving_default"))
    assert "signature serving_default" in cli("run", model, *QUICK).stdout
    assert "signature second" in cli("run", model, *QUICK, "--signature", "second").stdout


def test_indices_come_from_the_samples(cli, file):
    np.savez(cli.folder / "d.npz", x_test=np.array([0, 3, 1]))
    ran = cli("run", file(tflite_files.gather(4)), *QUICK, "--data", "d.npz")
    assert ran.returncode == 0, ran.stderr + ran.stdout


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (tflite_files.gather(4), ["--input-range", "index=4,5"], "--input-range"),
    ],
    ids=["range"],
)
def test_a_launch_that_the_model_refuses_fails_with_the_cure(cli, file, content, arguments, words):
    ran = cli("run", file(content), *QUICK, *arguments)
    assert ran.returncode == 3
    assert "failed: m on local (bad_input)" in ran.stdout
    assert words in ran.stdout
    assert "Traceback" not in ran.stderr


def test_real_samples_are_fed_where_they_are_wanted(cli, file):
    np.savez(cli.folder / "d.npz", x_test=np.full(4, 3, np.int32))
    model = file(tflite_files.gather(4))
    assert cli("run", model, *QUICK, "--data", "d.npz", "--real-inputs").returncode == 0
    ran = cli("run", model, *QUICK, "--real-inputs")
    assert_refused(ran, "--real-inputs without test samples")


def test_several_files_are_compared_with_the_first(cli, file):
    small = file(tflite_files.tanh(), "small.tflite")
    large = file(tflite_files.tanh(shape=(1, 100_000)), "large.tflite")
    ran = cli("run", large, small, *QUICK, "--launches", "6")
    assert ran.returncode == 0, ran.stderr
    assert "vs large" in ran.stdout
    assert "x faster" in ran.stdout
    (path,) = reports(cli)
    assert launches(path) == {(n, b): 1 for n in ("small", "large") for b in range(6)}


def test_accuracy_and_agreement_of_ready_files(cli, file):
    np.savez(cli.folder / "d.npz", x_test=X, y_test=X.argmax(axis=1))
    np.savez(cli.folder / "unlabelled.npz", x_test=X)
    one = file(tflite_files.tanh(signature=(-1, 8)), "one.tflite")
    two = file(tflite_files.tanh("other", signature=(-1, 8)), "two.tflite")
    ran = cli("run", one, *QUICK, "--data", "d.npz")
    assert "100.00 %" in ran.stdout
    ran = cli("run", one, two, *QUICK, "--data", "unlabelled.npz")
    assert ran.returncode == 0, ran.stderr
    assert "relative error" in ran.stdout
    assert "correlation" in ran.stdout


def test_two_heads_of_ready_files_without_labels(cli, file):
    np.savez(cli.folder / "d.npz", x_test=X)
    one = file(tflite_files.two_heads(), "one.tflite")
    two = file(tflite_files.two_heads("other"), "two.tflite")
    ran = cli("run", one, two, *QUICK, "--data", "d.npz")
    assert ran.returncode == 0, ran.stderr
    told = ran.stdout + cli("report", reports(cli)[0], "-o", "t.json").stdout
    saved = (cli.folder / "t.json").read_text()
    for head in ("wave", "chance"):
        assert head in told
        assert head in saved


def test_samples_of_an_input_with_a_slash_in_its_name(cli, file):
    np.savez(cli.folder / "d.npz", **{"x_test:scope/x:0": X[:8], "y_test": X[:8].argmax(axis=1)})
    model = file(tflite_files.tanh("scope/x:0"))
    ran = cli("run", model, *QUICK, "--data", "d.npz", "--real-inputs")
    assert ran.returncode == 0, ran.stderr
    assert "100.00 %" in ran.stdout


def test_a_path_is_never_run(cli, file):
    model = file(tflite_files.add(), "a b 'c' $(touch pwned) `x`;\n.tflite")
    ran = cli("run", model, *QUICK)
    assert ran.returncode == 0, ran.stderr
    assert not (cli.folder / "pwned").exists()
    assert len(reports(cli)) == 1


# What it refuses


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.tflite", tflite_files.custom(), "custom op 'NoSuchOp'"),
        ("m.tflite", tflite_files.custom("FlexErf"), "Erf"),
        ("m.tflite", tflite_files.add()[:150], "truncated or damaged"),
        ("m.tflite", b"", "is empty"),
        ("m.tflite", np.random.default_rng(1).bytes(4000), "is not a TFLite model"),
        ("m.onnx", b"\x08\x07", "unknown suffix '.onnx'"),
    ],
    ids=["custom", "flex", "truncated", "empty", "random", "onnx"],
)
def test_a_file_that_cannot_be_run_is_refused(cli, file, name, content, words):
    assert_refused(cli("run", file(content, name), *QUICK), words)
    assert reports(cli) == []


def test_what_is_no_file_is_refused(cli):
    (cli.folder / "empty_folder").mkdir()
    (cli.folder / "m.tflite").mkdir()
    assert_refused(cli("run", "empty_folder", *QUICK), "without saved_model.pb")
    assert_refused(cli("run", "m.tflite", *QUICK), "is a folder")
    assert_refused(cli("run", "gone.tflite", *QUICK), "does not exist")
    assert_refused(cli("run", "fashoin", *QUICK), "there is: ")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_test": X[:, :7]}, "samples of shape (7,), and the model's input x takes (8,)"),
        ({"x_test": X * np.nan}, "NaN or infinity, first in sample 0"),
        ({"x_test": X, "y_test": np.full(100, 8)}, "label 8 of sample 0"),
        ({"x_test": X, "y_test": np.full(100, -1)}, "label -1 of sample 0"),
        ({"images": X}, "the keys are x_test"),
    ],
    ids=["shape", "nan", "label", "negative", "key"],
)
def test_samples_that_do_not_fit_are_refused_and_leave_nothing(cli, file, arrays, words):
    np.savez(cli.folder / "d.npz", **arrays)
    model = file(tflite_files.tanh(signature=(-1, 8)))
    assert_refused(cli("run", model, *QUICK, "--data", "d.npz", "-q"), words)
    assert reports(cli) == []


def test_a_misspelt_recipe_target_or_output_is_refused_with_the_nearest(cli, file):
    model = file(tflite_files.add())
    assert_refused(cli("run", "m.keras", "-r", "quantise:int8"), "did you mean 'quantize'")
    assert_refused(cli("run", model, "-t", "lokal"), "did you mean 'local'")
    assert_refused(cli("run", model, *QUICK, "-o", "table.xlsx"), ".csv")
    assert_refused(cli("run", model, *QUICK, "--affinity", "4000"), "CPUs [4000]")


def test_a_reports_folder_that_cannot_be(cli, file):
    (cli.folder / "reports").touch()
    assert_refused(cli("run", file(tflite_files.add()), *QUICK, "-q"), "reports is a file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full_from_the_start(cli, file):
    (cli.folder / "full.jsonl").symlink_to("/dev/full")
    ran = cli("run", file(tflite_files.add()), *QUICK, "-q", "--report", "full.jsonl")
    assert_refused(ran, "No space left on device", "make room on the disk")


def test_a_disk_that_fills_up_keeps_what_was_measured(cli, file, monkeypatch):
    model = file(tflite_files.add())
    for name in [name for name in os.environ if name.startswith("COVERAGE")]:
        monkeypatch.delenv(name)  # its file would not fit on that disk either

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4500, 4500))

    arguments = ("run", model, *QUICK, "-q", "--launches", "9", "--report", "r.jsonl")
    ran = cli(*arguments, preexec_fn=limit)
    assert ran.returncode == 2
    assert "bench: error: cannot write r.jsonl (File too large)" in ran.stderr
    assert "Traceback" not in ran.stderr
    kept = launches(cli.folder / "r.jsonl")
    assert 0 < len(kept) < 9
    assert cli(*arguments).returncode == 0
    assert launches(cli.folder / "r.jsonl") == {("m", block): 1 for block in range(9)}


# What it keeps


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_lost_and_nothing_twice_after_an_end_in_the_middle(cli, file, started, ending):
    files = [file(tflite_files.tanh(name), f"{name}.tflite") for name in ("a", "b", "c")]
    command = ("run", *files, *SLOW, "--report", "r.jsonl")
    path = cli.folder / "r.jsonl"
    process = started(cli.start(*command))
    wait_for_launches(path, 3, process)
    # Ctrl-C reaches the whole group of processes; the other signals come to one alone.
    (os.killpg if ending == signal.SIGINT else os.kill)(process.pid, ending)
    _, err = process.communicate(timeout=30)
    if ending == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert re.search(r"interrupted: \d launches are kept in r.jsonl; the same command", err)
        assert "Traceback" not in err
    before = path.read_bytes()
    before = before[: before.rfind(b"\n") + 1]
    kept = launches(path)

    ran = cli(*command)
    assert ran.returncode == 0, ran.stderr
    assert path.read_bytes().startswith(before)
    assert launches(path) == {(name, block): 1 for name in "abc" for block in range(3)}
    assert 3 <= len(kept) < 9
    assert "failed" not in ran.stdout


def test_an_interrupted_run_is_found_again_without_its_name(cli, file, started):
    model = file(tflite_files.add())
    command = ("run", model, *SLOW, "--launches", "4")
    process = started(cli.start(*command))
    end = time.monotonic() + 60
    while not reports(cli) and time.monotonic() < end:
        time.sleep(0.02)
    (path,) = reports(cli)
    wait_for_launches(path, 1, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    ran = cli(*command)
    assert f"going on with reports/{path.name}" in ran.stderr
    assert launches(path) == {("m", block): 1 for block in range(4)}
    assert reports(cli) == [path]
    assert "going on" not in cli(*command).stderr  # a complete one is not gone on with
    assert len(reports(cli)) == 2


def test_a_torn_last_line_is_made_up_for(cli, file):
    command = ("run", file(tflite_files.add()), *QUICK, "--report", "r.jsonl")
    cli(*command)
    path = cli.folder / "r.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    launch = next(n for n, line in enumerate(lines) if line.startswith(b'{"record":"launch"'))
    path.write_bytes(b"".join(lines[: launch + 1]) + lines[launch + 1][:40])
    ran = cli(*command)
    assert ran.returncode == 0, ran.stderr
    assert launches(path) == {("m", block): 1 for block in range(2)}


def test_files_that_are_not_this_sessions_are_refused_and_left_alone(cli, file):
    command = ("run", file(tflite_files.add()), *QUICK, "-q", "--report", "r.jsonl")
    path = cli.folder / "r.jsonl"
    session = examples.session()
    old = records.encode(session).replace(f'"schema":{records.SCHEMA}', '"schema":0')
    other_settings = cli("run", "m.tflite", *QUICK, "-q", "--runs", "4", "--report", "s.jsonl")
    assert other_settings.returncode == 0
    for content, words in [
        (records.encode(session) + "\n", "holds another model (tiny"),
        (old + "\n", "has schema 0, and this version reads"),
        ("my notes\n", "is not a record of ours"),
        ((cli.folder / "s.jsonl").read_text(), "other recipes, settings, data or targets"),
    ]:
        path.write_text(content)
        assert_refused(cli(*command), words)
        assert path.read_text() == content


def test_two_runs_at_one_file(cli, file, started):
    command = ("run", file(tflite_files.add()), *SLOW, "--launches", "9", "--report", "r.jsonl")
    process = started(cli.start(*command))
    wait_for_launches(cli.folder / "r.jsonl", 1, process)
    assert_refused(cli(*command, "-q"), "another process is writing r.jsonl")


# What it shows


def test_a_variant_that_fails_does_not_stop_the_others(cli, file):
    good = file(tflite_files.tanh(), "good.tflite")
    bad = file(tflite_files.too_new(), "bad.tflite")
    ran = cli("run", good, bad, *QUICK)
    assert ran.returncode == 3
    assert "failed: bad on local (op_too_new)" in ran.stdout
    (path,) = reports(cli)
    assert launches(path) == {("good", 0): 1, ("good", 1): 1}


def test_a_launch_that_takes_too_long_is_ended(cli, file):
    ran = cli("run", file(tflite_files.add()), *QUICK, "--warmup-s", "60", "--timeout", "1",
              "--retries", "0")  # fmt: skip
    assert ran.returncode == 3
    assert "(timeout): the launch took longer than 1 s: raise --timeout" in ran.stdout


def test_every_format_is_written_and_an_old_file_is_shown_again(cli, file):
    outputs = [f"r.{suffix}" for suffix in ("txt", "md", "csv", "json")]
    flags = [part for output in outputs for part in ("-o", output)]
    ran = cli("run", file(tflite_files.add()), *QUICK, *flags)
    assert ran.returncode == 0, ran.stderr
    written = {output: (cli.folder / output).read_text() for output in outputs}
    assert written["r.txt"].strip() == ran.stdout.strip()
    (row,) = csv.DictReader(written["r.csv"].splitlines())
    (same,) = json.loads(written["r.json"])["rows"]
    assert row["variant"] == same["variant"] == "m"
    assert float(row["median_us"]) == pytest.approx(same["median_us"])
    again = cli("report", reports(cli)[0], "-o", "-")
    assert again.stdout == written["r.md"]
    assert again.stderr == ""


def test_quiet_and_in_a_pipe_there_are_neither_bars_nor_colours(cli, file):
    model = file(tflite_files.add())
    plain = cli("run", model, *QUICK)
    assert "\033" not in plain.stdout + plain.stderr
    assert "measuring local" in plain.stderr.splitlines()
    quiet = cli("run", model, *QUICK, "-q", "--fresh")
    assert "measuring" not in quiet.stderr
    assert "saved" not in quiet.stderr
    assert quiet.stdout.startswith("m on this machine")


def test_a_reader_that_goes_away_is_no_fault(cli, file):
    model = file(tflite_files.add())
    for arguments in (("run", model, *QUICK, "-q"), ("techniques",), ("inspect", model)):
        process = cli.start(*arguments)
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=60) == 0
        process.stderr.close()
        assert "Traceback" not in err
        assert "BrokenPipe" not in err


def on_a_terminal(cli: Cli, *arguments: str | Path) -> tuple[str, int]:
    """What a terminal of its own sees, and the exit code."""
    ours, theirs = pty.openpty()
    cli.environment |= {"TERM": "xterm-256color", "COLUMNS": "120"}
    process = cli.start(*arguments, stdout=theirs, stderr=theirs, text=False)
    os.close(theirs)
    seen = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.5)[0]:
            continue
        try:
            seen += os.read(ours, 65536)
        except OSError:  # the other side has closed it
            break
    os.close(ours)
    return seen.decode(), process.wait(timeout=60)


def test_on_a_terminal_there_is_a_bar_and_colours(cli, file):
    one, two = (file(tflite_files.tanh(shape=(1, n)), f"{n}.tflite") for n in (100_000, 8))
    command = ("run", one, two, *QUICK, "--launches", "8")
    seen, code = on_a_terminal(cli, *command)
    assert code == 0
    assert re.search(r"measuring local.*━.*\d+/16", seen)
    assert "\033[32m" in seen


def test_no_color_is_respected(cli, file):
    path = examples.write(
        cli.folder / "x.jsonl",
        examples.session(launches=6),
        [examples.ENVIRONMENT, *examples.launches(["float32", "quantize:int8"], 6)],
    )
    cli.environment = {"NO_COLOR": "1"}
    seen, _ = on_a_terminal(cli, "report", path)
    assert "x faster" in seen
    assert "\033[3" not in seen


def test_no_phone_is_said_loudly_where_nobody_named_a_target(cli, file):
    # A server of its own, which has no phone and ends with the run: another's phone is not used.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cli.environment = {"ANDROID_ADB_SERVER_PORT": str(port)}
    ran = cli("run", file(tflite_files.add()), *QUICK[2:])
    assert ran.returncode == 0, ran.stderr
    assert "NO PHONE" in ran.stderr
    assert "warning: latency was measured on this machine's interpreter" in ran.stdout


def test_warm_starts_are_faster_than_cold_ones_with_what_xnnpack_keeps(cli: Cli, file):
    weights = np.random.default_rng(1).normal(size=(2000, 2000)).astype(np.float32)
    model = file(flatbuffer_models.dense(weights))
    ran = cli("run", model, *QUICK, "--warm-starts", "3", "--report", "x.jsonl", "-o", "x.json")
    assert ran.returncode == 0, ran.stderr
    assert "cold init ms" in ran.stdout
    assert "by LiteRT's CompiledModel" in ran.stdout
    row = json.loads((cli.folder / "x.json").read_text())["rows"][0]
    assert row["start_pairs"] == 3
    assert row["cache_bytes"] >= weights.nbytes
    assert row["warm_init_us"] < row["cold_init_us"]
    assert not list(cli.folder.glob("**/xnnpack"))
