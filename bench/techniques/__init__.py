"""What a recipe's steps do to a model. One file per technique; its name is the technique's name.

A technique is a module that offers the names of :class:`Technique`. It is found by its file's name,
usable at once from the command line, and checked by the contract tests.

Nothing here imports TensorFlow at module level: ``check`` runs before anything is built and must
stay fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bench.tflite.values import FileFacts
from bench.values import Facts, Step, StepProgress, no_facts

if TYPE_CHECKING:
    from bench.data import Data


@dataclass(frozen=True)
class Conversion:
    """How the converter is to be asked for the .tflite, after all steps.

    Attributes:
        mode: ``float32`` (no quantization), ``dynamic``, ``float16``, ``int8``, ``int16x8`` or
            ``qat`` (ranges come from the model itself).
        io: type of the model's inputs and outputs in ``int8`` and ``qat`` modes.
        per_channel_dense: False asks for the older form of quantized dense layers, which older
            runtimes can read.
        rest: in ``qat`` mode, how layers that were not trained with quantization compute:
            ``int8`` finds the ranges of the whole model on samples, ``float32`` leaves them. In
            ``int8`` and ``int16x8``, ``float32`` allows ops that have no such form to stay.
        sparse: store kernels as their nonzero values, where that makes the file smaller and the
            local runtime loads it.
        scale_bits: significant bits that scales are rounded to; None leaves them as they are.
        strip: leave out the names of tensors that no caller addresses.
    """

    mode: Literal["float32", "dynamic", "float16", "int8", "int16x8", "qat"] = "float32"
    io: Literal["float32", "int8", "uint8"] = "float32"
    per_channel_dense: bool = True
    rest: Literal["float32", "int8"] = "int8"
    sparse: bool = False
    scale_bits: int | None = None
    strip: bool = False

    @property
    def calibrates(self) -> bool:
        """Whether samples are needed to find ranges on."""
        return self.mode in ("int8", "int16x8") or (self.mode == "qat" and self.rest == "int8")


@dataclass(frozen=True)
class Work:
    """A model on its way through a recipe.

    Attributes:
        model: a Keras 3 model or a tf_keras model as loaded, or the path of a SavedModel (which
            can only be converted). Techniques that train hand back a tf_keras model of their own
            and never change the one they were given.
        done: the steps taken so far, in order.
        conversion: how the .tflite will be made.
        facts: what the steps found out, by technique: layers skipped, sparsity reached, epochs.
        unrounded: where ``model`` rounds as int8 does in some layers only, the same model with the
            same weights and no rounding, to be quantized as a whole; else None.
        teacher: the model whose answers are taught, where a step left one behind that must first
            learn them anew; None is ``model`` before the first step that teaches.
        outputs: what labels and callers call the outputs, in order, whatever a model that a step
            hands back calls them; empty where they keep their names.
    """

    model: Any
    done: tuple[Step, ...] = ()
    conversion: Conversion = Conversion()
    facts: Facts = field(default_factory=no_facts)
    unrounded: Any = None
    teacher: Any = None
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Any) -> Work:
        """The work that a recipe begins with."""
        from bench.techniques import _outputs

        return cls(model, outputs=_outputs.known_names(model))


@dataclass(frozen=True)
class Context:
    """What a technique may use besides the model.

    Attributes:
        data: samples to calibrate and fine-tune on; None where the user gave none.
        seed: of everything random.
        folder: a folder of this model, these data and this seed alone, where fine-tuning saves each
            epoch under a name made of all steps so far. It goes on from there after an
            interruption, and for another recipe that begins alike. Emptied by the caller.
        progress: told of each epoch or sample.
    """

    data: Data | None
    seed: int
    folder: Path
    progress: StepProgress = field(default=lambda what, done, total: None)


class Technique(Protocol):
    """The names that a technique's module offers."""

    SUMMARY: str
    """One line for ``bench techniques``."""

    ARGUMENT: str
    """What the text behind the colon means; empty where there is none."""

    OPTIONS: Mapping[str, str]
    """Option to help text, for ``bench techniques`` and for spelling mistakes."""

    def check(self, step: Step, earlier: Sequence[Step]) -> Step:
        """The step in canonical spelling (``prune:0.80`` becomes ``prune:0.8``).

        Raises:
            RecipeError: a value out of range, or an order that is impossible, with the reason.
        """

    def apply(self, step: Step, work: Work, context: Context) -> Work:
        """Take the step; keeps what earlier steps made.

        Raises:
            BuildError, DataError: it cannot be done with this model or these data.
        """

    def verify(self, step: Step, work: Work, facts: FileFacts) -> None:
        """Hold the final file's facts (see ``bench.tflite.facts``) against what the step asks for.

        Raises:
            VerificationError: it is not in the file.
        """


def saved_files(steps: Sequence[Step]) -> tuple[str, ...]:
    """Names of the files that training these steps may leave in a context's folder."""
    from bench.techniques._lesson import state_name, teacher_name

    begun = [steps[:number] for number in range(len(steps) + 1)]
    return tuple(name(done) for done in begun for name in (state_name, teacher_name))


def port_to_tf_keras(model: Any) -> Any:
    """A flat tf_keras model that answers as the given Keras model.

    Raises:
        BuildError: the model cannot be carried over.
    """
    from bench.techniques import _keras3_to_2

    return _keras3_to_2.port(model)


def converted_names(model: Any) -> tuple[str, ...]:
    """What the converter calls the outputs of a model, in its order; see ``_outputs``."""
    from bench.techniques import _outputs

    return _outputs.converted_names(model)


def layout(model: Any, context: Context) -> dict[str, Any]:
    """What a model is made of, as a search sees it; see ``_layout``.

    Args:
        model: as :class:`Work` holds it.
    """
    from bench.techniques import _layout

    return _layout.layout(Work.of(model), context)


def epoch_seconds(model: Any, context: Context, batch: int) -> float:
    """How long one pass over the training samples takes here; see ``_speed``.

    Raises:
        BuildError, DataError: the model cannot be trained, or there is nothing to train on.
    """
    from bench.techniques import _speed

    return _speed.epoch_seconds(Work.of(model), context, batch)


def sensitivity(model: Any, context: Context, samples: int) -> list[dict[str, Any]]:
    """What the model loses where one layer alone is made smaller; see ``_sensitivity``.

    Raises:
        BuildError, DataError: the model cannot be rebuilt, or there are no validation samples.
    """
    from bench.techniques import _sensitivity

    return _sensitivity.sensitivity(Work.of(model), context, samples)
