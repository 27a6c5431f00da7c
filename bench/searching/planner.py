"""What to try next: a known shape, a longer training, another ending, or what the sampler proposes.

Where the budget allows many trials, they begin with short trainings and the deserving are trained
longer (``rungs``). Where it allows few, each is trained as long as the budget bears, and what was
trained first is used again with other endings, which costs a part of it. The first of these trains
nothing: in seconds it tells whether channels or ending lose too much, and brackets the endings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.searching import rungs
from bench.searching.shapes import (
    between,
    endings_around,
    has_fewer_bits,
    known_shapes,
    ladders,
    low_bits,
    untrained_endings,
)
from bench.searching.space import Space
from bench.searching.trials import Study
from bench.searching.values import Limits, Origin, Params, Trial, keeps

TOP_SHARE, TOP_SHARE_BESIDE = 0.45, 0.8
"""Of the budget, that one training at the highest rung may take: alone, or beside others."""

MANY, SHORT_SHARE = 20, 0.5
"""So many of the trainings that are begun with must fit into that part of a budget: the rest is for
longer ones. Where they do not, few are made, each as long as can be."""

HALVINGS = 2
"""So many times what deserves it is trained longer, at most: the longer the first training, the
better it tells what a longer one will give. `fashion` without four fifths of its channels loses
5.84 points after 2 epochs, 2.68 after 12 and 1.88 after 40."""

REUSE = 2
"""Every so many proposals a trained beginning is tried with another ending."""

TYPICAL = 3
"""The known shape that stands for a trial where its cost is to be told before there is one."""

ENDINGS = 4
"""Where the budget bears few trainings: so many endings for a beginning, that which trains nothing
among them, as long as one of them loses no more than may be lost."""

ROOM = 0.5
"""Of what may be lost: where no ending loses more, a stronger shape is worth more than another."""

STEP = 0.88
"""So much smaller a file is tried next where the limits are kept."""

OVERHEAD = 1.4
"""A trial's time by that of its epochs alone: teachers, rounding, converting, evaluating."""

START_S = 5.0
"""Of a trial whatever its epochs take: porting, wrapping and converting the model."""

Proposal = tuple[Params, Origin]
"""Parameters that are fixed, ``rung`` among them, and where they come from."""


