"""How much each layer minds being made smaller by itself, as a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from bench import writable
from bench.errors import UsageError
from bench.observers import SILENT, Observer
from bench.pipeline import prepare
from bench.searching.executor import LocalExecutor, samples_of, validation_data, validation_of
from bench.text import escape_markdown
from bench.values import Plan

SAMPLES = 500
"""Validation samples that are looked at, where nothing else is said."""

UNIT = "points or %"


@dataclass(frozen=True)
class Loss:
    """What the model lost when one thing was done to one layer, or to layers that are tied.

    Attributes:
        tried: such as ``prune:0.8``; ``bits:4`` rounds the weights to so many bits.
        value: 0.01 is one point, or of an error 1 % of it; ``low`` and ``high`` its 95 % interval.
    """

    layers: tuple[str, ...]
    tried: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def label(self) -> str:
        """The layers in a few words."""
        first, *others = self.layers
        return f"{first} +{len(others)}" if others else first


@dataclass(frozen=True)
class Sensitivity:
    """All losses of a model."""

    model: str
    samples: int
    losses: tuple[Loss, ...]

    @property
    def tried(self) -> tuple[str, ...]:
        """What was tried, as columns."""
        return tuple(dict.fromkeys(loss.tried for loss in self.losses))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it was tried on, as rows."""
        return tuple(dict.fromkeys(loss.label for loss in self.losses))

    def rows(self) -> list[list[str]]:
        """Losses in hundredths by layer; empty where something cannot be done to a layer."""
        known = {(loss.label, loss.tried): loss.value for loss in self.losses}
        return [
            [layer, *(_cell(known.get((layer, tried))) for tried in self.tried)]
            for layer in self.layers
        ]

    def text(self) -> str:
        """A table for a terminal."""
        body = tabulate(self.rows(), headers=["layer", *self.tried], disable_numparse=True)
        return f"{self.title}\n\n{body}\n"

    def markdown(self) -> str:
        """A table for a pull request."""
        cells = [[escape_markdown(cell) for cell in row] for row in self.rows()]
        body = tabulate(
            cells, headers=["layer", *self.tried], tablefmt="github", disable_numparse=True
        )
        return f"{self.title}\n\n{body}\n"

    def csv(self) -> str:
        """Every figure, unrounded."""
        lines = ["layers,tried,loss,low,high"]
        lines += [
            f"{' '.join(one.layers)},{one.tried},{one.value},{_or_empty(one.low)},"
            f"{_or_empty(one.high)}"
            for one in self.losses
        ]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Every figure, unrounded."""
        losses = [
            {"layers": one.layers, "tried": one.tried, "loss": one.value}
            | {"low": one.low, "high": one.high}
            for one in self.losses
        ]
        return json.dumps({"model": self.model, "samples": self.samples, "losses": losses}) + "\n"

    @property
    def title(self) -> str:
        """What the figures are."""
        return (
            f"{self.model}: {UNIT} lost when one layer alone is made smaller, untrained, on "
            f"{self.samples:,} validation samples"
        )

    def chart(self) -> Any:
        """An Altair chart.

        Raises:
            UsageError: the extra ``plot`` is not installed.
        """
        from bench.charts import require, sensitivity

        require()
        rows = [
            {"layer": one.label, "tried": one.tried, "loss": one.value * 100} for one in self.losses
        ]
        return sensitivity.chart(rows, self.layers, self.tried, UNIT)


def sensitivity(
    model: Any,
    data: Any = None,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    custom_objects: str | None = None,
    observer: Observer = SILENT,
) -> Sensitivity:
    """How much each layer minds being made smaller by itself, untrained, on validation samples.

    Args:
        model, data, custom_objects, observer: as :func:`bench.run` takes them.
        samples: at most so many are looked at.
        seed: of the samples' choice.

    Raises:
        UsageError: no samples, or a model whose layers cannot be changed.
        BuildError: the model cannot be rebuilt.
    """
    with writable.scratch_folder() as scratch:
        source = prepare.load(model, data, scratch, custom_objects)
        if source.files:
            raise UsageError(
                f"{source.files[0]} is a ready .tflite, whose layers cannot be changed",
                hint="give the .keras or .h5 it was made from",
            )
        validation = validation_of(source)
        chosen_on = validation_data(samples_of(source), validation)
        with LocalExecutor(source, chosen_on, Plan(seed=seed)) as builds:
            rows = builds.look("sensitivity", observer.step, samples=samples)
            observer.finish()
    return Sensitivity(source.model.name, min(samples, len(validation)), tuple(map(_loss, rows)))


def _loss(row: Mapping[str, Any]) -> Loss:
    return Loss(tuple(row["layers"]), row["tried"], row["loss"], row["low"], row["high"])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{round(value * 100, 2) + 0.0:.2f}"


def _or_empty(value: float | None) -> str:
    return "" if value is None else str(value)
