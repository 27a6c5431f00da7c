"""What fine-tuning teaches: samples, labels and the float model's answers, for each output.

Each output that has labels is trained on the loss that fits it (``_labels.Head``). Distillation
(Hinton, Vinyals and Dean, 2015) adds the distance to the float model's answers: the cross-entropy
with softened classes, or squared errors. They are computed once, by the recipe's first step that
trains, and kept in the recipe's folder for the steps after it. Without any labels they are all that
is taught.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Split
from bench.errors import DataError
from bench.metrics import match_labels
from bench.techniques import Context, Work
from bench.techniques._labels import Head, heads_of
from bench.values import Step

Array = npt.NDArray[Any]

TEMPERATURE = 2.0
"""How much the float model's answers are softened for distillation."""

RELEARNING = frozenset({"depth"})
"""Techniques that leave a model which must learn anew; who teaches is in ``Work.teacher``."""

ANSWERS = 1000
"""To so many samples, where answers are needed only to see what an output means."""


def model_inputs(model: Any, split: Split, order: Array | None = None) -> Any:
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


def predict(model: Any, split: Split, outputs: Sequence[str] = ()) -> dict[str, Array]:
    """All outputs by name, in the model's order.

    Args:
        outputs: their names, where they are called otherwise than by their layers.
    """
    found = model.predict(model_inputs(model, split), batch_size=256, verbose=0)
    if isinstance(found, Mapping):
        return {name: np.asarray(values) for name, values in found.items()}
    several = list(found) if isinstance(found, (list, tuple)) else [found]
    names = list(outputs or getattr(model, "output_names", ()))
    if len(names) != len(several):
        names = [f"output_{index}" for index in range(len(several))]
    return {name: np.asarray(values) for name, values in zip(names, several, strict=True)}


def structured(model: Any, by_index: Mapping[int, Any]) -> Any:
    """Targets or losses in the form of the model's outputs; an output without any has None."""
    outputs = model.output
    if isinstance(outputs, Mapping):
        names = list(outputs)
        return {names[index]: value for index, value in by_index.items()}
    if isinstance(outputs, (list, tuple)):
        names = list(model.output_names)
        return {names[index]: value for index, value in by_index.items()}
    return by_index[0]


@dataclass(frozen=True)
class Lesson:
    """What is taught: samples, labels and the float model's answers, by output.

    Attributes:
        distill: weight of the float model's answers, 1 without labels.
        unnamed: the output that labels without a name are for.
        taught: its softened answers to the training and the validation samples, by index of the
            output; empty without distillation.
    """

    heads: tuple[Head, ...]
    train: Split
    validation: Split
    distill: float
    has_labels: bool
    unnamed: str
    taught: Mapping[tuple[str, int], Array]

    def targets(self, *, training: bool) -> Iterator[tuple[int, Array]]:
        """By index of the output: labels and then what is taught, side by side."""
        split = self.train if training else self.validation
        kind = "train" if training else "validation"
        labels = {name or self.unnamed: values for name, values in (split.y or {}).items()}
        for head in self.heads:
            parts = []
            if self.has_labels:
                if head.name not in labels:
                    raise DataError(
                        f"{kind} samples have no labels for output {head.name}",
                        hint=f"add y_{kind}:{head.name}",
                    )
                parts.append(head.targets(labels[head.name]))
            if self.distill > 0:
                parts.append(self.taught[kind, head.index])
            yield head.index, np.concatenate(parts, axis=1)

    def loss(self, head: Head, target: Any, output: Any) -> Any:
        """Of each sample; numpy arrays or tensors."""
        answers = self._answers(head, target)
        hard = head.hard_loss(target[:, :answers], output) if self.has_labels else 0.0
        if self.distill == 0:
            return hard
        soft = head.soft_loss(target[:, answers:], output, TEMPERATURE)
        return (1 - self.distill) * hard + self.distill * soft

    def accuracy(self, head: Head, target: Array, output: Array) -> float | None:
        """Against the labels, or against the float model where there are none."""
        if self.has_labels:
            return head.accuracy(output, target[:, : self._answers(head, target)])
        if head.is_numbers:
            return None
        classes = head.reading.classes
        return head.accuracy(output, target.reshape(len(target), -1, classes).argmax(axis=-1))

    def _answers(self, head: Head, target: Any) -> int:
        """How many columns of a target are labels."""
        if not self.has_labels:
            return 0
        columns = int(target.shape[1])
        if self.distill == 0:
            return columns
        each = 1 if head.is_numbers else head.reading.classes
        return columns // (1 + each)


