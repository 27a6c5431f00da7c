"""The search's executor on a cluster: hands out jobs, and takes them again where a worker died."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from bench import accuracy, cache, techniques
from bench.data import Data
from bench.errors import BenchError, BuildError
from bench.metrics.values import Accuracy
from bench.observers import Observer
from bench.pipeline.prepare import Source
from bench.searching.cluster import parcels, remote, work
from bench.searching.cluster.parcels import Parcel
from bench.searching.cluster.pool import LostError, Member, Pool
from bench.searching.cluster.remote import Answer, File, Job
from bench.searching.cluster.work import WorkerError
from bench.searching.executor import Done, builds_of, in_thread
from bench.values import Plan, Recipe, StepProgress, Variant

T = TypeVar("T")

FILE_NAME = "variant.tflite"

SETTLE_S = 30.0
"""Within so long it is known whether a worker is gone, or the scheduler with all of them."""

ATTEMPTS = 3
"""So many workers may die of a job, or during it, before it counts as failed."""


class ClusterExecutor:
    """One recipe per worker, as many at once as there are workers.

    What was built before comes from this machine's cache, and finished files go there.

    Args:
        pool: the workers, connected.
        at_once: at most so many recipes; None is as many as there are workers.
        observer: told where a job is taken again.
        source, chosen_on, plan: as :class:`bench.searching.executor.LocalExecutor` takes them.
    """

    def __init__(
        self,
        source: Source,
        chosen_on: Data,
        plan: Plan,
        *,
        pool: Pool,
        at_once: int | None = None,
        observer: Observer,
    ) -> None:
        self._source, self._plan, self._chosen_on = source, plan, chosen_on
        self._pool, self._at_once, self._observer = pool, at_once, observer
        self._builds = builds_of(source, plan)
        self._scratch = tempfile.TemporaryDirectory(prefix="tflite-bench-")
        self._me = uuid.uuid4().hex
        self._topic = f"tflite-bench-{self._me}"
        self._told: dict[str, StepProgress] = {}
        self._waited_for: set[Future[Any]] = set()
        self._baseline: Variant | None = None
        self._files: dict[Parcel, Path] = {}
        self._trainers: dict[str, list[Member]] = {}

    @property
    def slots(self) -> int:
        """How many recipes it works on at once."""
        return max(1, min(self._pool.ready, self._at_once or self._pool.ready))

    def __enter__(self) -> ClusterExecutor:
        self._work, files = work.pack(self._source, self._plan, Path(self._scratch.name))
        self._files.update(files)
        self._pool.on_error(self._fail_all)
        self._pool.client.subscribe_topic(self._topic, self._hear)
        return self

    def __exit__(self, *raised: object) -> None:
        self._told.clear()
        self._pool.end(remote.end, self._work.key, raised != (None, None, None))
        self._builds.__exit__(*raised)
        self._scratch.cleanup()

    def submit(self, recipe: Recipe, *, evaluate: bool, progress: StepProgress) -> Future[Done]:
        """Have it done by the next worker that is free."""
        begin = time.perf_counter()

        def do() -> Done:
            done = self._do(recipe, evaluate, progress)
            return replace(done, seconds=time.perf_counter() - begin)

        return self._start(do)

    def look(self, what: str, progress: StepProgress, **options: Any) -> Any:
        """As ``bench.build.Builds.look``, on one of the workers."""
        job = self._job(Recipe(), progress, look=what, options=options)
        answer, where = self._start(lambda: self._ask(job)).result()
        if answer.failure:
            raise BuildError(f"{answer.failure} ({where})", hint="mend that first")
        return answer.found

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Nothing is to be done for it: trainings are on other machines."""
        yield

    def _start(self, do: Callable[[], T]) -> Future[T]:
        future = in_thread(do)
        self._waited_for.add(future)
        future.add_done_callback(self._waited_for.discard)
        return future

    def _fail_all(self, error: BenchError) -> None:
        for future in list(self._waited_for):
            with contextlib.suppress(InvalidStateError):
                future.set_exception(error)

    def _hear(self, event: tuple[float, tuple[str, str, int, int]]) -> None:
        """Pass on a worker's progress."""
        token, step, done, total = event[1]
        if (told := self._told.get(token)) is not None:
            told(step, done, total)

    # One recipe

    def _do(self, recipe: Recipe, evaluate: bool, progress: StepProgress) -> Done:
        before = self._builds.known(recipe)
        if before is not None and not recipe.steps:
            self._baseline = before.variant
        if before is not None and (done := self._known(before.variant, evaluate)):
            return done
        files = [] if before is None else [self._file(recipe, before.variant)]
        answer, where = self._ask(self._job(recipe, progress, evaluate=evaluate, files=files))
        kept = self._builds.known(recipe)
        if answer.file is None or kept is None:
            return Done(None, failure=f"{answer.failure} ({where})", where=where)
        if not recipe.steps:
            self._baseline = kept.variant
        failure = f"{answer.failure} ({where})" if answer.failure else ""
        if answer.accuracy is not None:
            self._keep(answer.accuracy, kept.variant)
        return Done(kept.variant, answer.accuracy, failure, cached=answer.cached, where=where)

    def _known(self, variant: Variant, evaluate: bool) -> Done | None:
        """What is known of a variant that was built before, if that is all that is asked for."""
        if not evaluate:
            return Done(variant, cached=True)
        if self._baseline is None:
            return None
        figures = accuracy.known(
            variant, self._baseline, self._chosen_on, signature=self._plan.signature
        )
        return None if figures is None else Done(variant, figures, cached=True)

    def _keep(self, figures: Accuracy, variant: Variant) -> None:
        assert self._baseline is not None, "float32 is built first"
        signature = self._plan.signature
        accuracy.keep(figures, variant, self._baseline, self._chosen_on, signature=signature)

    def _file(self, recipe: Recipe, variant: Variant) -> File:
        """A finished file, to be sent to who has not got it."""
        parcel = Parcel(FILE_NAME, variant.sha256, variant.size_bytes)
        self._files[parcel] = variant.path
        return File(recipe, parcel, dict(variant.steps))

    def _job(
        self,
        recipe: Recipe,
        progress: StepProgress,
        *,
        files: Sequence[File] = (),
        **asked: Any,
    ) -> Job:
        token = uuid.uuid4().hex
        self._told[token] = progress
        if self._baseline is not None:
            files = [self._file(Recipe(), self._baseline), *files]
        return Job(token, self._topic, recipe, files=tuple(files), **asked)

    # One job, on as many workers as it takes

    def _ask(self, job: Job) -> tuple[Answer, str]:
        """Have a job done; the answer, and who gave it.

        Raises:
            BenchError: no recipe at all can be built, or no worker is left.
        """
        died: list[str] = []
        while len(died) < ATTEMPTS:
            with self._pool.lend() as member:
                try:
                    answer, content = self._attempt(member, job)
                except LostError:
                    member.gone.wait(SETTLE_S)  # or it is the scheduler that is gone
                    self._pool.check()
                    died.append(member.label)
                    what = job.look or str(job.recipe)
                    self._observer.inform(
                        f"worker {member.label} is gone in the middle of {what}: another worker "
                        "does it again"
                    )
                    continue
                except WorkerError as error:
                    self._pool.set_aside(member, str(error))
                    continue
            where = f"worker {member.label}"
            if (fault := answer.error) is not None:
                raise type(fault)(f"{fault.message} ({where})", hint=fault.hint)
            if answer.file is not None and content is not None:
                self._builds.keep(answer.file.recipe, content, answer.file.steps)
            return answer, member.label
        failure = f"{ATTEMPTS} workers went in the middle of it, one after the other"
        return Answer(failure=failure), ", ".join(died)

    def _attempt(self, member: Member, job: Job) -> tuple[Answer, bytes | None]:
        """Have one worker do a job; the content of the file where it is not here yet.

        Raises:
            LostError: the worker is gone.
            WorkerError: it cannot do any job.
        """
        job = replace(job, trained=self._trained_elsewhere(member, job.recipe))
        wanted = (*self._work.parcels, *(file.parcel for file in job.files), *job.trained)
        for parcel in self._pool.call(member, remote.missing, wanted):
            self._send(member, parcel)
        answer: Answer = self._pool.carry_out(member, self._work, job)
        for name in answer.trained:
            self._trainers.setdefault(name, []).append(member)
        if answer.file is None:
            return answer, None
        here = self._builds.known(answer.file.recipe)
        if here is not None and here.variant.sha256 == answer.file.parcel.sha256:
            return answer, None
        return answer, self._fetch(member, answer.file.parcel, answer.file.path)

    def _trained_elsewhere(self, member: Member, recipe: Recipe) -> tuple[Parcel, ...]:
        """What other workers have trained of a recipe, fetched from them: it is not trained anew.

        Where they are gone it is.
        """
        found = []
        for name in techniques.saved_files(recipe.steps):
            trainers = self._trainers.get(name, [])
            if member in trainers:
                continue
            for trainer in list(trainers):
                with contextlib.suppress(LostError, WorkerError):
                    if (parcel := self._from(trainer, name)) is not None:
                        found.append(parcel)
                        break
        return tuple(found)

    def _from(self, trainer: Member, name: str) -> Parcel | None:
        """A file of what a worker trained, brought here; None where it has deleted it."""
        there = self._pool.call(trainer, remote.trained, self._work.key, name)
        if there is None:
            return None
        parcel, path = there
        if parcel not in self._files:
            saved = Path(self._scratch.name) / name
            cache.write(saved, self._fetch(trainer, parcel, path))
            self._files[parcel] = saved
        return cast(Parcel, parcel)

    def _send(self, member: Member, parcel: Parcel) -> None:
        for offset, piece in parcels.pieces(self._files[parcel]):
            self._pool.call(member, remote.add, parcel, self._me, offset, piece)
        self._pool.call(member, remote.finish, parcel, self._me)

    def _fetch(self, member: Member, parcel: Parcel, path: str) -> bytes:
        content = bytearray()
        while len(content) < parcel.size_bytes:
            piece = self._pool.call(member, remote.read, path, len(content))
            if not piece:
                break
            content += piece
        if hashlib.sha256(content).hexdigest() != parcel.sha256:
            raise WorkerError(f"it sent a damaged {parcel.name}", hint="see its disk")
        return bytes(content)
