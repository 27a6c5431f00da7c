"""The one fine-tuning loop: seeded, shown, resumable, and it gives back the best epoch's weights.

Every technique that trains calls :func:`fine_tune`. An epoch is one call of Keras' ``fit`` over
samples in an order drawn from (seed, epoch), so a run that was interrupted and resumed sees the
same batches as one that was not. After each epoch everything that changes (weights, optimizer,
best weights so far) is written to one file, atomically. The file is named after the steps, so
recipes that begin alike may share a folder and train their common steps once.

Distillation (Hinton, Vinyals and Dean, 2015): with ``distill`` above 0 the loss also holds the
cross-entropy with the float model's softened answers. They are computed once, by the recipe's
first step that trains, and kept in the recipe's folder for the steps after it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Split
from bench.errors import BuildError, DataError
from bench.techniques import Context, Work
from bench.techniques._labels import LabelFit, label_fit
from bench.values import Step

Array = npt.NDArray[Any]
TEMPERATURE = 2.0
"""How much the float model's answers are softened for distillation."""

AfterBatch = Callable[[], None]
"""Called after each step of the optimizer, to restore what earlier steps of the recipe made."""


@dataclass(frozen=True)
class Settings:
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
    def of(cls, values: Mapping[str, str]) -> Settings:
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


def training_splits(context: Context) -> tuple[Split, Split]:
    """Samples to train on and to choose epochs on.

    Raises:
        DataError: there are none.
    """
    if context.data is None:
        raise DataError(
            "fine-tuning needs labelled samples and there are no data",
            hint="give --data with x_train and y_train, or use recipes of quantize: alone",
        )
    return context.data.training()


def training_batches(model: Any, batch: int, context: Context, count: int = 8) -> list[Any]:
    """A few batches of training samples, as the model takes them.

    Raises:
        DataError: there are no labelled training samples.
    """
    train, _ = training_splits(context)
    order = np.random.default_rng(context.seed).permutation(len(train))
    parts = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [_inputs(model, train, part) for part in parts[:count]]