def lesson_of(work: Work, distill: float, context: Context) -> Lesson:
    """What a step teaches.

    Raises:
        DataError: labels that do not fit, or neither labels nor distillation.
    """
    train, validation = training_splits(context)
    has_labels = bool(train.y)
    if not has_labels and distill == 0:
        raise DataError(
            "fine-tuning needs labelled training samples, or the float model as its teacher",
            hint="add y_train, or distill=1 to the step: no labels are needed then",
        )
    # Everything that the labels are held against: their shapes and ranges, and the outputs' kinds.
    file = _teacher_file(work, context)
    teacher = work.model if work.teacher is None else work.teacher
    if not has_labels or (distill > 0 and not file.is_file()):
        outputs = predict(teacher, train, work.outputs)
    else:
        outputs = _some_answers(teacher, train, work.outputs)
    heads = heads_of(teacher, outputs, train.y)
    if has_labels and validation.y:
        heads_of(teacher, predict(teacher, validation, work.outputs), validation.y)
    taught = _taught(teacher, heads, outputs, validation, distill, file)
    lone = {"": train.y[""]} if train.y and "" in train.y else None
    unnamed = next(iter(match_labels(outputs, lone)), "")
    weight = distill if has_labels else 1.0
    return Lesson(heads, train, validation, weight, has_labels, unnamed, taught)


def _taught(
    teacher: Any,
    heads: Sequence[Head],
    outputs: Mapping[str, Array],
    validation: Split,
    distill: float,
    file: Path,
) -> dict[tuple[str, int], Array]:
    """The float model's softened answers to the training and the validation samples."""
    if distill == 0:
        return {}
    if not file.is_file():
        splits = {"train": outputs, "validation": predict(teacher, validation, list(outputs))}
        arrays = {
            f"{kind}_{head.index}": head.soften(answers[head.name], TEMPERATURE)
            for kind, answers in splits.items()
            for head in heads
        }
        replace_file(file, lambda path: np.savez(path, allow_pickle=False, **arrays))
    with np.load(file) as kept:
        return {
            (kind, head.index): kept[f"{kind}_{head.index}"]
            for kind in ("train", "validation")
            for head in heads
        }


def _teacher_file(work: Work, context: Context) -> Path:
    """Where the answers are kept of the model that teaches: the one before it was first taught."""
    taught = [n for n, step in enumerate(work.done) if _teaches(step)]
    before = work.done[: min(taught, default=len(work.done))]
    return context.folder / teacher_name(before)


def _teaches(step: Step) -> bool:
    """Whether a step changes what a model answers by the answers of the one before it."""
    return "distill" in dict(step.options) or step.technique in RELEARNING


def _some_answers(model: Any, split: Split, outputs: Sequence[str]) -> dict[str, Array]:
    """Outputs as many as samples, of which the first are true and the others repeat them.

    They are enough to tell what an output means, and what its labels must be.
    """
    order = np.arange(len(split)) % ANSWERS
    some = predict(model, split.take(slice(0, ANSWERS)), outputs)
    return {name: answers[order] for name, answers in some.items()}


def losses_of(model: Any, lesson: Lesson) -> Any:
    """A loss for each output that is trained, in the form of the model's outputs."""

    def of(head: Head) -> Any:
        return lambda target, output: lesson.loss(head, target, output)

    return structured(model, {head.index: of(head) for head in lesson.heads})


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


def _file_name(steps: Sequence[Step]) -> str:
    """A file name for what these steps made of a model, data and seed."""
    return hashlib.sha256("+".join(map(str, steps)).encode()).hexdigest()[:24]


def state_name(steps: Sequence[Step]) -> str:
    """Of the file with the epochs of the last of these steps."""
    return f"{_file_name(steps)}.npz"


def teacher_name(steps: Sequence[Step]) -> str:
    """Of the file with the answers of the model that these steps made."""
    return f"{_file_name(steps)}.teacher.npz"


def replace_file(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file, then put it in its place, so that a torn one is never read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may write the same at once.
    beside = file.with_name(f"writing-{os.getpid()}-{file.name}")
    write(beside)
    os.replace(beside, file)  # noqa: PTH105
