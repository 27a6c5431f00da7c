"""How well each variant answers the test samples, on this machine's interpreter.

Each variant is evaluated in a process of its own (``bench.workers.evaluate``), in batches where
that gives the same answers. Figures are kept in the cache by the content of all that they depend
on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from bench import cache, errors, workers, writable
from bench.data import Data, Split
from bench.errors import BuildError, DataError
from bench.metrics import Wanted
from bench.metrics.endings import probabilities
from bench.metrics.values import Accuracy
from bench.records import encoding
from bench.values import Failure, StepProgress, Variant
from bench.workers.client import Worker, WorkerEndedError, error_of

SCHEMA = 3


def evaluate(
    variants: Sequence[Variant],
    data: Data,
    *,
    signature: str | None,
    progress: StepProgress,
    wanted: Wanted | None = None,
) -> Iterator[Accuracy | Failure]:
    """Evaluate each variant; the first is the baseline that the others are held against.

    Args:
        variants: at least one.
        data: with test samples as the model's inputs take them.
        signature: that is run; None is the default one.
        progress: told of each batch.
        wanted: metrics asked for, see ``bench.metrics``; what the labels ask for else.

    Yields:
        The figures, or why there are none, for each variant.

    Raises:
        DataError: there are no test samples, or they do not fit the baseline.
    """
    if data.test is None:
        raise DataError(f"{data.source} has no x_test", hint="add x_test, and y_test if known")
    baseline = variants[0]
    asked = {name: list(names) for name, names in (wanted or {}).items()}
    keys = {variant.name: _key(variant, baseline, data, signature, asked) for variant in variants}
    # A function of the user's may have changed, or what it calls: nothing of it is kept.
    keeps = not any(":" in name for names in asked.values() for name in names)
    known = {name: _read(key) if keeps else None for name, key in keys.items()}
    with writable.scratch_folder() as folder:
        bench = _Bench(folder, signature, progress, asked)
        for variant in variants:
            figures = known[variant.name]
            if figures is None:
                try:
                    if not bench.ready:
                        bench.lay_out(data.test)
                        if variant is not baseline:
                            bench.run(baseline, baseline)
                    figures = bench.run(variant, baseline)
                except (BuildError, DataError) as error:
                    if variant is baseline and isinstance(error, DataError):
                        raise
                    yield _failure(variant, error)
                    continue
                if keeps:
                    _write(keys[variant.name], figures)
            yield encoding.convert({"variant": variant.name, **figures}, Accuracy)


def known(
    variant: Variant, baseline: Variant, data: Data, *, signature: str | None
) -> Accuracy | None:
    """The figures of a variant where they are kept; by the metrics that the labels ask for."""
    figures = _read(_key(variant, baseline, data, signature, {}))
    if figures is None:
        return None
    return encoding.convert({"variant": variant.name, **figures}, Accuracy)


def keep(
    figures: Accuracy, variant: Variant, baseline: Variant, data: Data, *, signature: str | None
) -> None:
    """Take figures that were found elsewhere as if they had been found here."""
    plain = json.loads(encoding.encode(figures))
    plain.pop("variant")
    _write(_key(variant, baseline, data, signature, {}), plain)


class _Bench:
    """A folder with the samples and the baseline's answers, laid out once for all variants."""

    def __init__(
        self,
        folder: Path,
        signature: str | None,
        progress: StepProgress,
        asked: dict[str, list[str]],
    ) -> None:
        self._folder = folder
        self._asked = asked
        self._signature = signature
        self._progress = progress
        self.ready = False

    def lay_out(self, test: Split) -> None:
        """Write the samples where the workers can map them."""
        samples = self._folder / "samples"
        samples.mkdir()
        lay_out(samples, test)
        (self._folder / "baseline").mkdir()
        self.ready = True

    def run(self, variant: Variant, baseline: Variant) -> dict[str, Any]:
        """Have one variant answer all samples.

        Raises:
            BuildError, DataError: as the worker said, or it crashed.
        """
        outputs = self._folder / ("baseline" if variant is baseline else "variant")
        outputs.mkdir(exist_ok=True)
        arguments = [
            f"--model={variant.path}",
            f"--samples={self._folder / 'samples'}",
            f"--outputs={outputs}",
            f"--metrics={json.dumps(self._asked)}",
            f"--probabilities={json.dumps(probabilities(baseline.path, self._signature))}",
        ]
        if variant is not baseline:
            arguments.append(f"--baseline={self._folder / 'baseline'}")
        if self._signature is not None:
            arguments.append(f"--signature={self._signature}")
        with Worker("bench.workers.evaluate", arguments) as worker:
            try:
                answer = worker.answer(
                    lambda done, total: self._progress(f"evaluating {variant.name}", done, total)
                )
            except WorkerEndedError as fault:
                raise BuildError(
                    f"the interpreter ended {fault.how} while evaluating {variant.name}",
                    hint="the file may be broken: build it again",
                ) from None
        if "evaluated" not in answer:
            raise error_of(answer)
        if variant is not baseline:
            shutil.rmtree(outputs)
        return dict(answer["evaluated"])


def lay_out(folder: Path, split: Split) -> None:
    """Write samples and labels where workers look for them."""
    lone = len(split.x) == 1
    for given, array in split.x.items():
        name = "" if lone else given  # variants may call an only input otherwise
        np.save(folder / f"x.{quote(name, safe='')}.npy", array)
    for name, array in (split.y or {}).items():
        np.save(folder / f"y.{quote(name, safe='')}.npy", array)


def _failure(variant: Variant, error: errors.BenchError) -> Failure:
    return Failure(
        variant=variant.name,
        target="",
        block=None,
        error_class="accuracy",
        message=error.message,
        hint=error.hint,
    )


def _key(
    variant: Variant,
    baseline: Variant,
    data: Data,
    signature: str | None,
    asked: dict[str, list[str]],
) -> str:
    runtime = workers.version("ai-edge-litert")
    files = [variant.sha256, baseline.sha256]
    return cache.key([SCHEMA, *files, data.sha256, signature, asked, runtime])


def _read(key: str) -> dict[str, Any] | None:
    path = cache.folder("accuracy") / f"{key}.json"
    return dict(json.loads(path.read_bytes())) if path.is_file() else None


def _write(key: str, figures: dict[str, Any]) -> None:
    cache.write(cache.folder("accuracy") / f"{key}.json", json.dumps(figures).encode())
