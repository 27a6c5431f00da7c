"""The processes that build one model, and the folder in which they keep what they train."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench import cache, workers
from bench.build.process import BuildPool, BuildProcess
from bench.errors import BuildError, ModelError
from bench.values import Model, Recipe, StepProgress
from bench.workers.client import Answer

QUANTIZER = "litert-quantizer"


class Builder:
    """The building processes of one model.

    They alone use the folder of that key, where fine-tuning saves its epochs; the folder is emptied
    when all recipes are done, and kept after an interruption, to go on from there.

    Attributes:
        signature: of a SavedModel or a .tflite, if one was asked for.
        training: that folder.
    """

    def __init__(
        self,
        model: Model,
        data_source: str | None,
        seed: int,
        training: str,
        signature: str | None,
        modules: Path | None,
        at_once: int,
    ) -> None:
        self.signature = signature if model.kind in ("savedmodel", "tflite") else None
        self.training = cache.folder("training", training)
        # Taken by whichever thread asks first, and given back by the one that leaves.
        self._lock = FileLock(self.training.with_suffix(".lock"), thread_local=False)
        self._entry = threading.Lock()
        self._job = {
            "model": asdict(model),
            "data": data_source,
            "signature": self.signature,
            "seed": seed,
            "folder": str(self.training),
            "modules": None if modules is None else str(modules),
        }
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **_threads(at_once)}
        self._building = _pool("bench.build.worker", "build", at_once, environment)
        self._quantizing = _pool("bench.quantizer.worker", "quantize", at_once, {})

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *raised: object) -> None:
        self._building.close()
        self._quantizing.close()
        if self._lock.is_locked and raised == (None, None, None):
            shutil.rmtree(self.training, ignore_errors=True)
        self._lock.release()

    def kill(self) -> None:
        """End what the processes are doing, from any thread."""
        self._building.kill()
        self._quantizing.kill()

    def hold(self, *, still: bool) -> None:
        """Stop the processes where they are, or let them go on."""
        self._building.hold(still=still)
        self._quantizing.hold(still=still)

    @property
    def refuses_all(self) -> bool:
        """Whether the model or the samples cannot be used, so that no recipe can be built."""
        return self._building.refuses_all

    def build(self, recipe: Recipe, file: Path, progress: StepProgress) -> dict[str, Any]:
        """Have one recipe built into ``file``; the facts are what its steps found out.

        Raises:
            BuildError, DataError, ModelError: as the worker said, or it crashed.
        """
        return dict(
            self.ask({"recipe": str(recipe), "out": str(file)}, recipe.label, progress)["built"]
        )

    def ask(self, job: dict[str, Any], label: str, progress: StepProgress) -> Answer:
        """Have a job done; the answer is the worker's.

        Raises:
            BuildError, DataError, ModelError: as the worker said, or it crashed.
        """
        if workers.version("tensorflow") is None:
            raise ModelError(
                "building variants needs TensorFlow, which is not installed",
                hint="pip install 'tflite-bench[build]', or give a ready .tflite",
            )
        with self._entry:
            if not self._lock.is_locked:
                self._lock.acquire()
        return self._building.ask({**self._job, **job}, label, progress)

    def quantize(
        self, recipe: Recipe, base: Path, file: Path, progress: StepProgress
    ) -> dict[str, Any]:
        """Have a float .tflite quantized into ``file``, as the recipe's last step asks.

        Raises:
            BuildError, DataError, ModelError: as the worker said, or it crashed.
        """
        if workers.version(QUANTIZER) is None:
            raise BuildError(
                f"{recipe.steps[-1]} needs {QUANTIZER}, which is not installed",
                hint="pip install 'tflite-bench[quantize]'",
            )
        step = recipe.steps[-1]
        job = {
            **self._job,
            "file": str(base),
            "step": [step.technique, step.argument, step.options],
            "out": str(file),
        }
        return dict(self._quantizing.ask(job, recipe.label, progress)["built"])


def _pool(module: str, name: str, count: int, environment: Mapping[str, str]) -> BuildPool:
    """So many processes, each with a log of its own."""
    logs = cache.folder("logs")
    numbers = [f"{os.getpid()}-{n}" if n else str(os.getpid()) for n in range(count)]
    return BuildPool(
        [
            BuildProcess(module, logs / f"{name}-{number}.log", environment=environment)
            for number in numbers
        ]
    )


def _threads(at_once: int) -> dict[str, str]:
    """Each process' part of the machine's cores: small models keep hardly more than one busy."""
    if at_once == 1:
        return {}
    each = str(max(1, (os.cpu_count() or 1) // at_once))
    return {"TF_NUM_INTRAOP_THREADS": each, "TF_NUM_INTEROP_THREADS": each, "OMP_NUM_THREADS": each}
