"""What to try next: a known shape, a longer training, another ending, or what the sampler proposes.

Where the budget allows many trials, they begin with short trainings and the deserving are trained
longer (``rungs``). Where it allows few, all are trained as long (``costs``), at first in int8 alone
where zeros and few values are to follow; what was trained is used again with other endings
(``endings``), which costs a part of it, and at the end the nearest miss is trained longer
(``lengthening``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.searching import rungs
from bench.searching.costs import TYPICAL, Costs
from bench.searching.endings import REUSE, Endings
from bench.searching.lengthening import worth_longer
from bench.searching.shapes import (
    between,
    ending_of,
    in_int8_alone,
    known_shapes,
    ladders,
    low_bits,
    own_ending,
)
from bench.searching.space import Space
from bench.searching.trials import Study
from bench.searching.values import Limits, Origin, Params, Trial, careful_loss, keeps

STEEP = 1.0
"""By so many natural logarithms a file becomes larger where it is to lose a whole limit less: 12
epochs of `fashion`, with int8 alone, lose 0.52, 0.82 and 1.12 points in 36.9, 25.6 and 17.2 kB."""

Proposal = tuple[Params, Origin]
"""Parameters that are fixed, ``rung`` among them, and where they come from."""


class Planner:
    """Plans one proposal from all trials so far.

    Args:
        trials: all so far.
        costs: what trainings take, and what the budget bears.
    """

    def __init__(self, space: Space, limits: Limits, trials: Sequence[Trial], costs: Costs) -> None:
        self._space, self._limits, self._trials, self._costs = space, limits, trials, costs
        self._endings = Endings(space, limits, trials, costs)

    def next(self, study: Study) -> Proposal | None:
        """The next proposal; None where nothing that is left fits into the budget."""
        running = study.running()
        for proposal in self._to_the_end(study):
            point, _ = proposal
            if not study.is_running(point) and not self._is_being_begun(point, running):
                return proposal
        return None

    def hoped(self, params: Params) -> Params:
        """What may come of a point that is seen in int8 alone at first; else the point itself."""
        alone = self._costs.begins_alone and params == in_int8_alone(self._space, params)
        if not alone or not self._space.work(params, self._costs.start):
            return params
        return min(params, own_ending(self._space, params), key=self._space.zipped_weights)

    def _is_being_begun(self, point: Params, running: Sequence[Params]) -> bool:
        """Whether what a point begins with is being trained: its turn comes when that is there."""
        names = (*self._space.beginning(), "rung")
        if not self._space.trains or any(name not in point for name in names):
            return False
        trained = any(self._endings.alike(point))
        alike = any(
            self._space.begins_alike(one, point) and one["rung"] == point["rung"] for one in running
        )
        return alike and not trained

    def _to_the_end(self, study: Study) -> Iterator[Proposal]:
        """What may come next; where few are trained, the last ones are longer than the others."""
        costs = self._costs
        if costs.longest > costs.top:
            longer = list(self._lengthened())
            last = longer[0] if longer else costs.first_try(costs.typical)
            left = costs.leaving(costs.seconds(last, costs.longest))
            yield from Planner(self._space, self._limits, self._trials, left)._proposals(study)
            yield from ((p, "promoted") for p in longer if costs.fits(p, costs.longest))
        yield from self._proposals(study)

    def _lengthened(self) -> Iterator[Params]:
        """What may become the best when it is trained as long as the budget bears."""
        rung = self._costs.longest
        for one in worth_longer(self._trials, self._limits, self._space.aim, rung):
            if not any(other.rung > one.rung for other in self._endings.begun_as(one.params)):
                yield {**one.params, "rung": rung}

    def _proposals(self, study: Study) -> Iterator[Proposal]:
        """What may come next, the best idea first."""
        costs, endings = self._costs, self._endings
        if not self._space.trains and not study.by_chance:
            yield from self._as_long_as_fits(self._known_shape(study), study)
            return
        deserving = rungs.promotion(self._trials, self._limits, self._space.aim, costs.top)
        # Where few are trained, another shape tells more than a longer training of the same.
        if (
            deserving is not None
            and not costs.is_tight
            and costs.fits(deserving.params, deserving.rung + 1)
        ):
            yield {**deserving.params, "rung": deserving.rung + 1}, "promoted"
        base = None if study.by_chance else endings.base()
        untrained = endings.next_untrained(base, study)
        if untrained is not None:
            yield untrained, "same beginning"
        if base is not None and not endings.may_train(base):
            base = None
        near = base is not None and costs.is_tight and endings.is_near(base)
        if base is not None and near and not endings.has_room(base):
            yield endings.next(base, study), "same beginning"
        yield from self._as_long_as_fits(self._known_shape(study), study)
        # Half a step of the channels is worth less than an ending that was not tried.
        if base is not None and near:
            yield endings.next(base, study), "same beginning"
        yield from self._as_long_as_fits(self._finer_shape(study), study)
        if base is not None and endings.may_win(base) and study.asked % REUSE == 0:
            yield endings.next(base, study), "same beginning"
        last = rungs.last_promotion(self._trials, self._limits, self._space.aim, costs.top)
        # What was found by short trainings is worth nothing if no time is left for a long one.
        after = 0.0 if last is None else costs.seconds(last.params, last.rung + 1)
        if costs.fits(costs.first_try(costs.typical), costs.start, after=after):
            yield self._sampled(), "sampler"
        if last is not None and costs.fits(last.params, last.rung + 1):
            yield {**last.params, "rung": last.rung + 1}, "promoted"
        if base is not None and endings.may_win(base):
            yield endings.next(base, study), "same beginning"

    def _sampled(self) -> Params:
        """What the sampler may not choose."""
        start = {"rung": self._costs.start}
        if not self._costs.begins_alone:
            return start
        return {**start, **ending_of(self._costs.first_try(self._costs.typical))}

    def _as_long_as_fits(self, shape: Params | None, study: Study) -> Iterator[Proposal]:
        """A known shape, trained as long as fits; nothing where none does."""
        if shape is not None and (longest := self._longest(shape, study)) is not None:
            yield longest, "known shape"

    def _longest(self, point: Params, study: Study) -> Params | None:
        """A point trained as long as what is left of the budget bears; None where it bears none.

        The shortest trainings are for many trials, and tell nothing of one by itself.
        """
        wanted = int(point["rung"])
        for rung in range(wanted, min(wanted, 1) - 1, -1):
            shorter = {**point, "rung": rung}
            if self._costs.fits(point, rung) and (rung == wanted or not study.was_asked(shorter)):
                return shorter
        return None

    def _known_shape(self, study: Study) -> Params | None:
        """The next of the ladder from gentle to strong: where limits begin to break is bracketed.

        The gentlest is tried first, since it trains nothing; then from the middle on, up from what
        may keep to the limits and down from what may not, as far as what was lost lets hope.
        """
        if study.by_chance:
            return None
        start = self._costs.start
        known = known_shapes(self._space)
        if not self._space.trains:
            return next((p for p in self._at(known, 0) if not study.was_asked(p)), None)
        if not study.was_asked({**known[0], "rung": 0}):
            return {**known[0], "rung": 0}
        # One shape of each tells early whether blocks are worth leaving out here.
        for _, *ladder in ladders(self._space):
            if not any(self._was_begun(shape, study) for shape in ladder[1:]):
                return self._at(ladder, start)[_entry(ladder)]
        for shapes in self._climbed():
            low, high = self._bracket(shapes)
            points: list[Params] = [shapes[i] for i in self._toward_limit(shapes, low, high)]
            if not points and low >= 0 and self._costs.is_tight and self._is_hope(shapes[low]):
                points.append(shapes[low])
            if (point := self._first_new(points, study)) is not None:
                return point
        return None

    def _finer_shape(self, study: Study) -> Params | None:
        """The next between two of the ladder, where limits begin to break, or with fewer bits."""
        if study.by_chance or not self._space.trains:
            return None
        for shapes in self._climbed():
            low, high = self._bracket(shapes)
            if low < 0 or high == len(shapes) or high - low > 1:
                continue
            if shapes[low].get("depth") == shapes[high].get("depth"):
                middle = between(self._space, shapes[low], shapes[high])
                if (point := self._first_new([middle], study)) is not None:
                    return point
        # Where few are trained, what was trained for the ladder is tried in fewer bits, too.
        return None if self._costs.is_tight else self._first_new(low_bits(self._space), study)

    def _climbed(self) -> Iterator[Sequence[Params]]:
        """The ladders that are worth climbing, each without the shape that trains nothing.

        Where none of its shapes may keep to the limits, the other one is climbed, too.
        """
        for shapes in sorted((shapes for _, *shapes in ladders(self._space)), key=self._promise):
            yield shapes
            if any(self._may_keep(shape) for shape in shapes if self._space.is_thin(shape)):
                return

    def _promise(self, shapes: Sequence[Params]) -> float:
        """About the figure that a ladder gives at the limit; infinite where none was trained."""
        promising = self._promising(shapes)
        return math.inf if promising is None else promising[0]

    def _promising(self, shapes: Sequence[Params]) -> tuple[float, Trial] | None:
        """Of a ladder, the least figure that a trial lets hope for at the limit, and that trial."""
        thin = [shape for shape in shapes if self._space.is_thin(shape)]
        trials = rungs.highest([trial for shape in thin for trial in self._endings.begun_as(shape)])
        if not trials or self._limits.loss <= 0:
            return None

        def at_limit(trial: Trial) -> float:
            over = careful_loss(trial, self._limits) / self._limits.loss - 1
            return trial.figure(self._space.aim) * math.exp(STEEP * over)

        best = min(trials, key=at_limit)
        return at_limit(best), best

    def _toward_limit(self, shapes: Sequence[Params], low: int, high: int) -> list[int]:
        """The shapes between two of a ladder, by index, the likeliest first.

        Where few are trained, and a trial tells about how large a file may be at the limit, by
        that; else from the middle on. The others are for who works at the same time; the stronger
        one first.
        """
        inside = range(low + 1, high)
        promising = self._promising(shapes)
        if promising is None or not self._costs.is_tight or self._space.aim == "latency":
            untried = low < 0 and high == len(shapes)
            middle = _entry(shapes) if untried else (low + high) // 2
            return sorted(inside, key=lambda index: (abs(index - middle), -index))
        figure, trial = promising
        wanted = self._space.int8_size(trial.params) * figure / trial.figure(self._space.aim)

        def apart(index: int) -> float:
            return abs(math.log(self._space.int8_size(shapes[index]) / wanted))

        return sorted(inside, key=lambda index: (apart(index), -index))

    def _bracket(self, shapes: Sequence[Params]) -> tuple[int, int]:
        """Of a ladder, the strongest that may keep to the limits, and the gentlest above it that
        does not; by index, -1 and the ladder's length where there is none.
        """
        known = {i: kept for i, s in enumerate(shapes) if (kept := self._may_keep(s)) is not None}
        low = max((index for index, kept in known.items() if kept), default=-1)
        high = min((i for i, kept in known.items() if not kept and i > low), default=len(shapes))
        return low, high

    def _first_new(self, shapes: Sequence[Params], study: Study) -> Params | None:
        """The first that was not asked for as long a training, or a longer one."""
        start, rungs_ = self._costs.start, self._space.rungs
        for point in self._at(shapes, start):
            if not any(study.was_asked({**point, "rung": r}) for r in range(start, rungs_)):
                return point
        return None

    def _was_begun(self, shape: Params, study: Study) -> bool:
        """Whether a shape was tried, or is being, with any ending and however long."""
        running = any(self._space.begins_alike(point, shape) for point in study.running())
        return running or bool(self._endings.begun_as(shape))

    def _is_hope(self, shape: Params) -> bool:
        """Whether no trial with a shape's beginning keeps to the limits yet: a longer one may."""
        return not any(keeps(trial, self._limits) for trial in self._endings.begun_as(shape))

    def _at(self, shapes: Sequence[Params], rung: int) -> list[Params]:
        return [{**self._costs.first_try(shape), "rung": rung} for shape in shapes]

    def _may_keep(self, shape: Params) -> bool | None:
        """Whether a shape may keep to the limits when it is trained longer; None if not tried.

        A beginning that keeps to them with any ending does: the ending is sought by itself.
        """
        found = self._endings.begun_as(shape)
        if not (self._costs.begins_alone or any(dict(t.params) == dict(shape) for t in found)):
            return None
        top = self._costs.top
        kept = [
            rungs.merit(one, self._trials, self._limits, self._space.aim, top)[0] == 0
            and (one.rung < top or keeps(one, self._limits))
            for one in rungs.highest(found)
        ]
        return any(kept) if found else None


def _entry(ladder: Sequence[Params]) -> int:
    """Where a ladder is entered, by index; the shape that trains nothing is not on it."""
    return min(TYPICAL, len(ladder)) - 1
