"""``bench search --cluster`` with a real Dask scheduler and workers on 127.0.0.1."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import documents
from tests.integration.conftest import ROOT, Cli
from tests.integration.make_models import CLASSES, SIZE
from tests.integration.test_search import QUICK, trials_of

pytest.importorskip("optuna", reason="needs the extra [search]")
pytest.importorskip("distributed", reason="needs the extra [cluster]")

START_S = 60
PAGE = (documents.ROOT / "docs" / "howto" / "cluster.md").read_text(encoding="utf-8")


def shown(start: str, address: str = "") -> list[str]:
    """The arguments of the command on the page that begins so."""
    (line,) = re.findall(rf"^    ({start}.*)$", PAGE, re.M)
    return shlex.split(line.replace("tcp://SCHEDULER:8786", address))[1:]


class Dask:
    """Processes of Dask, each with a cache of its own."""

    def __init__(self, folder: Path, started: Callable) -> None:
        self.folder, self.started = folder, started
        self.environment: dict[str, str] = {}
        self.address = ""

    def scheduler(self, *options: str) -> str:
        asked = (*shown("dask scheduler"), "--port", "0", "--no-dashboard", *options)
        process = self.start("scheduler", *asked)
        log = self.wait_for("scheduler", r"Scheduler at: +(\S+)", process)
        self.address = log[1]
        return self.address

    def worker(self, name: str, **environment: str) -> subprocess.Popen:
        options = ("--name", name, "--no-nanny", "--no-dashboard")
        cache = {"TFLITE_BENCH_CACHE": str(self.folder / f"cache-{name}")}
        asked = (*shown("dask worker", self.address), *options)
        process = self.start(name, *asked, **cache, **environment)
        self.wait_for(name, r"Registered to:", process)
        return process

    def start(self, name: str, *arguments: str, **environment: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1"],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.started(process)

    def wait_for(self, name: str, pattern: str, process: subprocess.Popen) -> re.Match:
        end = time.monotonic() + START_S
        while time.monotonic() < end and process.poll() is None:
            log = (self.folder / f"{name}.log").read_text()
            if found := re.search(pattern, log):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{name} did not start:\n{log}")


@pytest.fixture
def dask(tmp_path: Path, started: Callable) -> Dask:
    folder = tmp_path / "dask"
    folder.mkdir()
    return Dask(folder, started)


@pytest.fixture
def folder(cli: Cli) -> Cli:
    """A folder with samples that fit the models."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, 200)
    x = (np.eye(CLASSES, SIZE)[labels] * 3 + generator.normal(size=(200, SIZE))).astype(np.float32)
    arrays = {"x_train": x[:100], "y_train": labels[:100], "x_test": x[100:]}
    np.savez(cli.folder / "samples.npz", y_test=labels[100:], **arrays)
    return cli


def recipes_in(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line[:1] != "#"]


def test_a_worker_that_joins_and_one_that_dies_in_a_training_change_nothing(
    folder: Cli, models: Path, dask: Dask, started: Callable
):
    shutil.copy(models / "dense.keras", folder.folder / "model.keras")
    address = dask.scheduler()
    *command, flag, address = shown("bench search", address)
    command += [*QUICK, "--trials", "2", "-o", "front.toml"]
    alone = folder(*command)
    assert alone.returncode == 0, alone.stderr
    expected = recipes_in(folder.folder / "front.toml"), trials_of(folder)

    other = Cli(folder.folder / "other", folder.folder / "other-cache", folder.environment)
    other.folder.mkdir()
    for name in ("model.keras", "samples.npz"):
        shutil.copy(folder.folder / name, other.folder)
    first = dask.worker("first")
    process = started(other.start(*command, flag, address, "--at-once", "1"))
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("trial 2: "):
            break  # in the middle of its training
    dask.worker("second")
    for line in process.stderr:
        lines.append(line)
        if line.startswith("worker second has joined"):
            os.killpg(first.pid, signal.SIGKILL)
            break
    _, rest = process.communicate()
    told = "".join(lines) + rest
    assert process.returncode == 0, told
    assert re.search(r"^trial 1 \(.* on first\)", told, re.M), told
    assert re.search(r"^worker first is gone in the middle of channels:", told, re.M), told
    assert re.search(r"^trial 2 \(.* on second\)", told, re.M), told
    assert (recipes_in(other.folder / "front.toml"), trials_of(other)) == expected
    assert not list((other.cache / "logs").glob("*")), "nothing was built here"

    again = other(*command)
    assert again.returncode == 0, again.stderr
    assert "trial 1" not in again.stderr
    received = list((dask.folder / "cache-second" / "received").glob("*.whole"))
    assert len(received) == 3, "the model, its samples and float32, once"


