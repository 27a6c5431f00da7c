"""How much a quantized file's answers differ from the float file's, on samples to choose by."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bench import metrics
from bench.data import Split
from bench.errors import BuildError
from bench.metrics import Chosen
from bench.metrics.endings import probabilities
from bench.workers.answering import answer, batch_size
from bench.workers.interpreter import Array, LoadedModel

Answers = dict[str, Array]
"""Output to answers, (samples, …) float32."""


class Judge:
    """Holds quantized files against the float one.

    Args:
        path: of the float file.
        signature: that is run.
        samples: to choose by, by the inputs' names; never those of the test. With labels the loss
            is that of the metric which fits them, without them that of agreement.
    """

    def __init__(self, path: Path, signature: str, samples: Split) -> None:
        self._signature = signature
        self._samples = samples
        self._truth = answers_of(path, signature, samples)
        self._chosen = metrics.choose(
            self._truth, samples.y, probabilities=probabilities(path, signature)
        )

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def metric(self) -> str:
        """What the loss is of."""
        return ", ".join(each.metric for each in self._deciding())

    def answers(self, content: bytes, *, most: int | None = None) -> Answers:
        """What a file answers to the samples, or to the first of them.

        Raises:
            BuildError: the interpreter refuses the file.
        """
        samples = self._samples.take(slice(0, most))
        with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
            file.write(content)
            file.flush()
            try:
                return answers_of(Path(file.name), self._signature, samples)
            except (ValueError, RuntimeError) as fault:
                raise BuildError(
                    f"the interpreter cannot run what the quantizer made ({fault})",
                    hint="try another algorithm= or quantize:w8a8",
                ) from fault

    def error(self, answers: Answers) -> float:
        """The mean squared difference to the float file's answers, over that of these to zero."""
        count = len(next(iter(answers.values())))
        truth = {name: values[:count] for name, values in self._truth.items()}
        shares = [
            _power(mine - truth[name]) / (_power(truth[name]) or 1.0)
            for name, mine in metrics.align(answers, truth).items()
        ]
        return float(np.mean(shares))

    def loss(self, answers: Answers) -> float:
        """What is lost against the float file, as a fraction; of several outputs, the most."""
        scores = metrics.score(answers, self._samples.y, self._deciding(), baseline=self._truth)
        return max((score.loss for score in scores if score.loss is not None), default=0.0)

    def _deciding(self) -> list[Chosen]:
        return [each for each in self._chosen if each.decides]


def _power(values: Array) -> float:
    return float(np.mean(np.square(values, dtype=np.float64)))


def answers_of(path: Path, signature: str, samples: Split) -> Answers:
    """What a file answers to samples.

    Raises:
        ValueError, RuntimeError: the interpreter refuses the file.
    """
    graph = LoadedModel(str(path), threads=1, signature=signature)
    total, batch = len(samples), batch_size(graph, samples.x)
    kept: dict[str, list[Array]] = {}
    for start in range(0, total, batch):
        index = np.minimum(np.arange(start, start + batch), total - 1)  # the last one is repeated
        for name, values in answer(graph, samples.x, index).items():
            kept.setdefault(name, []).append(values[: total - start])
    return {name: np.concatenate(parts) for name, parts in kept.items()}
