"""What nothing else beats, and the area below it."""

from __future__ import annotations

import random

import pytest

from bench.searching.front import dominates, hypervolume, non_dominated, thinned


def test_of_random_points_none_of_the_front_is_beaten_and_all_others_are():
    generator = random.Random(0)
    points = [(generator.random(), generator.random()) for _ in range(200)]
    front = non_dominated(points)
    beaten = {i for i, p in enumerate(points) if any(dominates(q, p) for q in points)}
    assert set(front) == set(range(200)) - beaten
    assert [points[i] for i in front] == sorted(points[i] for i in front)


def test_equal_points_are_shown_once():
    assert non_dominated([(1, 1), (1, 1), (1, 2), (2, 1)]) == [0]


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([], 0),
        ([(1, 1)], 1),
        ([(0, 1), (1, 0)], 3),
        ([(0, 1), (1, 0), (1, 1), (3, 0)], 3),
        ([(2, 0)], 0),
    ],
)
def test_the_hypervolume_is_the_area_below_the_reference(points, area):
    assert hypervolume(points, (2, 2)) == area


def test_a_thinned_front_keeps_its_order_and_what_must_stay():
    assert thinned(range(10), 4, [0, 1]) == [0, 1, 4, 8]
    assert thinned(range(3), 6, [1]) == [0, 1, 2]
    assert thinned(range(10), 1, [7]) == [7]
