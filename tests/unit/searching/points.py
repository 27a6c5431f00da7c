"""Layouts and trials to search over, with no model and no training behind them."""

from __future__ import annotations

from dataclasses import replace

from bench import recipes
from bench.searching.layout import Layout
from bench.searching.shapes import in_int8_alone, known_shapes
from bench.searching.space import Space
from bench.searching.values import Outcome, Trial

CAN = ["prune", "cluster", "qat"]


def layout() -> Layout:
    """Two convolutions of 16 and 32 channels, flattened into a dense layer of 4."""

    def layer(name, kind, per_pair, inputs, outputs, positions=1, depthwise=False, can=CAN):
        pairs = sum(outputs.values()) * (1 if depthwise else sum(inputs.values()))
        return {
            "name": name,
            "type": kind,
            "elements": round(per_pair * pairs),
            "per_pair": per_pair,
            "depthwise": depthwise,
            "inputs": inputs,
            "outputs": outputs,
            "positions": positions,
            "can": can,
        }

    return Layout.of(
        {
            "refused": "",
            "families": [
                {"layers": ["a"], "channels": 16},
                {"layers": ["b", "c"], "channels": 32},
            ],
            "layers": [
                layer("a", "Conv2D", 9, {"": 1}, {"0": 16}, 64),
                layer("d", "DepthwiseConv2D", 9, {"0": 16}, {"0": 16}, 64, True, ["qat"]),
                layer("b", "Conv2D", 9, {"0": 16}, {"1": 32}, 16),
                layer("c", "Conv2D", 9, {"1": 32}, {"1": 32}, 16),
                layer("e", "Dense", 1, {"1": 128}, {"": 4}),
            ],
        }
    )


def layout_with_blocks() -> Layout:
    """The same, of which ``c`` and then ``b``, as if it were one, can be left out."""
    whole = layout()

    def without(*names: str) -> Layout:
        kernels = tuple(kernel for kernel in whole.kernels if kernel.name not in names)
        first, second = whole.families
        left = replace(second, layers=tuple(n for n in second.layers if n not in names))
        return Layout(kernels, (first, left) if left.layers else (first,))

    return replace(whole, blocks=("c", "b"), shorter=(without("c"), without("b", "c")))


def space(aim="zipped", samples=50_000, **options) -> Space:
    endings = options.pop("endings", ("qat", "quantize:int8"))
    return Space(options.pop("layout", layout()), aim, endings, samples, **options)


def point(**values):
    """A point of :func:`space` with nothing removed, but for what is named."""
    whole = dict.fromkeys(space().distributions(), 0)
    return {**whole, "ending": "qat", "distill": 0.5, **values}


def trial(number=0, rung=0, size=1000, loss=0.0, error=0.0, recipe="qat", **options) -> Trial:
    """One that worked, or failed where ``loss`` is None."""
    params = options.pop("params", {"point": number})
    failure = "it broke" if loss is None else ""
    outcome = Outcome(size, size, loss, error, seconds=10, failure=failure, **options)
    return Trial(number, params, rung, recipes.parse(recipe), "sampler", outcome)


class Study:
    """What a planner asks of one: which points were asked for, and which are being tried."""

    by_chance = False

    def __init__(self, *asked, number=1, running=()):
        self.points, self.asked, self._running = [*asked, *running], number, list(running)

    @classmethod
    def of(cls, trials, **options):
        """One that asked for these trials alone."""
        return cls(*({**one.params, "rung": one.rung} for one in trials), **options)

    def was_asked(self, params):
        return params in self.points

    def running(self):
        return self._running

    def is_running(self, params):
        return params in self._running


SHAPES = known_shapes(space())


def tried(index, rung=0, loss=0.0, **options):
    """A known shape that was trained with its ending."""
    recipe = "qat" if index else "quantize:int8"
    return trial(index, rung, loss=loss, params=dict(SHAPES[index]), recipe=recipe, **options)


def in_int8(base, loss):
    """The same beginning as a trial's, with int8 alone behind it."""
    params = in_int8_alone(space(), base.params)
    recipe = "channels:0.5,epochs=3+quantize:int8"
    return trial(base.number + 10, base.rung, loss=loss, params=params, recipe=recipe)


def at_rung(costs, start, top=None, longest=None):
    """The same with other lengths of training."""
    costs.start, costs.top = start, start if top is None else top
    costs.longest = costs.top if longest is None else longest
    return costs
