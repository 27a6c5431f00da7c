"""The one fine-tuning loop: seeded, shown, resumable, and it gives back the best epoch's weights.

Every technique that trains calls :func:`fine_tune`. An epoch is one call of Keras' ``fit`` over
samples in an order drawn from (seed, epoch), so a run that was interrupted and resumed sees the
same batches as one that was not. After each epoch everything that changes (weights, optimizer,
best weights so far) is written to one file, atomically. The file is named after the steps, so
recipes that begin alike may share a folder and train their common steps once.

What is taught, and by which loss, is in ``_lesson`` and ``_labels``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Split
from bench.errors import BuildError
from bench.techniques import Context, Work
from bench.techniques._lesson import (
    Lesson,
    lesson_of,
    losses_of,
    model_inputs,
    predict,
    replace_file,
    state_name,
    structured,
    training_splits,
)
from bench.values import Step

Array = npt.NDArray[Any]
AfterBatch = Callable[[], None]
"""Called after each step of the optimizer, to restore what earlier steps of the recipe made."""


@dataclass(frozen=True)
class FitOptions:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training samples.
        learning_rate: Adam's at the start; it falls along a cosine to a hundredth.
        batch: samples per step.
        distill: weight of the soft loss, 0 to 1.
        first_best: the best is sought after this many epochs and later, since the technique is not
            done with the model before; at 0 the model as it is before training may be the best.
    """

    epochs: int
    learning_rate: float
    batch: int
    distill: float = 0.0
    first_best: int = 0

    @classmethod
    def of(cls, values: Mapping[str, str]) -> FitOptions:
        """From a step's options with their defaults filled in."""
        return cls(
            epochs=int(values["epochs"]),
            learning_rate=float(values["lr"]),
            batch=int(values["batch"]),
            distill=float(values["distill"]),
        )


