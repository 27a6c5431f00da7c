"""``bench search`` with the real converter, trainer, interpreter and Optuna, on a tiny model."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import bench
from bench import recipes
from tests.integration.conftest import Cli
from tests.integration.make_models import CLASSES, SIZE

pytest.importorskip("optuna", reason="needs the extra [search]")

QUICK = ("--data", "samples.npz", "-t", "local", "--launches", "2", "--max-loss", "90%")
SHORTER = ("--by", "size")
"""Its recipes have half as many steps to train; for tests to which they do not matter."""


@pytest.fixture
def folder(cli: Cli, models: Path) -> Cli:
    """A folder with samples that fit the models; its labels are what the model can learn."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(CLASSES, SIZE))
    labels = generator.integers(0, CLASSES, 400)
    x = (centres[labels] + generator.normal(size=(400, SIZE))).astype(np.float32)
    np.savez(
        cli.folder / "samples.npz",
        x_train=x[:300],
        y_train=labels[:300],
        x_test=x[300:],
        y_test=labels[300:],
    )
    cli.environment["MODELS"] = str(models)
    return cli


def search(cli: Cli, *arguments: str, model: str = "dense.keras"):
    path = Path(cli.environment["MODELS"]) / model
    return cli("search", path, *QUICK, *arguments)


def shipped(ran) -> str:
    assert ran.returncode == 0, ran.stderr
    last = ran.stdout.splitlines()[-1]
    assert last.startswith("ship front-"), ran.stdout
    return last


def test_it_ends_with_a_front_a_line_and_recipes_that_are_built_exactly(folder: Cli):
    outputs = [
        part
        for suffix in ("toml", "md", "csv", "json", "html", "png")
        for part in ("-o", f"front.{suffix}")
    ]
    ran = search(folder, "--trials", "4", *outputs)
    line = shipped(ran)
    assert "smaller zipped" in line
    assert "points of accuracy" in line
    assert "validation samples" in ran.stdout
    front = recipes.read_file(folder.folder / "front.toml")
    (report,) = (folder.folder / "reports").glob("*.jsonl")
    saved = {v.name: v for v in bench.read(report).session.variants}
    assert [recipe.name for recipe in front] == [name for name in saved if name != "float32"]
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    again = folder("build", model, "--data", "samples.npz", "-r", "@front.toml", "-o", "built")
    assert again.returncode == 0, again.stderr
    for recipe in front:
        built = folder.folder / "built" / f"{recipe.name}.tflite"
        assert built.read_bytes() == saved[recipe.name].path.read_bytes()
    rows = list(csv.DictReader((folder.folder / "front.csv").read_text().splitlines()))
    assert [row["variant"] for row in rows] == list(saved)
    assert "| front-1" in (folder.folder / "front.md").read_text()
    kept = json.loads((folder.folder / "front.json").read_text())["search"]
    assert kept["line"] == line
    assert [trial["recipe"] for trial in kept["trials"]] == trials_of(folder)
    page = (folder.folder / "front.html").read_text()
    assert f"Ship {kept['ship']}" in page
    assert all(trial["recipe"].partition("+")[0] in page for trial in kept["trials"])
    assert (folder.folder / "front.png").stat().st_size > 10_000
    shown = folder("report", report)
    assert shown.stdout.splitlines()[-1] == line


