"""The harness's side of a process that builds: started when first needed, replaced when it must be.

The converter keeps memory with every call (TensorFlow 2.20 and 2.21), so that a search of many
builds would end by running out of it. A process therefore lives for a bounded number of builds;
what it has trained lies in files, from which the next one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import LifoQueue
from typing import Any

from bench import workers
from bench.errors import BuildError
from bench.values import StepProgress
from bench.workers.client import Answer, Worker, WorkerEndedError, error_of

BUILDS_PER_PROCESS = 12
"""An int8 build of `fashion` keeps some 4 MB: see tests/benchmarks/build_memory.py."""


class BuildProcess:
    """A worker that carries out one job after another.

    Args:
        module: of the worker, such as ``bench.build.worker``.
        log: where its standard error goes; deleted at the end unless an error named it.
        environment: variables beside those of this process, which win.
        most_jobs: after so many it is replaced by a new one.

    Attributes:
        refuses_all: the last error is one that every job of this model would meet.
    """

    def __init__(
        self,
        module: str,
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        most_jobs: int = BUILDS_PER_PROCESS,
    ) -> None:
        self._module, self._log, self._environment = module, log, environment
        self._most_jobs = most_jobs
        self.refuses_all = False
        self._jobs = 0
        self._worker: Worker | None = None
        self._log_is_named = False

    def ask(self, job: Mapping[str, Any], label: str, progress: StepProgress) -> Answer:
        """Have a job done.

        Args:
            job: as the worker's module says.
            label: what progress is told of.

        Raises:
            BuildError, DataError, ModelError: as the worker said, or it crashed.
        """
        worker = self._running()
        worker.ask(job)
        self._jobs += 1
        try:
            answer = worker.answer(
                lambda what, done, total: progress(f"{label}: {what}", done, total)
            )
        except WorkerEndedError as fault:
            self._log_is_named = True
            self.close()
            raise BuildError(
                f"the building process ended {fault.how}", hint=f"its output is in {self._log}"
            ) from None
        if "error" not in answer:
            return answer
        self.refuses_all = answer.get("for_all", False)
        # Only this side knows the path of the log that a hint speaks of.
        self._log_is_named |= workers.BUILD_LOG in answer["hint"]
        answer["hint"] = answer["hint"].replace(workers.BUILD_LOG, str(self._log))
        raise error_of(answer)

    def kill(self) -> None:
        """End the process at once, from any thread: who asked it is told that it crashed."""
        if (worker := self._worker) is not None:
            worker.kill()

    def hold(self, *, still: bool) -> None:
        """Stop the process where it is, or let it go on; from any thread."""
        if (worker := self._worker) is not None:
            worker.hold(still=still)

    def close(self) -> None:
        """End the process, and give back what it holds."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None
        if not self._log_is_named:
            self._log.unlink(missing_ok=True)

    def _running(self) -> Worker:
        if self._worker is not None and self._jobs >= self._most_jobs:
            self._worker.end()
            self._worker = None
        if self._worker is None:
            self._jobs = 0
            self._worker = Worker(self._module, log=self._log, environment=self._environment)
        return self._worker


class BuildPool:
    """Processes that carry out as many jobs at once as there are of them.

    Args:
        processes: all of the same kind.
    """

    def __init__(self, processes: Sequence[BuildProcess]) -> None:
        self._processes = tuple(processes)
        # The last one that was used is the next: where one is enough, only one is started.
        self._free: LifoQueue[BuildProcess] = LifoQueue()
        for process in reversed(self._processes):
            self._free.put(process)

    @property
    def refuses_all(self) -> bool:
        """Whether one of them met an error that every job of this model would meet."""
        return any(process.refuses_all for process in self._processes)

    def ask(self, job: Mapping[str, Any], label: str, progress: StepProgress) -> Answer:
        """Have a job done by the next process that is free; as :meth:`BuildProcess.ask`.

        Raises:
            BuildError, DataError, ModelError: as there.
        """
        process = self._free.get()
        try:
            return process.ask(job, label, progress)
        finally:
            self._free.put(process)

    def kill(self) -> None:
        """End all of them at once, from any thread."""
        for process in self._processes:
            process.kill()

    def hold(self, *, still: bool) -> None:
        """Stop all of them where they are, or let them go on."""
        for process in self._processes:
            process.hold(still=still)

    def close(self) -> None:
        """End all of them, and give back what they hold."""
        for process in self._processes:
            process.close()
