"""Quantize float .tflite files, in a process of its own: ``python -m bench.quantizer.worker``.

Reads one job a line on standard input and answers as ``bench.build.worker`` does. Standard output
belongs to the answers alone: whatever the quantizer prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bench import cache, inputs, sources
from bench.data import Data, Split
from bench.errors import BenchError, BuildError, root_of, telling_line
from bench.inputs import InputSpec
from bench.quantizer import choose
from bench.quantizer.files import Assignment, Bits, FloatFile
from bench.quantizer.judge import Judge
from bench.quantizer.schemes import ALGORITHMS, USUAL, Wish, wish_of
from bench.tflite.facts import read_facts
from bench.values import Model, Step, StepProgress
from bench.workers import BUILD_LOG
from bench.workers.interpreter import Array

CALIBRATION_SAMPLES = 200
"""As the converter is given."""

CHOOSING_SAMPLES = 2000
"""At most so many samples bits are chosen by: a loss of one point is then known to ±0.4."""


def main() -> None:
    """Answer jobs until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            facts = _build(json.loads(line), answers)
        except BenchError as error:
            traceback.print_exc()  # into the log: a library's own words are longer than a line
            kind = type(error).__name__
            _say(answers, error=kind, message=error.message, hint=error.hint)
        except Exception as fault:  # a library's or ours: the others go on
            traceback.print_exc()
            said = f"quantizing failed ({type(fault).__name__}: {telling_line(root_of(fault))})"
            hint = f"all of its words are in {BUILD_LOG}"
            _say(answers, error="BuildError", message=said, hint=hint)
        else:
            _say(answers, built=facts)


def _build(job: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    """Quantize one file as a recipe's last step asks; the facts say how each layer is stored."""
    technique, argument, options = job["step"]
    step = Step(technique, argument, tuple((key, value) for key, value in options))
    wish = wish_of(step)
    assert wish is not None

    def progress(what: str, done: int, total: int) -> None:
        _say(answers, progress=[what, done, total])

    file = FloatFile(Path(job["file"]), job["signature"])
    samples = _Samples.of(job, file)
    if wish.scheme.activations is not None:
        progress("calibrating", 0, 1)
        file.calibrate(wish, list(samples.calibration()))
    assignment, facts = _assign(file, wish, samples, progress)
    cache.write(Path(job["out"]), file.quantized(wish, assignment))
    layers = {
        layer.scope.rstrip(";"): {
            "layer": layer.name,
            "op": layer.op,
            "elements": layer.elements,
            **asdict(assignment.get(layer.scope, Bits(8))),
        }
        for layer in file.layers
    }
    return {step.technique: {**facts, "layers": layers}}


def _assign(
    file: FloatFile, wish: Wish, samples: _Samples, progress: StepProgress
) -> tuple[Assignment, dict[str, Any]]:
    """How each layer is stored that is not stored as usual, and what that was chosen by."""
    layers = [layer for layer in file.layers if layer.takes_4_bits]
    if not wish.scheme.mixed and (wish.algorithm is not None or wish.scheme.weights == 8):
        bits = Bits(wish.scheme.weights, wish.algorithm or USUAL)
        return {layer.scope: bits for layer in layers}, {}
    if not layers:
        raise BuildError(
            "no layer of the model has a 4-bit form (convolutions and dense layers have one)",
            hint="use quantize:w8a8",
        )
    judge = Judge(file.path, file.signature, samples.to_choose_by())

    def quantize(bits: Assignment) -> bytes:
        return file.quantized(wish, bits)

    facts = {"chosen_on": len(judge), "chosen_by": judge.metric}
    if not wish.scheme.mixed:
        ranked = choose.sensitivities(layers, quantize, judge, ALGORITHMS, progress)
        return {one.layer.scope: Bits(4, one.algorithm) for one in ranked}, facts
    found = choose.mix(layers, quantize, judge, wish.max_loss, wish.algorithm, progress)
    return found.assignment, {**facts, "loss": found.loss, "files_judged": found.tried}


@dataclass(frozen=True, eq=False)
class _Samples:
    """The samples of a job as the file's inputs take them.

    Attributes:
        data: fitted; None where the user gave none.
        specs: of the file's inputs.
        seed: of what is drawn.
    """

    data: Data | None
    specs: tuple[InputSpec, ...]
    seed: int

    @classmethod
    def of(cls, job: dict[str, Any], file: FloatFile) -> _Samples:
        facts = read_facts(file.path)
        ports = facts.signatures[file.signature].inputs
        specs = inputs.specs_of_ports(ports)
        data = sources.load_data(Model(**job["model"]), job["data"])
        fitted = inputs.fit(data, specs) if data is not None else None
        return cls(fitted, specs, job["seed"])

    def calibration(self) -> Iterator[dict[str, Array]]:
        """Batches to find ranges on, as many samples in each as the file takes at once."""
        drawn = self._there.calibration(CALIBRATION_SAMPLES, self.seed)
        drawn = inputs.cast_split(drawn, self.specs)
        batch = max((spec.file_shape[0] for spec in self.specs if spec.file_shape), default=1)
        for start in range(0, len(drawn) - batch + 1, batch):
            yield dict(drawn.take(slice(start, start + batch)).x)

    def to_choose_by(self) -> Split:
        """Validation samples, or those to calibrate on; never the test's.

        Raises:
            DataError: there are none.
        """
        if "train" not in self._there.splits and "validation" not in self._there.splits:
            return self._there.calibration(CHOOSING_SAMPLES, self.seed)
        given = self._there.splits.get("validation") or self._there.training()[1]
        order = np.random.default_rng(self.seed).permutation(len(given))[:CHOOSING_SAMPLES]
        return given.take(order)

    @property
    def _there(self) -> Data:
        if self.data is None:
            raise BuildError(
                "it needs samples to calibrate on and to choose by",
                hint="give --data with x_calibration or x_train",
            )
        return self.data


def _say(answers: TextIO, **answer: Any) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
