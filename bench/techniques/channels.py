"""Structured pruning: whole filters and units are removed, with everything that depends on them.

The least important channels go (Li et al., "Pruning Filters for Efficient ConvNets", 2017), the
weights of the layers that follow are sliced to fit, and the model is fine-tuned. The result is a
smaller dense model, faster on any runtime; the toolkit has nothing of this kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.errors import BuildError
from bench.techniques import (
    Context,
    Work,
    _channels_graph,
    _channels_keras,
    _model,
    _options,
    _verify,
)
from bench.techniques._layers import LayerInfo, own_values, select
from bench.techniques._training import FitOptions, fine_tune
from bench.tflite.values import FileFacts
from bench.values import Step

SUMMARY = "structured pruning: that fraction of the filters and units is removed, so it runs faster"
ARGUMENT = "fraction of channels to remove from each layer, within [0, 1)"
OPTIONS: Mapping[str, str] = {
    "each": "layers with a fraction of their own, LAYER:FRACTION behind commas; layers that are "
    "tied are named by any of them",
    "importance": "what a channel is evaluated by: l1 (default) or l2 norm of its weights",
    "multiple": "so many channels, or a multiple, stay in each layer of twice as many, since "
    "kernels work on whole vectors (default 8)",
    **_options.TRAINING_OPTIONS,
}
DEFAULTS = {
    "importance": "l1",
    "multiple": "8",
    "epochs": "6",
    "lr": "0.002",
    "batch": "64",
    "distill": "0",
}

kept_of = _channels_graph.kept_of
"""How many of a layer's channels stay: for those who reckon with sizes before anything is built."""


def check(step: Step, earlier: Sequence[Step]) -> Step:
    """The step in canonical spelling.

    Raises:
        RecipeError: a fraction outside [0, 1), a value out of range, or an impossible order.
    """
    reasons = {
        **_options.AFTER_CONVERSION,
        "prune": "the filters it removes are those with most zeros: too few would be left",
        "cluster": "clusters were made for all channels, and some would be left empty",
    }
    _options.refuse_after(step, earlier, reasons)
    parsers = {
        "each": _options.by_layer("each", _options.part("each")),
        "importance": _options.choice("importance", ("l1", "l2")),
        "multiple": _options.whole("multiple", 1, 1024),
        **_options.training_parsers(),
    }
    return _options.canonical(step, _options.fraction(step), parsers, DEFAULTS)


def apply(step: Step, work: Work, context: Context) -> Work:
    """Remove channels from a copy and fine-tune what is left.

    Raises:
        BuildError: no layer's channels can be removed, or the smaller model does not build.
        DataError: no samples to fine-tune on, or they do not fit.
    """
    values = _options.chosen(step, DEFAULTS)
    model = _model.trainable(work, context)
    network = _channels_keras.network_of(model)
    families = _families(model, network, values, float(step.argument or 0))
    scores = _channels_keras.importance(model, network, values["importance"])
    multiple = int(values["multiple"])
    removed = [
        unit
        for family, fraction in families
        for unit in _channels_graph.choose(family, scores, fraction, multiple)
    ]
    smaller = _channels_keras.rebuild(model, network, removed)
    facts = fine_tune(smaller, FitOptions.of(values), context, work, step)
    _, kept = network.keep_masks(removed)
    facts |= {
        "parameters_before": int(model.count_params()),
        "parameters": int(smaller.count_params()),
        "layers": {
            name: {"channels": int(kept[name].sum()), "of": len(kept[name])}
            for family, _ in families
            for name in family.layers
        },
        "skipped": [f"{name} ({why})" for name, why in network.untouched.items()],
    }
    return _model.taken(work, step, smaller, facts)


def verify(step: Step, work: Work, facts: FileFacts) -> None:
    """The file holds no more parameters than the smaller model.

    Raises:
        VerificationError: it holds more.
    """
    _verify.at_most_parameters(step, work, facts)


def _families(
    model: Any, network: _channels_graph.Network, values: Mapping[str, str], usual: float
) -> list[tuple[_channels_graph.Family, float]]:
    """Families whose layers are all chosen, each with the fraction of channels to remove.

    Layers that are tied can only be thinned together.
    """
    pattern = values.get("layers")
    able_names = {layer for family in network.families for layer in family.layers}
    layers = [_model.info(layer) for layer in model.layers]
    able = [layer for layer in layers if layer.name in able_names]
    unable = [LayerInfo(one.name, one.type) for one in layers if one.name in network.untouched]
    if not able:
        reasons = [f"{name}: {why}" for name, why in network.untouched.items()]
        raise BuildError(
            f"{model.name} has no channels that can be removed",
            hint="; ".join(reasons[:3]) or "it has no convolution or dense layer inside",
        )
    chosen = set(select(pattern, able, unable).chosen)
    own = own_values(values.get("each"), able, unable, option="each")
    families = []
    for family in network.families:
        missing = [name for name in family.layers if name not in chosen]
        if missing and pattern is not None and len(missing) < len(family.layers):
            raise BuildError(
                f"layers={pattern}: {missing[0]} is tied to {(set(family.layers) & chosen).pop()}",
                hint=f"choose all or none of {', '.join(family.layers)}",
            )
        if not missing:
            families.append((family, _fraction(family, own, usual)))
    return families


def _fraction(family: _channels_graph.Family, own: Mapping[str, str], usual: float) -> float:
    """The fraction that a family's own value asks for, else the usual one."""
    found = {own[name] for name in family.layers if name in own}
    if len(found) > 1:
        raise BuildError(
            f"each= gives tied layers different fractions, {' and '.join(sorted(found))}",
            hint=f"give one to all of {', '.join(family.layers)}",
        )
    return float(found.pop()) if found else usual
