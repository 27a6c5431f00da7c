"""The command line in processes of its own, and models made once by the real TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import bench

ROOT = Path(bench.__file__).parents[1]
PATIENCE_S = 300


@dataclass
class Cli:
    """Runs ``python -m bench`` in one folder, with a cache and reports of its own."""

    folder: Path
    cache: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, **options: object) -> subprocess.CompletedProcess:
        """Run to the end; what it printed is in ``stdout`` and ``stderr``, as text."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            **options,
        )

    def start(self, *arguments: str | Path, **options: object) -> subprocess.Popen:
        """Start it in a process group of its own."""
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env(),
            start_new_session=True,
            preexec_fn=_hear_hangups,  # noqa: PLW1509  # the tests have no threads of their own
            **{**quiet, **options},
        )

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "bench", *map(str, arguments)]

    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TFLITE_BENCH_CACHE": str(self.cache),
            **self.environment,
        }


def _hear_hangups() -> None:
    """Under ``nohup`` the tests are deaf to them, and so would be what they start."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line with nothing in its cache."""
    return Cli(tmp_path, tmp_path / "cache")


@pytest.fixture
def started() -> Iterator[Callable[[subprocess.Popen], subprocess.Popen]]:
    """Takes processes that a test starts, and ends those that it leaves behind."""
    processes: list[subprocess.Popen] = []

    def take(process: subprocess.Popen) -> subprocess.Popen:
        processes.append(process)
        return process

    yield take
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny models in every form, made in one process (see ``make_models.py``)."""
    pytest.importorskip("tensorflow", reason="needs the extra [build]")
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).with_name("make_models.py")
    made = subprocess.run(
        [sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    return folder


@pytest.fixture(scope="session")
def built_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests share which do not ask whether something is built anew."""
    return tmp_path_factory.mktemp("cache")


def wait_for_launches(path: Path, count: int, process: subprocess.Popen) -> None:
    """Until so many launches stand in a file."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_bytes().count(b'{"record":"launch"') >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"no {count} launches in {path}")
