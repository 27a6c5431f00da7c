"""Fine-tuning alone, for as long as another recipe trains.

It stands beside the other recipes so that a gain from mere extra training is not credited to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.techniques import Context, Work, _kernels, _model, _options, _preserve
from bench.techniques._training import FitOptions, fine_tune
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "fine-tuning and nothing else, to compare what other recipes gain by training longer"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {
    key: text for key, text in _options.TRAINING_OPTIONS.items() if key != "layers"
}
DEFAULTS = {"epochs": "4", "lr": "0.0005", "batch": "64", "distill": "0"}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: an argument, a value out of range, or a step before it that ends training.
    """
    _options.no_argument(step)
    _options.refuse_after(step, earlier, _options.AFTER_CONVERSION)
    parsers = {key: parse for key, parse in _options.training_parsers().items() if key in OPTIONS}
    return _options.canonical(step, None, parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Fine-tune a copy; zeros and clusters made before stay.

    Raises:
        BuildError, DataError: as :func:`bench.techniques._training.fine_tune`.
    """
    model = _model.trainable(work, context)
    fit_options = FitOptions.of(_options.chosen(step, DEFAULTS))
    kept = _preserve.kept_by(work, model)
    after = _preserve.keeper(kept, _kernels.variables_of(model))
    facts = fine_tune(model, fit_options, context, work, step, after_batch=after)
    return _model.taken(work, step, model, facts)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """Nothing to verify: fine-tuning leaves no trace in the file."""
