"""What runs within a Dask worker: builds of its own, and what is known of its machine.

A worker keeps what it works on open between jobs, so that TensorFlow is loaded once for several of
them, in a process of its own. Where nobody waits for a job any more, it is ended.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from filelock import FileLock, Timeout

from bench import cache, techniques, workers
from bench.errors import BenchError, StoreError, telling_line
from bench.metrics.values import Accuracy
from bench.searching.cluster import parcels, work
from bench.searching.cluster.parcels import CURE, Parcel
from bench.searching.cluster.work import Work, WorkerError
from bench.searching.executor import LocalExecutor
from bench.values import Facts, Recipe, StepProgress, no_facts

LIBRARIES = (
    *("tensorflow", "tf-keras", "keras", "tensorflow-model-optimization", "ai-edge-litert"),
    *("numpy", "litert-quantizer", "distributed"),
)
"""What the content of a file, or its accuracy, may depend on."""

IDLE_S = 600.0
"""After so long without a job a worker gives back what it holds."""

WATCH_S = 1.0
"""How often it is seen whether a job is still waited for."""

TELL_S = 0.5
"""Progress within one step is told no more often."""

LEAST_FREE_BYTES = 50 << 20
"""Where less is free on a disk, what failed there may have failed of that."""


@dataclass(frozen=True)
class File:
    """A finished .tflite and what its steps found out, without its content.

    Attributes:
        path: on the machine that has it.
    """

    recipe: Recipe
    parcel: Parcel
    steps: Facts = field(default_factory=no_facts)
    path: str = ""


@dataclass(frozen=True)
class Job:
    """What a worker is asked for: a recipe, or a look at the model.

    Attributes:
        token: names the job's progress.
        topic: that progress is told under.
        files: finished before, which have arrived: float32 that others are held against, and the
            recipe's own where only its accuracy is missing.
        trained: what others have trained of the recipe, which has arrived.
        look, options: see :meth:`bench.build.Builds.look`; empty for a recipe.
    """

    token: str
    topic: str
    recipe: Recipe
    evaluate: bool = False
    files: tuple[File, ...] = ()
    trained: tuple[Parcel, ...] = ()
    look: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came of a job.

    Attributes:
        trained: names of what is trained of the recipe now.
        found: by a look.
        error: why no recipe at all can be built; None where that is not so.
    """

    file: File | None = None
    accuracy: Accuracy | None = None
    failure: str = ""
    cached: bool = False
    trained: tuple[str, ...] = ()
    found: Any = None
    error: BenchError | None = None


