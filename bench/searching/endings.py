"""With which ending a trained beginning is tried next: seconds or a part of a whole training.

The first trains nothing. In seconds it tells whether channels or ending lose too much, and brackets
the endings.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.searching import rungs
from bench.searching.costs import Costs
from bench.searching.shapes import (
    endings_around,
    has_fewer_bits,
    own_ending,
    untrained_endings,
)
from bench.searching.space import Space
from bench.searching.trials import Study
from bench.searching.values import Limits, Params, Trial, keeps

REUSE = 2
"""Every so many proposals a trained beginning is tried with another ending."""

ENDINGS = 4
"""Where the budget bears few trainings: so many endings for a beginning, that which trains nothing
among them, as long as one of them keeps to the limits."""

ROOM = 0.5
"""Of what may be lost: where no ending loses more, a stronger shape is worth more than another.
Of `fashion` without two blocks and two fifths of its channels 40 epochs lose 0.28 points, with
zeros and few values on top 0.96; without three fifths of them 24 lose 0.84, in a file as large."""

STEP = 0.88
"""So much smaller a file is tried next where the limits are kept."""


class Endings:
    """Chooses a trained beginning and another ending for it.

    Args:
        trials: all so far.
    """

    def __init__(self, space: Space, limits: Limits, trials: Sequence[Trial], costs: Costs) -> None:
        self._space, self._limits, self._trials, self._costs = space, limits, trials, costs

    def base(self) -> Trial | None:
        """The trained beginning that is most worth another ending."""
        beginnings = self._trained_beginnings()
        if self._costs.is_tight and self._space.zips:
            open_ = [one for one in beginnings if self.is_near(one)]
            if open_:
                return min(open_, key=self._wanted)

        def worth(one: Trial) -> tuple[int, float]:
            # Where few are trained, none is trained again, and what it may lose then is no matter.
            top = one.rung if self._costs.is_tight else self._costs.top
            return rungs.merit(one, self._trials, self._limits, self._space.aim, top)

        return min(beginnings, key=worth, default=None)

    def begun_as(self, shape: Params) -> list[Trial]:
        """Trials with the same beginning, however long it was trained."""
        return [t for t in self._trials if self._space.begins_alike(t.params, shape)]

    def alike(self, point: Params) -> list[Trial]:
        """Trials with the same beginning as a point with its ``rung``: trained as long."""
        return [trial for trial in self.begun_as(point) if trial.rung == point["rung"]]

    def next_untrained(self, base: Trial | None, study: Study) -> Params | None:
        """The next ending that takes seconds: of the best beginning, or of each where few are.

        By latency of the best alone, since each is measured first: which of int8 and float32 is
        the faster one may change from shape to shape.
        """
        if base is None:
            return None
        each = self._costs.is_tight and self._space.aim != "latency"
        beginnings = self._trained_beginnings() if each else []
        others = [one for one in beginnings if one is not base]
        found = (self._untrained(one, study) for one in (base, *others))
        return next((params for params in found if params is not None), None)

    def may_train(self, base: Trial) -> bool:
        """Whether further endings are worth a training: of zeros, only zipped files are smaller."""
        if not self._space.zips or self._space.aim == "latency":
            return False

        def work(params: Params) -> float:
            return self._space.work(params, base.rung, begun=True)

        dearest = max(base.params, self._own(base), key=work)
        return self._costs.fits(dearest, base.rung, begun=True)

    def may_win(self, base: Trial) -> bool:
        """Whether an ending may keep to the limits: none wins back what int8 alone breaks."""
        return not self._costs.begins_alone or self._has_kept(base)

    def is_near(self, base: Trial) -> bool:
        """Whether a few other endings may bring a beginning within the limits, or further."""
        return self._has_kept(base) and len(self._ended(base)) < ENDINGS

    def has_room(self, base: Trial) -> bool:
        """Whether a stronger shape is worth more than an ending: none that was tried loses much."""
        most = max((trial.outcome.loss or 0.0 for trial in self._ended(base)), default=0.0)
        return most <= ROOM * self._limits.loss

    def next(self, base: Trial, study: Study) -> Params:
        """Another ending for what a trial began with, with the ``rung``.

        By turns the sampler chooses one, and the file becomes a step smaller where the limits are
        kept, or a step larger where they are not. Where few are trained, that of the known shape
        comes first.
        """
        names = self._space.beginning()
        fixed = {name: base.params[name] for name in names} | {"rung": base.rung}
        if study.asked % (2 * REUSE) and not self._costs.is_tight:
            return fixed
        if self._costs.begins_alone and not study.was_asked(own := self._own(base)):
            return own
        wanted = self._wanted(base)
        points = [{**p, "rung": base.rung} for p in endings_around(self._space, base.params)]
        points = [point for point in points if not study.was_asked(point)]
        return min(
            points,
            key=lambda point: abs(self._space.zipped_weights(point) - wanted),
            default=fixed,
        )

    def _trained_beginnings(self) -> list[Trial]:
        """The longest training of each point that is long enough to tell something of others."""
        found = rungs.highest(self._trials)
        return [one for one in found if one.rung >= self._long and one.trained]

    @property
    def _long(self) -> int:
        """The least rung of a training that is long enough to tell something of others."""
        # What a training takes is known better with each: one rung less was once the longest.
        start = self._costs.start
        return max(min(1, start), start - 1) if self._costs.is_tight else max(1, start)

    def _has_kept(self, base: Trial) -> bool:
        """Whether any ending of a beginning keeps to the limits."""
        return any(keeps(trial, self._limits) for trial in self._ended(base))

    def _untrained(self, base: Trial, study: Study) -> Params | None:
        """The next ending for a beginning that takes seconds; fewer bits where it bears int8."""
        tried = self.alike(_with_rung(base))
        bears = any(t.works and (t.outcome.loss or 0.0) <= self._limits.loss for t in tried)
        for params in untrained_endings(self._space, base.params):
            point = {**params, "rung": base.rung}
            if study.was_asked(point) or (has_fewer_bits(params) and not bears):
                continue
            if self._costs.fits(point, base.rung, begun=True):
                return point
        return None

    def _own(self, base: Trial) -> Params:
        """The known shape's ending of a beginning, with its ``rung``."""
        return {**own_ending(self._space, base.params), "rung": base.rung}

    def _ended(self, base: Trial) -> list[Trial]:
        """Trials with a beginning that work, in eight bits or more: what others lie between."""
        alike = [t for t in self.alike(_with_rung(base)) if t.works]
        return [trial for trial in alike if not has_fewer_bits(trial.params)]

    def _wanted(self, base: Trial) -> float:
        """About how many bytes the next ending's weights should take: bisects what may be lost."""
        tried = self._ended(base)
        kept = [trial for trial in tried if keeps(trial, self._limits)]
        broken = [trial for trial in tried if trial not in kept]
        sizes = {t.number: self._space.zipped_weights(t.params) for t in tried}
        low = max((sizes[trial.number] for trial in broken), default=0.0)
        high = min((sizes[trial.number] for trial in kept), default=0.0)
        if low and high and low < high:
            return float((low * high) ** 0.5)
        return high * STEP if high else low / STEP


def _with_rung(trial: Trial) -> Params:
    """A trial's point with the length of its training."""
    return {**trial.params, "rung": trial.rung}