def trials_of(cli: Cli) -> list[str]:
    """The recipes that were tried, in the order that Optuna's journal has them."""
    (journal,) = (cli.cache / "searches").glob("*/trials.log")
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return [x["user_attr"]["recipe"] for x in lines if "recipe" in x.get("user_attr", {})]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_it_goes_on_where_it_was_killed_and_trains_nothing_twice(folder: Cli, started, ending):
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    # The fourth shape has as many channels as the third here: which one is on the front would be
    # told by the last bits of their weights, and these depend on a process' earlier work.
    command = ("search", model, *QUICK, *SHORTER, "--trials", "3", "-o", "front.toml")
    process = started(folder.start(*command))
    for line in process.stderr:
        if line.startswith("trial 3: "):
            break  # in the middle of its training
    os.killpg(process.pid, ending)
    process.communicate()
    assert len(trials_of(folder)) == 2
    again = folder(*command)
    shipped(again)
    assert "going on with 2 trials" in again.stderr
    assert not re.search(r"^trial [12]\b", again.stderr, re.M)
    tried = trials_of(folder)
    assert len(tried) == len(set(tried)) == 3
    front = (folder.folder / "front.toml").read_text()

    other = Cli(folder.folder / "other", folder.folder / "other-cache", folder.environment)
    other.folder.mkdir()
    (other.folder / "samples.npz").write_bytes((folder.folder / "samples.npz").read_bytes())
    shipped(other(*command))
    assert trials_of(other) == tried
    uninterrupted = (other.folder / "front.toml").read_text()
    assert [x for x in uninterrupted.splitlines() if x[:1] != "#"] == [
        x for x in front.splitlines() if x[:1] != "#"
    ]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_several_at_once_go_on_where_they_were_killed_and_train_nothing_twice(
    folder: Cli, started, ending
):
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    command = ("search", model, *QUICK, *SHORTER, "--trials", "6", "--at-once", "2")
    process = started(folder.start(*command))
    going = set()
    for line in process.stderr:
        if found := re.match(r"trial (\d+): ", line):
            going.add(found[1])
        if len(going) >= 4:
            break  # in the middle of two trainings
    os.killpg(process.pid, ending)
    process.communicate()
    before = trials_of(folder)
    again = folder(*command)
    shipped(again)
    tried = trials_of(folder)
    assert tried[: len(before)] == before
    assert len(tried) == len(set(tried)) == 6
    assert not list((folder.cache / "training").glob("*/*")), "what was trained is given back"


