"""How far a measurement has come on each target, for the progress bars."""

from __future__ import annotations

from collections import defaultdict

from bench import schedule
from bench.observers import Observer
from bench.records import Records
from bench.values import Launch


class Tally:
    """Counts launches and tells how many are still to come.

    Args:
        records: of the report file as it is when measuring begins.
    """

    def __init__(self, records: Records) -> None:
        self._plan = records.session.plan
        self._variants = records.session.variants
        self._launches: defaultdict[str, defaultdict[str, list[Launch]]]
        self._launches = defaultdict(lambda: defaultdict(list))
        self._resumed = bool(records.launches)
        for launch in records.launches:
            self.add(launch)

    def add(self, launch: Launch) -> None:
        """One more launch was made."""
        self._launches[launch.target][launch.variant].append(launch)

    def left_s(self, target: str, after_s: float) -> float | None:
        """About how many seconds are left, told once: when each cell was launched first.

        Only for a fixed number of launches of several settings, begun in this sitting.

        Args:
            target: its id.
            after_s: seconds since measuring began.
        """
        launches = self._launches[target]
        made = sum(map(len, launches.values()))
        number = len(self._variants)
        if not self._plan.settings or self._plan.until is not None or made != number:
            return None
        if self._resumed or any(len(those) != 1 for those in launches.values()):
            return None
        return after_s / made * (self._plan.launches - 1) * number

    def show(self, target: str, bar: str, observer: Observer) -> None:
        """Bring a target's bar up to date; with ``--until`` say what goes on, and why."""
        more = schedule.still_wanted(self._variants, self._launches[target], self._plan)
        done = sum(map(len, self._launches[target].values()))
        observer.step(bar, done, done + sum(more.values()))
        if self._plan.until is not None and any(more.values()):
            observer.note(bar, self._words(target, more))

    def _words(self, target: str, more: dict[str, int]) -> str:
        """``±2 %: 3 of 5 known, quantize:int8 about 12 more``."""
        assert self._plan.until is not None
        # The baseline goes along with others: it is the noisy one only if it wants most by far.
        name = max(reversed(list(more)), key=lambda each: more[each])
        known = sum(
            not schedule.wants_more(self._launches[target][variant.name], self._plan)
            for variant in self._variants
        )
        precision = f"{self._plan.until * 100:g}"
        return f"±{precision} %: {known} of {len(more)} known, {name} about {more[name]} more"