class Planner:
    """Plans one proposal from all trials so far.

    Args:
        budget: seconds of the whole search; None where trials are counted.
        left: of them.
        epoch_seconds: that an epoch of the whole model takes, as a few steps of it tell.
        at_once: so many trials are made at the same time.
    """

    def __init__(
        self,
        space: Space,
        limits: Limits,
        trials: Sequence[Trial],
        budget: float | None,
        left: float | None,
        epoch_seconds: float = 0.0,
        at_once: int = 1,
    ) -> None:
        self._space, self._limits, self._trials = space, limits, trials
        self._budget, self._left = budget, left
        self._epoch_seconds = epoch_seconds
        self._at_once = at_once
        shapes = known_shapes(space)
        self._typical = shapes[min(TYPICAL, len(shapes) - 1)]
        self.top = self._top()
        self.start = self._start()

    @property
    def is_tight(self) -> bool:
        """Whether the budget bears few trainings, so that each is as long as can be."""
        return self.start == self.top

    def next(self, study: Study) -> Proposal | None:
        """The next proposal; None where nothing that is left fits into the budget."""
        running = study.running()
        for proposal in self._proposals(study):
            point, _ = proposal
            if not study.is_running(point) and not self._is_being_begun(point, running):
                return proposal
        return None

    def _is_being_begun(self, point: Params, running: Sequence[Params]) -> bool:
        """Whether what a point begins with is being trained: its turn comes when that is there."""
        names = (*self._space.beginning(), "rung")
        if not self._space.trains or any(name not in point for name in names):
            return False
        trained = any(self._alike(point))
        alike = [one for one in running if all(one.get(n) == point[n] for n in names)]
        return bool(alike) and not trained

    def _proposals(self, study: Study) -> Iterator[Proposal]:
        """What may come next, the best idea first."""
        deserving = rungs.promotion(self._trials, self._limits, self._space.aim, self.top)
        # Where few are trained, another shape tells more than a longer training of the same.
        if (
            deserving is not None
            and not self.is_tight
            and self._fits(deserving.params, deserving.rung + 1)
        ):
            yield {**deserving.params, "rung": deserving.rung + 1}, "promoted"
        base = None if study.by_chance else self._beginning()
        untrained = self._next_untrained(base, study)
        if untrained is not None:
            yield untrained, "same beginning"
        if base is not None and not self._trains_endings(base):
            base = None
        if base is not None and self.is_tight and self._is_near(base) and not self._has_room(base):
            yield self._ending(base, study), "same beginning"
        shape = None if study.by_chance else self._known_shape(study)
        if shape is not None and (longest := self._longest(shape, study)) is not None:
            yield longest, "known shape"
        if base is not None and study.asked % REUSE == 0:
            yield self._ending(base, study), "same beginning"
        last = rungs.last_promotion(self._trials, self._limits, self._space.aim, self.top)
        # What was found by short trainings is worth nothing if no time is left for a long one.
        after = 0.0 if last is None else self.seconds(last.params, last.rung + 1)
        if self._fits(self._typical, self.start, after=after):
            yield {"rung": self.start}, "sampler"
        if last is not None and self._fits(last.params, last.rung + 1):
            yield {**last.params, "rung": last.rung + 1}, "promoted"
        if base is not None:
            yield self._ending(base, study), "same beginning"

    def _longest(self, point: Params, study: Study) -> Params | None:
        """A point trained as long as what is left of the budget bears; None where it bears none.

        The shortest trainings are for many trials, and tell nothing of one by itself.
        """
        wanted = int(point["rung"])
        for rung in range(wanted, min(wanted, 1) - 1, -1):
            shorter = {**point, "rung": rung}
            if self._fits(point, rung) and (rung == wanted or not study.was_asked(shorter)):
                return shorter
        return None

    def _known_shape(self, study: Study) -> Params | None:
        """The next of the ladder from gentle to strong: where limits begin to break is bracketed.

        The gentlest is tried first, since it trains nothing; then from the middle on, up from what
        may keep to the limits and down from what may not.
        """
        known = known_shapes(self._space)
        if not self._space.trains:
            return next((p for p in self._at(known, 0) if not study.was_asked(p)), None)
        if not study.was_asked({**known[0], "rung": 0}):
            return {**known[0], "rung": 0}
        known_ladders = ladders(self._space)
        # One shape of each tells early whether blocks are worth leaving out here.
        for _, *shapes in known_ladders:
            first = min(TYPICAL, len(shapes)) - 1
            if not any(self._was_begun(shape, study) for shape in shapes[1:]):
                return {**shapes[first], "rung": self.start}
        for _, *shapes in known_ladders:
            if (point := self._bracketed(shapes, study)) is not None:
                return point
            # Blocks that matter too much are left in.
            if any(self._may_keep(shape) for shape in shapes if shape.get("depth")):
                break
        if self.is_tight:
            return None  # what was trained for the ladder is tried in fewer bits, too
        fewer = self._at(low_bits(self._space), self.start)
        return next((point for point in fewer if not study.was_asked(point)), None)

    def _bracketed(self, shapes: Sequence[Params], study: Study) -> Params | None:
        """The next shape that trains something; None where it is known which of them is best."""
        keeps = {index: self._may_keep(shape) for index, shape in enumerate(shapes)}
        known = {index: kept for index, kept in keeps.items() if kept is not None}
        low = max((index for index, kept in known.items() if kept), default=-1)
        high = min((i for i, kept in known.items() if not kept and i > low), default=len(shapes))
        middle = (low + high) // 2 if known else min(TYPICAL, len(shapes)) - 1
        # Those beside it are for who works at the same time; the stronger one first.
        inside = sorted(range(low + 1, high), key=lambda index: (abs(index - middle), -index))
        points: list[Params] = [shapes[index] for index in inside]
        if not points and low >= 0:
            if self.is_tight and self._is_hope(shapes[low]):
                points.append(shapes[low])
            if high < len(shapes) and shapes[low].get("depth") == shapes[high].get("depth"):
                points.append(between(self._space, shapes[low], shapes[high]))
        for point in self._at(points, self.start):
            if not study.was_asked(point):
                return point
        return None

    def _was_begun(self, shape: Params, study: Study) -> bool:
        """Whether a shape was tried, or is being, however long it is trained."""
        points = [*(trial.params for trial in self._trials), *study.running()]
        return any(shape.items() <= point.items() for point in points)

    def _is_hope(self, shape: Params) -> bool:
        """Whether no trial with a shape's beginning keeps to the limits yet: a longer one may."""
        return not any(keeps(trial, self._limits) for trial in self._begun_as(shape))

    def _begun_as(self, shape: Params) -> list[Trial]:
        """Trials with the same beginning, however long it was trained."""
        names = self._space.beginning()
        return [t for t in self._trials if all(t.params.get(n) == shape[n] for n in names)]

    def _at(self, shapes: Sequence[Params], rung: int) -> list[Params]:
        return [{**shape, "rung": rung} for shape in shapes]

    def _may_keep(self, shape: Params) -> bool | None:
        """Whether a shape may keep to the limits when it is trained longer; None if not tried.

        A beginning that keeps to them with any ending does: the ending is sought by itself.
        """
        found = self._begun_as(shape)
        if not any(dict(trial.params) == dict(shape) for trial in found):
            return None
        return any(
            rungs.merit(one, self._trials, self._limits, self._space.aim, self.top)[0] == 0
            for one in rungs.highest(found)
        )

    def _beginning(self) -> Trial | None:
        """The trained beginning that is most worth another ending; None by latency.

        Endings make a file smaller, and no structure faster.
        """
        if self._space.aim == "latency":
            return None
        beginnings = self._trained_beginnings()
        if self.is_tight:
            open_ = [one for one in beginnings if self._has_kept(one) and self._is_near(one)]
            if open_:
                return min(open_, key=self._wanted)

        def worth(one: Trial) -> tuple[int, float]:
            # Where few are trained, none is trained again, and what it may lose then is no matter.
            top = one.rung if self.is_tight else self.top
            return rungs.merit(one, self._trials, self._limits, self._space.aim, top)

        return min(beginnings, key=worth, default=None)

    def _trained_beginnings(self) -> list[Trial]:
        """The longest training of each point that is long enough to tell something of others."""
        found = rungs.highest(self._trials)
        return [one for one in found if one.rung >= self._long and one.trained]

    @property
    def _long(self) -> int:
        """The least rung of a training that is long enough to tell something of others."""
        # What a training takes is known better with each: one rung less was once the longest.
        return max(min(1, self.start), self.start - 1) if self.is_tight else max(1, self.start)

    def _has_kept(self, base: Trial) -> bool:
        """Whether any ending of a beginning keeps to the limits."""
        return any(keeps(trial, self._limits) for trial in self._ended(base))

    def _next_untrained(self, base: Trial | None, study: Study) -> Params | None:
        """The next ending that takes seconds: of the best beginning, or of each where few are."""
        if base is None:
            return None
        beginnings = self._trained_beginnings() if self.is_tight else []
        others = [one for one in beginnings if one is not base]
        found = (self._untrained(one, study) for one in (base, *others))
        return next((params for params in found if params is not None), None)

    def _untrained(self, base: Trial, study: Study) -> Params | None:
        """The next ending for a beginning that takes seconds; fewer bits where it bears int8."""
        tried = self._alike(_with_rung(base))
        bears = any(t.works and (t.outcome.loss or 0.0) <= self._limits.loss for t in tried)
        for params in untrained_endings(self._space, base.params):
            point = {**params, "rung": base.rung}
            if study.was_asked(point) or (has_fewer_bits(params) and not bears):
                continue
            if self._fits(point, base.rung, begun=True):
                return point
        return None

    def _trains_endings(self, base: Trial) -> bool:
        """Whether further endings are worth a training: by raw size, zeros give nothing."""
        return self._space.zips and self._fits(base.params, base.rung, begun=True)

    def _is_near(self, base: Trial) -> bool:
        """Whether a few other endings may bring a beginning within the limits, or further."""
        tried = self._ended(base)
        least = min((trial.outcome.loss or 0.0 for trial in tried), default=0.0)
        return len(tried) < ENDINGS and least <= self._limits.loss

    def _has_room(self, base: Trial) -> bool:
        """Whether a stronger shape is worth more than an ending: none that was tried loses much."""
        most = max((trial.outcome.loss or 0.0 for trial in self._ended(base)), default=0.0)
        return most <= ROOM * self._limits.loss

    def _alike(self, point: Params) -> list[Trial]:
        """Trials with the same beginning as a point with its ``rung``: trained as long."""
        return [trial for trial in self._begun_as(point) if trial.rung == point["rung"]]

    def _ended(self, base: Trial) -> list[Trial]:
        """Those of them that work, in eight bits or more: what other endings are sought between."""
        alike = [t for t in self._alike(_with_rung(base)) if t.works]
        return [trial for trial in alike if not has_fewer_bits(trial.params)]

    def _ending(self, base: Trial, study: Study) -> Params:
        """Another ending for what a trial began with, with the ``rung``.

        By turns the sampler chooses one, and the file becomes a step smaller where the limits are
        kept, or a step larger where they are not.
        """
        names = self._space.beginning()
        fixed = {name: base.params[name] for name in names} | {"rung": base.rung}
        if study.asked % (2 * REUSE) and not self.is_tight:
            return fixed
        wanted = self._wanted(base)
        points = [{**p, "rung": base.rung} for p in endings_around(self._space, base.params)]
        points = [point for point in points if not study.was_asked(point)]
        return min(
            points,
            key=lambda point: abs(self._space.zipped_weights(point) - wanted),
            default=fixed,
        )

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

    def _fits(self, params: Params, rung: int, *, begun: bool = False, after: float = 0.0) -> bool:
        """Whether a trial ends within the budget, and so many seconds after it."""
        return self._left is None or self.seconds(params, rung, begun=begun) + after <= self._left

    def _top(self) -> int:
        """The highest rung that the budget allows."""
        rungs_ = range(self._space.rungs)
        if self._budget is None:
            return rungs_[-1]
        allowed = (TOP_SHARE if self._at_once == 1 else TOP_SHARE_BESIDE) * self._budget
        return max((r for r in rungs_ if self.seconds(self._typical, r) <= allowed), default=0)

    def _start(self) -> int:
        """The rung that trials begin at: that from which the deserving are trained longer."""
        if self._budget is None:
            return 0
        allowed = SHORT_SHARE * self._budget * self._at_once
        short = max(0, self.top - HALVINGS)
        bears_many = MANY * self.seconds(self._typical, short) <= allowed
        return short if bears_many else self.top


def _with_rung(trial: Trial) -> Params:
    """A trial's point with the length of its training."""
    return {**trial.params, "rung": trial.rung}
