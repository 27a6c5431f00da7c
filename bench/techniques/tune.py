"""Fine-tuning alone, for as long as another recipe trains.

It stands beside the other recipes so that a gain from mere extra training is not credited to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.techniques import Context, Work
from bench.techniques import _keep as keep
from bench.techniques import _model as models
from bench.techniques import _options as options
from bench.techniques._training import Settings, fine_tune
from bench.values import Facts, Step

SUMMARY = "fine-tuning and nothing else, to compare what other recipes gain by training longer"
ARGUMENT = ""
OPTIONS: Mapping[str, str] = {
    key: text for key, text in options.TRAINING_OPTIONS.items() if key != "layers"
}
DEFAULTS = {"epochs": "4", "lr": "0.0005", "batch": "64", "distill": "0"}


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: an argument, a value out of range, or a step before it that ends training.
    """
    options.no_argument(step)
    options.refuse_after(step, earlier, options.AFTER_CONVERSION)
    parsers = {key: parse for key, parse in options.training_parsers().items() if key in OPTIONS}
    return options.canonical(step, None, parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Fine-tune a copy; zeros and clusters made before stay.

    Raises:
        BuildError, DataError: as :func:`bench.techniques._training.fine_tune`.
    """
    model = models.trainable(work, context)
    settings = Settings.of(options.settings(step, DEFAULTS))
    variables = {layer.name: models.kernel_of(layer) for layer in model.layers}
    after = keep.keeper(keep.kept_by(work, model), variables)
    facts = fine_tune(model, settings, context, work, step, after_batch=after)
    return models.taken(work, step, model, facts)


def verify(step: Step, work: Work, facts: Facts) -> None:
    """Fine-tuning promises nothing about the file."""