def versions() -> dict[str, str]:
    """What must be the same on all machines, by name; empty where it is not installed."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    root = Path(workers.__file__).parents[1]
    # In a wheel these two lie within the package; a model is compared by itself.
    beside = (root / "models", root / "device_scripts")
    ours = sorted(p for p in root.rglob("*.py") if not any(b in p.parents for b in beside))
    source = f"{workers.version('tflite-bench') or ''} ({cache.hash_files(ours)[:8]})"
    libraries = {name: workers.version(name) or "" for name in LIBRARIES}
    return {"Python": python, "tflite-bench": source.strip(), **libraries}


def why_other(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """What differs, by name; empty where nothing does."""
    other = [
        f"{name} {theirs[name]} there, {here or 'not installed'} here"
        if theirs.get(name)
        else f"{name} is not installed there, {here} here"
        for name, here in ours.items()
        if theirs.get(name, "") != here
    ]
    return ", ".join(other)


@contextmanager
def _of_this_machine() -> Iterator[None]:
    """Take a file that cannot be written for a fault of this machine.

    Raises:
        WorkerError: instead of the StoreError.
    """
    try:
        yield
    except StoreError as error:
        raise WorkerError(error.message, hint=error.hint) from error


def missing(wanted: tuple[Parcel, ...]) -> list[Parcel]:
    """Those that have not arrived here."""
    return parcels.missing(wanted)


def add(parcel: Parcel, sender: str, offset: int, piece: bytes) -> None:
    """Keep a piece of a parcel, as :func:`bench.searching.cluster.parcels.add`.

    Raises:
        WorkerError: it cannot be kept.
    """
    with _of_this_machine():
        parcels.add(parcel, sender, offset, piece)


def finish(parcel: Parcel, sender: str) -> None:
    """Keep a parcel that has arrived, as :func:`bench.searching.cluster.parcels.finish`.

    Raises:
        WorkerError: it cannot be kept.
    """
    with _of_this_machine():
        parcels.finish(parcel, sender)


def read(path: str, offset: int) -> bytes:
    """A piece of a finished file."""
    with Path(path).open("rb") as file:
        file.seek(offset)
        return file.read(parcels.PIECE_BYTES)


class _Open:
    """Work that is open in this process: one job after another, all in one thread.

    Locks of files belong to the thread that took them, and Dask's threads take turns.
    """

    def __init__(self, about: Work) -> None:
        self._about, self._place = about, _own_place()
        self._executor: LocalExecutor | None = None
        self._closing: threading.Timer | None = None
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # It must not keep Dask's process from ending in the middle of a job.
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, job: Job, progress: StepProgress) -> Answer:
        """Do a job, when those before it are done."""
        future: Future[Answer] = Future()
        self._tasks.put((future, lambda: self._do_in_time(job, progress)))
        return future.result()

    def kill(self) -> None:
        """End the job that is being done."""
        if (executor := self._executor) is not None:
            executor.builds.kill()

    def end(self, why: type[BaseException] | None) -> None:
        """Give back what is held, soon; what was trained is kept where it was interrupted."""
        self._tasks.put((Future(), lambda: self._close(why)))
        self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, do = task
            try:
                future.set_result(do())
            except BaseException as error:  # who waits for it is told
                future.set_exception(error)

    def _do_in_time(self, job: Job, progress: StepProgress) -> Answer:
        if self._closing is not None:
            self._closing.cancel()
        try:
            return self._do(job, progress)
        finally:
            idle = (Future[None](), lambda: self._close(InterruptedError))
            self._closing = threading.Timer(IDLE_S, self._tasks.put, [idle])
            self._closing.daemon = True
            self._closing.start()

    def _close(self, why: type[BaseException] | None) -> None:
        if self._closing is not None:
            self._closing.cancel()
        if self._executor is not None:
            self._executor.__exit__(why, None, None)
            self._executor = None

    def _do(self, job: Job, progress: StepProgress) -> Answer:
        if self._executor is None:
            opened = work.open_here(self._about, self._place)
            self._executor = opened.__enter__()
        executor = self._executor
        if job.look:
            return Answer(found=executor.look(job.look, progress, **job.options))
        for file in job.files:
            if executor.builds.known(file.recipe) is None:
                content = parcels.path_of(file.parcel).read_bytes()
                executor.builds.keep(file.recipe, content, file.steps)
            if not file.recipe.steps:
                executor.submit(file.recipe, evaluate=False, progress=progress).result()
        folder = executor.builds.training
        for parcel in job.trained:
            if not (folder / parcel.name).is_file():
                cache.write(folder / parcel.name, parcels.path_of(parcel).read_bytes())
        done = executor.submit(job.recipe, evaluate=job.evaluate, progress=progress).result()
        if done.failure:
            _refuse_full_disk(done.failure)
        if done.variant is None:
            return Answer(failure=done.failure)
        path, size = done.variant.path, done.variant.size_bytes
        parcel = Parcel(path.name, done.variant.sha256, size)
        file = File(job.recipe, parcel, dict(done.variant.steps), str(path))
        names = techniques.saved_files(job.recipe.steps)
        trained = tuple(name for name in names if (folder / name).is_file())
        return Answer(file, done.accuracy, done.failure, done.cached, trained)

    def trained(self, name: str) -> tuple[Parcel, str] | None:
        """A file of what was trained here and its path; None where it is gone."""
        executor = self._executor
        path = None if executor is None else executor.builds.training / name
        if path is None or not path.is_file():
            return None
        return parcels.of_file(path), str(path)


_open: dict[str, _Open] = {}
_opening = threading.RLock()
_place: list[FileLock] = []


def carry_out(about: Work, job: Job) -> Answer:
    """Do a job, in a thread of a Dask worker.

    Raises:
        WorkerError: this machine cannot do it, and another should.
    """
    from distributed import get_worker

    worker = get_worker()
    with _opening:
        mine = _open.get(about.key) or _open.setdefault(about.key, _Open(about))
    with _watched(worker, worker.get_current_task(), mine.kill):
        try:
            with _of_this_machine():
                return mine.do(job, _teller(worker, job))
        except WorkerError:
            raise
        except BenchError as error:
            return Answer(error=error)
        except Exception as fault:  # a library's or ours: another machine may do it
            said = f"{type(fault).__name__}: {telling_line(fault)}"
            raise WorkerError(f"it failed ({said})", hint="see its log") from fault


def trained(key: str, name: str) -> tuple[Parcel, str] | None:
    """A file of what was trained for some work here, and its path; None where it is gone."""
    mine = _open.get(key)
    return None if mine is None else mine.trained(name)


def end(key: str, interrupted: bool) -> None:
    """Give back what work holds here; what was trained is kept where it was interrupted."""
    with _opening:
        mine = _open.pop(key, None)
    if mine is not None:
        mine.kill()
        mine.end(KeyboardInterrupt if interrupted else None)


def _own_place() -> str:
    """A name for trained beginnings that no other process of this machine uses now.

    It is the same after a restart, so that a training goes on after its last epoch.
    """
    folder = cache.folder("places")
    number = 1
    while not _place:
        lock = FileLock(folder / f"{number}.lock")
        try:
            lock.acquire(timeout=0)
            _place.append(lock)
        except Timeout:
            number += 1
    return f"-{Path(_place[0].lock_file).stem}"


@contextmanager
def _watched(worker: Any, key: str, kill: Callable[[], None]) -> Iterator[None]:
    """End a job that nobody waits for any more: cancelled, or its client is gone."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(WATCH_S):
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled":
                kill()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _teller(worker: Any, job: Job) -> StepProgress:
    """Tells the search's machine of progress, and not of each batch."""
    last_step, last_at = "", 0.0

    def progress(step: str, done: int, total: int) -> None:
        nonlocal last_step, last_at
        now = time.monotonic()
        is_over = total and done >= total
        if step == last_step and now - last_at < TELL_S and not is_over:
            return
        last_step, last_at = step, now
        worker.log_event(job.topic, [job.token, step, done, total])

    return progress


def _refuse_full_disk(failure: str) -> None:
    """Take a failure for one of this machine where its disk is full.

    Raises:
        WorkerError: it is.
    """
    folder = cache.folder()
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise WorkerError(f"no room is left in {folder} ({failure})", hint=CURE)