def test_a_finished_search_shows_the_same_again_and_more_trials_go_on(folder: Cli):
    first = search(folder, *SHORTER, "--trials", "2")
    begin = time.perf_counter()
    again = search(folder, *SHORTER, "--trials", "2")
    assert shipped(again) == shipped(first)
    assert "trial 1" not in again.stderr
    assert time.perf_counter() - begin < 60
    more = search(folder, *SHORTER, "--trials", "3")
    assert "trial 3 (" in more.stderr
    assert len(trials_of(folder)) == 3
    newest = max((folder.folder / "reports").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    assert len(bench.read(newest).search.trials) == 3, "also where the front is the same as before"


def test_by_latency_structures_are_measured_before_they_are_trained(folder: Cli):
    ran = search(folder, "--by", "latency", "--trials", "2")
    assert "faster" in shipped(ran) or "slower" in shipped(ran) or "no clear" in shipped(ran)
    assert len(trials_of(folder)) == 2, "one structure after the other is measured"
    structure = ran.stderr.index("measuring the structure")
    assert structure < ran.stderr.index("trial 1 (")


def test_trainings_stand_still_while_a_structure_is_measured(folder: Cli):
    ran = search(folder, "--by", "latency", "--trials", "3", "--at-once", "2")
    shipped(ran)
    assert len(trials_of(folder)) == 3


def test_a_goal_that_is_met_ends_it(folder: Cli):
    ran = search(folder, "--trials", "9", "--goal", "1.5x")
    shipped(ran)
    assert "the goal is met" in ran.stdout
    assert len(trials_of(folder)) == 1


def test_a_model_that_nothing_can_be_trained_of_is_searched_by_its_bits(folder: Cli):
    ran = search(folder, "--trials", "9", model="exported")
    shipped(ran)
    assert "nothing can be trained (a SavedModel" in ran.stderr
    assert {re.split("[,+]", recipe)[0] for recipe in trials_of(folder)} <= {
        f"quantize:{mode}" for mode in recipes.technique("quantize").MODES
    }


def test_where_an_op_has_no_int8_form_it_stays_in_float(folder: Cli):
    """Else nothing that ends in int8 could be built."""
    ran = search(folder, "--trials", "2", model="no_int8_kernel.keras")
    shipped(ran)
    assert "quantize:int8,rest=float32 is tried instead of quantize:int8: " in ran.stderr
    assert "no int8 form of CUMSUM" in ran.stderr
    first, second = trials_of(folder)
    assert first.startswith("quantize:int8,rest=float32+")
    assert "failed" not in ran.stdout, second


def test_labels_are_not_needed(folder: Cli):
    with np.load(folder.folder / "samples.npz") as arrays:
        kept = {key: arrays[key] for key in arrays.files if key[0] == "x"}
    np.savez(folder.folder / "samples.npz", **kept)
    ran = search(folder, *SHORTER, "--trials", "3")
    shipped(ran)
    assert any("distill=1" in recipe for recipe in trials_of(folder))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--max-size", "10kB", "--max-zipped", "20kB"), "--max-zipped 20.0 kB is more than"),
        (("--max-zipped", "5B", "--trials", "2"), "nothing can keep --max-zipped"),
        (("--max-size", "300B", "--trials", "2"), "nothing can keep --max-size"),
        (("--max-median", "0.01us", "--trials", "2"), "nothing can keep --max-median"),
        (("--budget", "1s"), "one takes about"),
        (("--goal", "soon"), "--goal soon cannot be read"),
        (("-o", "no/where.toml"), "no folder no"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder: Cli, arguments, told):
    ran = search(folder, *arguments)
    assert ran.returncode == 2, ran.stderr
    error = [line for line in ran.stderr.splitlines() if line.startswith("bench: error:")]
    assert len(error) == 1
    assert told in error[0]
    assert "Traceback" not in ran.stderr


def test_without_samples_to_choose_on_it_says_so(folder: Cli):
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    ran = folder("search", model, "--trials", "1")
    assert ran.returncode == 2
    assert "validation samples are needed" in ran.stderr
    with np.load(folder.folder / "samples.npz") as arrays:
        np.savez(folder.folder / "test.npz", x_test=arrays["x_test"], y_test=arrays["y_test"])
    ran = folder("search", model, "--data", "test.npz", "--trials", "1")
    assert ran.returncode == 2
    assert "x_validation" in ran.stderr


def without(package: str, folder: Cli) -> None:
    """As on a machine that has none."""
    (folder.folder / f"{package}.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join((str(folder.folder), folder.env()["PYTHONPATH"]))
    folder.environment["PYTHONPATH"] = path


def test_of_a_ready_float_file_bits_alone_are_searched_without_tensorflow(folder: Cli):
    without("tensorflow", folder)
    ran = search(folder, "-o", "front.toml", model="dense.tflite")
    shipped(ran)
    assert "nothing can be trained (it is a ready .tflite)" in ran.stderr
    assert "all of 7 ways to quantize it tried" in ran.stdout
    assert "quantize:mixed,max-loss=90%" in ran.stdout
    front = recipes.read_file(folder.folder / "front.toml")
    assert front
    model = Path(folder.environment["MODELS"]) / "dense.tflite"
    again = folder("build", model, "--data", "samples.npz", "-r", "@front.toml", "-o", "built")
    assert again.returncode == 0, again.stderr
    assert len(list((folder.folder / "built").glob("front-*.tflite"))) == len(front)


def test_a_cluster_is_not_asked_to_train_a_ready_file(folder: Cli):
    ran = search(folder, "--cluster", "tcp://127.0.0.1:1", model="dense.tflite")
    assert ran.returncode == 2
    assert "leave --cluster out" in ran.stderr


def test_a_file_that_is_quantized_already_is_refused_by_name(folder: Cli):
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    built = folder("build", model, "--data", "samples.npz", "-r", "quantize:int8", "-o", "built")
    assert built.returncode == 0, built.stderr
    ran = folder("search", "built/quantize-int8.tflite", *QUICK)
    assert ran.returncode == 2
    assert "is quantized already" in ran.stderr


def test_without_optuna_it_says_what_to_install(folder: Cli):
    without("optuna", folder)
    ran = search(folder, "--trials", "1")
    assert ran.returncode == 2
    assert "pip install 'tflite-bench[search]'" in ran.stderr


def test_sensitivity_is_a_table_and_a_picture_of_all_layers(folder: Cli):
    model = Path(folder.environment["MODELS"]) / "dense.keras"
    outputs = ("-o", "s.csv", "-o", "s.md", "-o", "s.json", "-o", "s.svg")
    ran = folder("sensitivity", model, "--data", "samples.npz", *outputs)
    assert ran.returncode == 0, ran.stderr
    rows = list(csv.DictReader((folder.folder / "s.csv").read_text().splitlines()))
    assert {row["tried"] for row in rows} >= {"channels:0.5", "prune:0.8", "cluster:8", "bits:4"}
    assert all(float(row["low"]) <= float(row["loss"]) <= float(row["high"]) for row in rows)
    losses = {(row["layers"], row["tried"]): float(row["loss"]) for row in rows}
    assert all(value <= 0.2 for (_, tried), value in losses.items() if tried == "bits:8")
    assert "lost" in (folder.folder / "s.svg").read_text()