@dataclass
class _State:
    """What changes from epoch to epoch; ``history[0]`` was seen before the first."""

    best_epoch: int = 0
    best: list[Array] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def steps_per_epoch(context: Context, batch: int) -> int:
    """How many steps of the optimizer one epoch takes.

    Raises:
        DataError: there are no labelled training samples.
    """
    train, _ = training_splits(context)
    return -(-len(train) // batch)


def training_batches(model: Any, batch: int, context: Context, count: int = 8) -> list[Any]:
    """A few batches of training samples, as the model takes them.

    Raises:
        DataError: there are no labelled training samples.
    """
    train, _ = training_splits(context)
    order = np.random.default_rng(context.seed).permutation(len(train))
    parts = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [model_inputs(model, train, part) for part in parts[:count]]


def fine_tune(
    model: Any,
    fit_options: FitOptions,
    context: Context,
    work: Work,
    step: Step,
    *,
    callbacks: Sequence[Any] = (),
    after_batch: AfterBatch | None = None,
) -> dict[str, Any]:
    """Train a tf_keras model in place; it ends with the weights of its best epoch.

    Best is the highest validation accuracy (the mean over outputs that have one), the lower loss
    where equal or where no output has one. Without labels the float model's answers are the truth.

    Args:
        model: trained in place; wrappers of the toolkit may sit in it.
        fit_options: epochs, learning rate, batch, distillation.
        context: data, seed, folder and progress.
        work: as the technique got it: its model teaches, and tells what the outputs mean.
        step: the recipe's step that trains; with those before it, it names the saved state.
        callbacks: further callbacks for Keras.
        after_batch: called after each step.

    Returns:
        Facts: epochs, after how many the model was best (0: before training), its validation
        accuracy then (None of numbers), and the figures before training and after each epoch.

    Raises:
        DataError: no samples, labels that do not fit, or neither labels nor distillation.
        BuildError: the loss became NaN.
    """
    if fit_options.epochs == 0:
        return {"epochs": 0}
    lesson = lesson_of(work, fit_options.distill, context)
    train = lesson.train
    state = _State()
    if after_batch is not None:
        after_batch()
    steps = fit_options.epochs * -(-len(train) // fit_options.batch)
    optimizer = _compile(model, fit_options, steps, lesson, context.seed)
    file = context.folder / state_name((*work.done, step))
    _restore(file, model, optimizer, state)
    hooks = [*callbacks, _Hooks.of(context, step, fit_options, train, after_batch)]
    if not state.history:
        _evaluate(model, lesson, fit_options, state)
    for epoch in range(len(state.history) - 1, fit_options.epochs):
        _one_epoch(model, lesson, epoch, fit_options, context.seed, hooks)
        _evaluate(model, lesson, fit_options, state)
        _save(file, model, optimizer, state)
    for variable, value in zip(_variables(model), state.best, strict=True):
        variable.assign(value)
    return {
        "epochs": fit_options.epochs,
        "best_epoch": state.best_epoch,
        "validation_accuracy": state.history[state.best_epoch].get("accuracy"),
        "history": state.history,
    }


def _compile(model: Any, fit_options: FitOptions, steps: int, lesson: Lesson, seed: int) -> Any:
    """Give the model its loss and an optimizer, which is returned."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    schedule = tf_keras.optimizers.schedules.CosineDecay(
        fit_options.learning_rate, steps, alpha=0.01
    )
    optimizer = tf_keras.optimizers.Adam(schedule)
    model.compile(optimizer=optimizer, loss=losses_of(model, lesson))
    optimizer.build(model.trainable_variables)
    return optimizer


def _one_epoch(
    model: Any, lesson: Lesson, epoch: int, fit_options: FitOptions, seed: int, hooks: Sequence[Any]
) -> None:
    order = np.random.default_rng([seed, epoch]).permutation(len(lesson.train))
    model.fit(
        model_inputs(model, lesson.train, order),
        structured(model, {n: target[order] for n, target in lesson.targets(training=True)}),
        batch_size=fit_options.batch,
        initial_epoch=epoch,
        epochs=epoch + 1,
        shuffle=False,
        verbose=0,
        callbacks=list(hooks),
    )


def _evaluate(model: Any, lesson: Lesson, fit_options: FitOptions, state: _State) -> None:
    """Add the figures after one more epoch, and keep the weights where they are the best so far."""
    outputs = list(predict(model, lesson.validation).values())
    targets = dict(lesson.targets(training=False))
    parts = [(head, outputs[head.index], targets[head.index]) for head in lesson.heads]
    loss = float(sum(np.mean(lesson.loss(head, target, output)) for head, output, target in parts))
    known_shares = [lesson.accuracy(head, target, output) for head, output, target in parts]
    shares = [share for share in known_shares if share is not None]
    epoch = len(state.history)
    if not np.isfinite(loss):
        raise BuildError(
            f"training broke down in epoch {epoch}: the loss is {loss}",
            hint=f"try a lower learning rate than lr={fit_options.learning_rate:g}",
        )
    figures = {"loss": loss}
    if shares:
        figures = {"accuracy": float(np.mean(shares)), "loss": loss}
    state.history.append(figures)
    if epoch < min(fit_options.first_best, fit_options.epochs):
        return
    known = state.history[state.best_epoch]
    if not state.best or _rank(figures) > _rank(known):
        state.best_epoch = epoch
        state.best = [variable.numpy() for variable in _variables(model)]


def _rank(figures: Mapping[str, float]) -> tuple[float, float]:
    """Greater is better."""
    return figures.get("accuracy", 0.0), -figures["loss"]


class _Hooks:
    """Makes the Keras callback that shows progress and restores what earlier steps made."""

    @staticmethod
    def of(
        context: Context,
        step: Step,
        fit_options: FitOptions,
        train: Split,
        after_batch: AfterBatch | None,
    ) -> Any:
        import tf_keras

        steps = -(-len(train) // fit_options.batch)
        total = steps * fit_options.epochs

        class Callback(tf_keras.callbacks.Callback):  # type: ignore[misc]
            epoch = 0

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                self.epoch = epoch

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if after_batch is not None:
                    after_batch()
                what = f"{step.technique} epoch {self.epoch + 1}/{fit_options.epochs}"
                context.progress(what, self.epoch * steps + batch + 1, total)

        return Callback()


def _variables(model: Any) -> list[Any]:
    """All variables once each, in a stable order."""
    seen: dict[int, Any] = {}
    for variable in model.variables:
        seen.setdefault(id(variable), variable)
    return list(seen.values())


def _save(file: Path, model: Any, optimizer: Any, state: _State) -> None:
    arrays = {f"model_{i}": variable.numpy() for i, variable in enumerate(_variables(model))}
    arrays |= {f"optimizer_{i}": v.numpy() for i, v in enumerate(optimizer.variables)}
    arrays |= {f"best_{i}": value for i, value in enumerate(state.best)}
    told = {"best_epoch": state.best_epoch, "history": state.history}
    arrays["state"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    replace_file(file, lambda path: np.savez(path, **arrays))


def _restore(file: Path, model: Any, optimizer: Any, state: _State) -> None:
    """Go on after the last epoch that was saved, if any."""
    if not file.is_file():
        return
    with np.load(file) as saved:
        told = json.loads(saved["state"].tobytes())
        for kind, variables in (("model", _variables(model)), ("optimizer", optimizer.variables)):
            for index, variable in enumerate(variables):
                variable.assign(saved[f"{kind}_{index}"])
        state.best = [saved[f"best_{i}"] for i in range(sum(k[:5] == "best_" for k in saved))]
    state.best_epoch, state.history = told["best_epoch"], told["history"]