def fine_tune(
    model: Any,
    settings: Settings,
    context: Context,
    work: Work,
    step: Step,
    *,
    callbacks: Sequence[Any] = (),
    after_batch: AfterBatch | None = None,
) -> dict[str, Any]:
    """Train a tf_keras model in place; it ends with the weights of its best epoch.

    Best is the highest validation accuracy, the lower loss where equal.

    Args:
        model: trained in place; wrappers of the toolkit may sit in it.
        settings: epochs, learning rate, batch, distillation.
        context: data, seed, folder and progress.
        work: as the technique got it: its model teaches, and tells what the outputs mean.
        step: the recipe's step that trains; with those before it, it names the saved state.
        callbacks: further callbacks for Keras.
        after_batch: called after each step.

    Returns:
        Facts: epochs, after how many the model was best (0: before training), its validation
        accuracy then, and the figures before training and after each epoch.

    Raises:
        DataError: no labelled samples, or labels that do not fit the model's output.
        BuildError: the loss became NaN.
    """
    if settings.epochs == 0:
        return {"epochs": 0}
    train, validation = training_splits(context)
    fit = label_fit(work.model, train, validation)
    teacher = _teacher(work, train, settings, context)
    state = _State()
    if after_batch is not None:
        after_batch()
    steps = settings.epochs * -(-len(train) // settings.batch)
    optimizer = _compile(model, settings, steps, fit, context.seed)
    file = context.folder / f"{_key((*work.done, step))}.npz"
    _restore(file, model, optimizer, state)
    hooks = [*callbacks, _Hooks.of(context, step, settings, train, after_batch)]
    if not state.history:
        _evaluate(model, validation, fit, settings, state)
    for epoch in range(len(state.history) - 1, settings.epochs):
        _one_epoch(model, train, teacher, epoch, settings, context.seed, hooks)
        _evaluate(model, validation, fit, settings, state)
        _save(file, model, optimizer, state)
    for variable, value in zip(_variables(model), state.best, strict=True):
        variable.assign(value)
    return {
        "epochs": settings.epochs,
        "best_epoch": state.best_epoch,
        "validation_accuracy": state.history[state.best_epoch]["accuracy"],
        "history": state.history,
    }


def _compile(model: Any, settings: Settings, steps: int, fit: LabelFit, seed: int) -> Any:
    """Give the model its loss and an optimizer, which is returned."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    schedule = tf_keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps, alpha=0.01)
    optimizer = tf_keras.optimizers.Adam(schedule)
    model.compile(optimizer=optimizer, loss=_loss(fit, settings.distill))
    optimizer.build(model.trainable_variables)
    return optimizer


def _one_epoch(
    model: Any,
    train: Split,
    teacher: Array | None,
    epoch: int,
    settings: Settings,
    seed: int,
    hooks: Sequence[Any],
) -> None:
    order = np.random.default_rng([seed, epoch]).permutation(len(train))
    assert train.y is not None
    target = next(iter(train.y.values())).astype(np.float32).reshape(-1, 1)
    if teacher is not None:
        target = np.concatenate([target, teacher], axis=1)
    inputs = _inputs(model, train, order)
    model.fit(
        inputs,
        target[order],
        batch_size=settings.batch,
        initial_epoch=epoch,
        epochs=epoch + 1,
        shuffle=False,
        verbose=0,
        callbacks=list(hooks),
    )


def _evaluate(model: Any, split: Split, fit: LabelFit, settings: Settings, state: _State) -> None:
    """Add the figures after one more epoch, and keep the weights where they are the best so far."""
    assert split.y is not None
    outputs = model.predict(_inputs(model, split), batch_size=256, verbose=0)
    accuracy, loss = fit.evaluate(np.asarray(outputs), next(iter(split.y.values())))
    epoch = len(state.history)
    if not np.isfinite(loss):
        raise BuildError(
            f"training broke down in epoch {epoch}: the loss is {loss}",
            hint=f"try a lower learning rate than lr={settings.learning_rate:g}",
        )
    state.history.append({"accuracy": accuracy, "loss": loss})
    if epoch < min(settings.first_best, settings.epochs):
        return
    known = state.history[state.best_epoch]
    if not state.best or (accuracy, -loss) > (known["accuracy"], -known["loss"]):
        state.best_epoch = epoch
        state.best = [variable.numpy() for variable in _variables(model)]


def _inputs(model: Any, split: Split, order: Array | None = None) -> Any:
    """Samples as Keras takes them: one array, or a list in the order of the model's inputs."""
    names = [tensor.name.split(":")[0] for tensor in model.inputs]
    if len(names) == len(split.x) == 1:
        names = list(split.x)  # an only input may be called otherwise in a model rebuilt from it
    arrays = [split.x.get(name) for name in names]
    if any(array is None for array in arrays):
        raise DataError(
            f"the model has the inputs {names}, the data have {sorted(split.x)}",
            hint="name the arrays x_train:INPUT after the model's inputs",
        )
    arrays = [array if order is None else array[order] for array in arrays if array is not None]
    return arrays[0] if len(arrays) == 1 else arrays


def _teacher(work: Work, train: Split, settings: Settings, context: Context) -> Array | None:
    """The float model's softened answers on the training samples, (samples, classes)."""
    if settings.distill == 0:
        return None
    taught = [n for n, step in enumerate(work.done) if "distill" in dict(step.options)]
    before = work.done[: min(taught, default=len(work.done))]
    file = context.folder / f"{_key(before)}.teacher.npy"
    if file.is_file():
        kept: Array = np.load(file)
        return kept
    fit = label_fit(work.model, train)
    outputs = np.asarray(work.model.predict(_inputs(work.model, train), batch_size=256, verbose=0))
    soft = fit.soften(outputs, TEMPERATURE).astype(np.float32)
    _replace(file, lambda path: np.save(path, soft))
    return soft


def _loss(fit: LabelFit, distill: float) -> Any:
    """A loss over targets whose first column is the class and whose others are the teacher's."""
    import tensorflow as tf

    def loss(target: Any, output: Any) -> Any:
        logits = fit.logits(output)
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.cast(target[:, 0], tf.int32), logits=logits
        )
        if distill == 0:
            return hard
        # The square of the temperature keeps the gradients of both parts alike (Hinton, 2015).
        soft = tf.nn.softmax_cross_entropy_with_logits(
            labels=target[:, 1:], logits=logits / TEMPERATURE
        )
        return (1 - distill) * hard + distill * TEMPERATURE**2 * soft

    return loss


class _Hooks:
    """Makes the Keras callback that shows progress and restores what earlier steps made."""

    @staticmethod
    def of(
        context: Context,
        step: Step,
        settings: Settings,
        train: Split,
        after_batch: AfterBatch | None,
    ) -> Any:
        import tf_keras

        steps = -(-len(train) // settings.batch)
        total = steps * settings.epochs

        class Callback(tf_keras.callbacks.Callback):  # type: ignore[misc]
            epoch = 0

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                self.epoch = epoch

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if after_batch is not None:
                    after_batch()
                what = f"{step.technique} epoch {self.epoch + 1}/{settings.epochs}"
                context.progress(what, self.epoch * steps + batch + 1, total)

        return Callback()


def _key(steps: Sequence[Step]) -> str:
    """A file name for what these steps made of a model, data and seed."""
    return hashlib.sha256("+".join(map(str, steps)).encode()).hexdigest()[:24]


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
    _replace(file, lambda path: np.savez(path, **arrays))


def _replace(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file, then put it in its place, so that a torn one is never read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"writing-{file.name}")
    write(beside)
    os.replace(beside, file)  # noqa: PTH105


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