def test_what_one_worker_trained_another_goes_on_from(folder: Cli, models: Path, dask: Dask):
    from bench import recipes
    from bench.observers import SILENT
    from bench.pipeline import prepare
    from bench.searching.cluster.executor import ClusterExecutor
    from bench.searching.cluster.pool import Pool
    from bench.searching.executor import samples_of, validation_data, validation_of
    from bench.values import Plan

    source = prepare.load(models / "dense.keras", folder.folder / "samples.npz", folder.folder)
    chosen_on = validation_data(samples_of(source), validation_of(source))
    dask.scheduler()
    for name in ("first", "second"):
        dask.worker(name)

    def done(executor, text):
        told = []
        progress = lambda step, *_: told.append(step)  # noqa: E731  # one line says it
        asked = recipes.parse(text)
        return executor.submit(asked, evaluate=True, progress=progress).result(300), told

    with (
        Pool(dask.address, SILENT) as pool,
        ClusterExecutor(source, chosen_on, Plan(), pool=pool, observer=SILENT) as executor,
    ):
        assert executor.slots == 2
        done(executor, "float32")
        trained, told = done(executor, "tune,epochs=2")
        assert any("tune epoch" in step for step in told)
        with pool.lend() as busy:
            assert busy.label == trained.where
            ended, told = done(executor, "tune,epochs=2+quantize:int8")
        assert ended.where not in ("", trained.where)
        assert ended.accuracy is not None
        assert not any("tune epoch" in step for step in told)


def test_tls_by_the_certificates_of_dasks_configuration(folder: Cli, models: Path, dask: Dask):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = dask.folder / "key.pem", dask.folder / "certificate.pem"
    asked = ("-newkey", "rsa:2048", "-nodes", "-subj", "/CN=dask", "-days", "1")
    made = ["openssl", "req", "-x509", *asked, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    tls = {"CA_FILE": certificate}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        tls |= {f"{role}__KEY": key, f"{role}__CERT": certificate}
    known = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(path) for name, path in tls.items()}
    dask.environment = known
    address = dask.scheduler("--protocol", "tls")
    assert address.startswith("tls://")
    dask.worker("first")
    command = ("search", models / "dense.keras", *QUICK, "--trials", "1", "--cluster", address)
    refused = folder(*command)
    assert refused.returncode == 2, refused.stderr
    assert "certificates" in refused.stderr.splitlines()[-1]
    folder.environment |= known
    ran = folder(*command)
    assert ran.returncode == 0, ran.stderr
    assert "on first)" in ran.stderr


def error_of(folder: Cli, models: Path, address: str) -> str:
    """The one line that a search on that cluster ends with."""
    begin = time.monotonic()
    command = ("search", models / "dense.keras", *QUICK, "--trials", "1", "--cluster", address)
    ran = folder(*command)
    assert ran.returncode == 2, ran.stderr
    errors = [line for line in ran.stderr.splitlines() if line.startswith("bench: error:")]
    assert len(errors) == 1
    assert "Traceback" not in ran.stderr
    assert "looking at the model" not in ran.stderr, "before any work"
    assert time.monotonic() - begin < START_S
    return errors[0]


def test_what_cannot_be_used_is_one_line(folder: Cli, models: Path, dask: Dask):
    told = error_of(folder, models, "tcp://127.0.0.1:9")
    assert "no scheduler answers at tcp://127.0.0.1:9" in told
    assert "--cluster nonsense is no scheduler's address" in error_of(folder, models, "nonsense")

    address = dask.scheduler()
    told = error_of(folder, models, address)
    assert f"no worker has joined {address}" in told
    assert f"dask worker {address}" in told

    about = dask.folder / "other" / "tensorflow-9.9.9.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorflow\nVersion: 9.9.9\n")
    dask.worker("odd", PYTHONPATH=os.pathsep.join([str(about.parent), str(ROOT)]))
    assert "odd: tensorflow 9.9.9 there, " in error_of(folder, models, address)
