"""The parts of the Android target that can be proven without a phone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import benchmark_model
from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.targets._adb import files, lock, options, outcome, probe, reply
from bench.targets._adb.command import command_line
from bench.targets._adb.shell import DisconnectedError, Link, PushRefusedError, quote
from bench.tflite.facts import read_facts
from bench.values import MeasuredInput, Plan
from tests import examples, tflite_files
from tests.fake_target import FakeShell


def silent(_: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.targets._adb.shell.POLL_S", 0.01)


# Answers


def test_an_answer_holds_values_streams_and_noise() -> None:
    raw = b".\n.\nsh: a complaint\nexit=0\n%streams 5 3\na\n%en=b\n\nkey=1\nkey=2\n%end\nlater=1\n"
    answer = reply.read(raw)
    assert answer.values == {"exit": "0", "key": "2"}
    assert answer.streams == (b"a\n%en", b"=b\n")
    assert answer.noise == ("sh: a complaint",)


def test_no_beginning_of_an_answer_passes_for_a_whole_one() -> None:
    raw = b"exit=0\n%streams 8 2\n%end\n...ab\nstate=1\n%end\n"
    assert reply.read(raw).streams == (b"%end\n...", b"ab")
    for length in range(len(raw) - 1):
        with pytest.raises(reply.CutAnswerError):
            reply.read(raw[:length].removesuffix(b"%end"))


@pytest.mark.parametrize("word", ["a b", "$(touch x)", "'", "x\ny", "", "`id`", "-rf *"])
def test_quoted_words_stay_whole(word: str) -> None:
    import shlex

    assert shlex.split(quote("sh", word)) == ["sh", word]


# Options


def test_options_are_read_by_their_kind() -> None:
    read = options.read_options(
        {"max_celsius": "38.5", "min_battery": "0", "stay_on": "no", "libraries": "a.so,b.so"}
    )
    assert read.max_celsius == 38.5
    assert (read.min_battery, read.stay_on) == (0, False)
    assert read.libraries == (Path("a.so"), Path("b.so"))
    assert options.read_options({"samples": "x.npz"}) == options.Options(samples=Path("x.npz"))


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("max_celcius", "40", "did you mean max_celsius"),
        ("max_celsius", "hot", "not a number"),
        ("max_celsius", "-1", "not a number"),
        ("max_celsius", "nan", "not a number"),
        ("min_battery", "2.5", "whole number"),
        ("stay_on", "maybe", "neither yes nor no"),
    ],
)
def test_a_bad_option_names_the_cure(key: str, text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        options.read_options({key: text})
    assert said in str(caught.value)


def test_every_option_is_explained() -> None:
    from bench.targets import adb

    assert adb.__doc__ is not None
    for name in options.Options.__dataclass_fields__:
        assert f"``{name}``" in adb.__doc__


# Delegates


@pytest.mark.parametrize(
    ("sdk", "words", "marked"),
    [
        ("35", "Explicitly applied NNAPI delegate, and the model graph will be completely", True),
        ("36", "Explicitly applied NNAPI delegate, and the model graph will be partially", True),
        ("34", "Explicitly applied NNAPI delegate, and the model graph will be completely", False),
        (None, "Explicitly applied NNAPI delegate, and the model graph will be completely", False),
        ("35", "Explicitly applied GPU delegate, and the model graph will be completely", False),
        ("35", "Created TensorFlow Lite delegate for NNAPI.\nno more is known: ", False),
    ],
)
def test_a_delegate_that_ran_and_is_deprecated_there_is_marked(
    sdk: str | None, words: str, marked: bool
) -> None:
    log = f"""STARTING!
{words} executed by the delegate.
Running benchmark for at least 1 iterations and at least 0 seconds
count=1 curr=120
Running benchmark for at least 5 iterations and at least 0 seconds
count=5 first=101 curr=104 min=99 max=110 avg=103 std=3
Inference timings in us: Init: 90, First inference: 120, Warmup (avg): 120, Inference (avg): 103
"""
    (run,) = benchmark_model.parse(log, exit_code=0)
    assert isinstance(run, benchmark_model.ToolRun)
    facts = outcome.launch_facts(reply.Answer({"exit": "0"}, (), ()), run, sdk)
    assert facts.get("deprecated") == ({"nnapi": "Android 15"} if marked else None)


# The link


def link_of(shell: FakeShell, reconnect_s: float = 0.2) -> Link:
    return Link(shell, reconnect_s, threading.Event())


def test_a_cut_answer_is_asked_for_again() -> None:
    given = iter([b"a=1\n", DisconnectedError("gone"), b"a=2\n%end\n"])
    shell = FakeShell(lambda command: next(given))
    assert link_of(shell, 5.0).ask("x", silent).values == {"a": "2"}
    assert shell.commands == ["x"] * 3


def test_a_phone_that_stays_away_is_given_up_and_taken_back() -> None:
    there = False

    def handler(command: str) -> bytes | Exception:
        return b"%end\n" if there else DisconnectedError("device not found")

    shell = FakeShell(handler, revivals=10**6)
    link = link_of(shell)
    for _ in range(2):
        with pytest.raises(StableLaunchError, match="FAKE1 is gone") as caught:
            link.ask("x", silent)
        assert caught.value.error_class == "device_lost"
    assert len(shell.commands) == 2
    there = True
    link.ask("x", silent)


# Files


@pytest.fixture
def artefact(tmp_path: Path) -> files.Artefact:
    import hashlib

    path = tmp_path / "m.tflite"
    path.write_bytes(b"content")
    return files.by_content(path, hashlib.sha256(b"content").hexdigest(), 7, ".tflite")


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ("", True),
        ("{name}=sha256sum:{sha}\n", False),
        ("{name}=sha256sum:{other}\n", True),
        ("{name}=sha1sum:040f06fd774092478d450774f5ba30c5da78acc8\n", False),
        ("{name}=sha1sum:{other}\n", True),
        ("{name}=size:7\n", False),
        ("{name}=size:8\n", True),
    ],
)
def test_what_is_there_with_its_content_is_not_pushed(
    artefact: files.Artefact, found: str, missing: bool
) -> None:
    text = found.format(name=artefact.name, sha=artefact.sha256, other="0" * 64)
    shell = FakeShell(lambda command: f"{text}%end\n".encode())
    assert bool(files.missing(link_of(shell), [artefact, artefact], silent)) is missing
    assert len(shell.commands) == 1


def test_no_name_of_this_machine_reaches_the_phone(artefact: files.Artefact) -> None:
    shell = FakeShell(lambda command: b"taken.0=1\n%end\n")
    files.push(link_of(shell), [artefact], "token", silent)
    assert "m.tflite" not in " ".join(shell.commands)
    assert shell.pushed == {f"{files.ROOT}/push-token-0": b"content"}


def test_a_damaged_push_may_be_tried_again(artefact: files.Artefact) -> None:
    shell = FakeShell(lambda command: b"%end\n")
    with pytest.raises(TransientLaunchError, match="arrived damaged"):
        files.push(link_of(shell), [artefact], "token", silent)


@pytest.mark.parametrize(
    ("said", "error_class"),
    [("couldn't write: No space left on device", "disk_full"), ("denied", "device_lost")],
)
def test_a_refused_push_says_why(artefact: files.Artefact, said: str, error_class: str) -> None:
    def handler(command: str) -> bytes | Exception:
        return PushRefusedError(said) if command.startswith("push ") else b"%end\n"

    shell = FakeShell(handler)
    with pytest.raises(StableLaunchError, match=said) as caught:
        files.push(link_of(shell), [artefact], "token", silent)
    assert caught.value.error_class == error_class
    assert f"rm -f {files.ROOT}/push-token-*" in shell.commands[-1]


def test_scripts_share_a_name_made_of_all_their_content(tmp_path: Path) -> None:
    for name in ("a.sh", "b.sh"):
        (tmp_path / name).write_text(name)
    before = [each.name for each in files.scripts(tmp_path)]
    (tmp_path / "b.sh").write_text("changed")
    after = [each.name for each in files.scripts(tmp_path)]
    assert [name.rpartition("/")[2] for name in before] == ["a.sh", "b.sh"]
    assert not set(before) & set(after)


# The lock


def test_a_living_holder_of_this_machine_is_alive_however_silent() -> None:
    us = lock.ourselves()
    assert lock.read(us.line()) == us
    assert not lock.is_dead(us, 10**6)


def test_a_holder_whose_number_was_used_again_is_dead() -> None:
    us = lock.ourselves()
    assert lock.is_dead(replace(us, born=us.born + 1), 0.0)
    assert lock.is_dead(replace(us, pid=2**22 + 1), 0.0)


def test_a_holder_of_another_machine_is_dead_only_after_long_silence() -> None:
    other = replace(lock.ourselves(), machine="elsewhere", pid=2**22 + 1)
    assert not lock.is_dead(other, 60.0)
    assert lock.is_dead(other, 10**4)


@pytest.mark.parametrize("line", ["", "holder t1", "{}", '{"host": "x", "pid": "many"}'])
def test_a_line_that_is_no_holder_is_told_by_its_silence(line: str) -> None:
    assert lock.read(line) is None
    assert not lock.is_dead(None, 1.0)


# What a phone is


def test_a_probe_becomes_facts() -> None:
    phone = probe.parse_probe(
        "S1",
        {
            "prop.ro.product.model": "SM-S911B",
            "prop.ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
            "prop.ro.build.version.release": "14",
            "prop.ro.soc.model": "SM8550",
            "machine": "aarch64",
            "memory_kb": "1000",
            "free_kb": "10",
            "has.taskset": "1",
            "cpu.0": "walt 300000 1800000",
            "cpu.1": "walt 300000 1800000",
            "cpu.2": "walt 500000 3300000",
            "cpu.10": "walt 300000 1800000",
        },
    )
    assert phone.label == "SM-S911B (S1) · Android 14 · arm64-v8a"
    assert phone.abis == ("arm64-v8a", "armeabi-v7a")
    assert phone.facts["cores"] == {
        "0-1": "walt 300000-1800000",
        "2": "walt 500000-3300000",
        "10": "walt 300000-1800000",
    }
    assert phone.free_bytes == 10240
    assert "taskset" in phone.commands


def test_a_phone_without_properties_is_known_by_its_machine() -> None:
    phone = probe.parse_probe("S1", {"machine": "aarch64"})
    assert phone.abis == ("arm64-v8a",)
    assert phone.label == "unknown phone (S1) · arm64-v8a"


# The command


def test_the_plan_becomes_the_tools_words(artefact: files.Artefact) -> None:
    plan = Plan(runs=7, warmup_s=0.25, threads=4, tool_args=("--x=$(id)",))
    ids = MeasuredInput("ids", "ids", "int32", (1, 4), bounds=(0, 9))
    variant = replace(examples.FLOAT32, inputs=(ids,))
    words = command_line(artefact, artefact, plan, "tflite", variant)
    assert words[0] == artefact.remote
    assert {"--num_runs=7", "--num_threads=4", "--warmup_min_secs=0.25"} < set(words)
    assert "--input_layer_value_range=ids,0,8" in words  # the tool draws the highest too
    assert words[-1] == "--x=$(id)"


@pytest.mark.parametrize(
    ("signature", "dialect", "named"),
    [("first", "tflite", False), ("second", "tflite", True), ("first", "litert", True)],
)
def test_a_signature_is_named_where_the_tool_would_run_another(
    artefact: files.Artefact, tmp_path: Path, signature: str, dialect: Any, named: bool
) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(tflite_files.two_signatures())
    variant = replace(examples.FLOAT32, facts=read_facts(file), signature=signature)
    words = command_line(artefact, artefact, Plan(), dialect, variant)
    assert (f"--signature_to_run_for={signature}" in words) is named
