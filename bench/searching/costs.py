"""What trainings take, how long the longest may be, and how long those are that are begun with."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from statistics import median

from bench.searching.shapes import in_int8_alone, known_shapes
from bench.searching.space import Space
from bench.searching.values import Params, Trial

TOP_SHARE, TOP_SHARE_BESIDE = 0.35, 0.5
"""Of the budget, that one training at the highest rung may take: alone, or beside others."""

LONG_ENOUGH, LONGER_SHARE = 2, 0.5
"""Beyond that rung a training may take but so much of that share, and where few are made it is for
the end of the search alone. One training of `fashion` differs from another by a quarter of a point,
as much as 24 epochs lose less than 12: trying more shapes is worth more at first. Three searches of
40 minutes with trainings of 40 epochs found nothing better than one of ten with 12."""

MANY, SHORT_SHARE = 20, 0.5
"""So many of the trainings that are begun with must fit into that part of a budget: the rest is for
longer ones. Where they do not, few are made, each as long as can be."""

HALVINGS = 2
"""So many times what deserves it is trained longer, at most: the longer the first training, the
better it tells what a longer one will give. `fashion` without four fifths of its channels loses
5.84 points after 2 epochs, 2.68 after 12 and 1.88 after 40."""

TELLING = 1
"""The lowest rung that may be begun with under a budget: 2 epochs of large data tell too little."""

TYPICAL = 3
"""The known shape that stands for a trial where its cost is to be told before there is one."""

OVERHEAD = 1.4
"""A trial's time by that of its epochs alone: teachers, rounding, converting, evaluating."""

START_S = 5.0
"""Of a trial whatever its epochs take: porting, wrapping and converting the model."""


def typical_shape(space: Space) -> Params:
    """The known shape that stands for others."""
    shapes = known_shapes(space)
    return shapes[min(TYPICAL, len(shapes) - 1)]


class Costs:
    """What trials take, by those that were made, and what the budget bears.

    Args:
        budget: seconds of the whole search; None where trials are counted.
        left: of them.
        epoch_seconds: that an epoch of the whole model takes, as a few steps of it tell.
        at_once: so many trials are made at the same time.

    Attributes:
        typical: the known shape that stands for others.
        longest: the highest rung that the budget bears.
        top: the highest rung while shapes are sought. Where few are trained, that is where they
            begin, and the longest is for what the search ends with.
        start: the rung that trials begin at: that from which the deserving are trained longer.
    """

    def __init__(
        self,
        space: Space,
        trials: Sequence[Trial],
        budget: float | None,
        left: float | None,
        epoch_seconds: float = 0.0,
        at_once: int = 1,
    ) -> None:
        self._space, self._trials = space, trials
        self._budget, self._left = budget, left
        self._epoch_seconds = epoch_seconds
        self._at_once = at_once
        self.typical = typical_shape(space)
        self.longest = self._longest()
        self.start, self.top = self._lengths()

    @property
    def is_tight(self) -> bool:
        """Whether the budget bears few trainings, so that shapes are sought at one length."""
        return self.start == self.top

    def leaving(self, seconds: float) -> Costs:
        """The same where so many seconds of what is left are for something else."""
        found = copy(self)
        found._left = None if self._left is None else self._left - seconds
        return found

    @property
    def begins_alone(self) -> bool:
        """Whether what is trained first is seen in int8 alone, before an ending is trained.

        Zeros and few values take about as long as the channels: what int8 alone breaks is spared
        them. Where known shapes end in float32, int8 tells nothing of them.
        """
        return self.is_tight and self._space.zips and bool(self._space.usual_ending)

    def first_try(self, shape: Params) -> Params:
        """A shape as it is tried first."""
        return in_int8_alone(self._space, shape) if self.begins_alone else shape

    def seconds(self, params: Params, rung: int, *, begun: bool = False) -> float:
        """About how long a trial takes, from those that were made; 0 where nothing is known."""
        rates = []
        for trial in self._trials:
            shared = trial.origin == "same beginning"
            work = self._space.work(trial.params, trial.rung, begun=shared)
            if trial.is_timed and work > 0:
                rates.append(trial.outcome.seconds / work)
        work = self._space.work(params, rung, begun=begun)
        if rates:
            return median(rates) * work
        return START_S + OVERHEAD * self._epoch_seconds * work if self._epoch_seconds else 0.0

    def least_seconds(self) -> float:
        """About how long the cheapest trial takes that trains something."""
        shapes = [s for s in known_shapes(self._space) if self._space.work(s, 0) > 0]
        return min((self.seconds(shape, 0) for shape in shapes), default=0.0)

    def fits(self, params: Params, rung: int, *, begun: bool = False, after: float = 0.0) -> bool:
        """Whether a trial ends within the budget, and so many seconds after it."""
        return self._left is None or self.seconds(params, rung, begun=begun) + after <= self._left

    def _longest(self) -> int:
        rungs = range(self._space.rungs)
        if self._budget is None:
            return rungs[-1]
        allowed = (TOP_SHARE if self._at_once == 1 else TOP_SHARE_BESIDE) * self._budget
        first = in_int8_alone(self._space, self.typical) if self._space.zips else self.typical

        def may_be(rung: int) -> bool:
            share = LONGER_SHARE if rung > LONG_ENOUGH else 1.0
            return self.seconds(first, rung) <= share * allowed

        return max(filter(may_be, rungs), default=0)

    def _lengths(self) -> tuple[int, int]:
        """The rungs that trials begin at, and up to which the deserving are trained longer."""
        if self._budget is None:
            return 0, self.longest
        short = self.longest - HALVINGS
        allowed = SHORT_SHARE * self._budget * self._at_once
        if short >= TELLING and MANY * self.seconds(self.typical, short) <= allowed:
            return short, self.longest
        only = min(self.longest, LONG_ENOUGH)
        return only, only
