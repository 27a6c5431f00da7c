"""Which of many trials nothing else beats, and how good a front is as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]
"""Two figures, both better where smaller."""


def dominates(one: Point, other: Point) -> bool:
    """Whether one is as good in both figures and better in at least one."""
    return one[0] <= other[0] and one[1] <= other[1] and one != other


def non_dominated(points: Sequence[Point]) -> list[int]:
    """Indices of the points that none dominates, by their first figure; of equal ones the first."""
    order = sorted(range(len(points)), key=lambda index: (*points[index], index))
    found: list[int] = []
    least = float("inf")
    for index in order:
        if points[index][1] < least:
            found.append(index)
            least = points[index][1]
    return found


def hypervolume(points: Iterable[Point], reference: Point) -> float:
    """The area that a front dominates below a reference (Zitzler and Thiele, 1999).

    Args:
        points: any; those beyond the reference add nothing.
        reference: a point that is worse than all that count.
    """
    inside = [point for point in points if point[0] < reference[0] and point[1] < reference[1]]
    area, height = 0.0, reference[1]
    for index in non_dominated(inside):
        x, y = inside[index]
        area += (reference[0] - x) * (height - y)
        height = y
    return area


def thinned(indices: Sequence[int], most: int, always: Sequence[int]) -> list[int]:
    """At most so many of a front, evenly spread along it, those in ``always`` among them."""
    kept = [index for index in indices if index in always]
    others = [index for index in indices if index not in always]
    room = max(0, most - len(kept))
    if len(others) > room:
        step = len(others) / room if room else 0.0
        others = [others[int(number * step + step / 2)] for number in range(room)]
    return [index for index in indices if index in {*kept, *others}]
