"""How a cut of channels is shared among the groups."""

from __future__ import annotations

import pytest

from bench.searching.balance import balanced
from bench.searching.shapes import known_shapes
from bench.searching.space import MOST_REMOVED
from tests.unit.searching.points import layout_with_blocks, point, space


@pytest.mark.parametrize("aim", ["zipped", "size"])
@pytest.mark.parametrize("removed", [0.25, 0.5, 0.8])
def test_it_saves_about_as_much_as_the_same_cut_of_all(aim, removed):
    whole = space(aim)
    even = {**point(), "remove_0": removed, "remove_1": removed}
    shared = balanced(whole, even)
    assert 0.85 < whole.int8_size(shared) / whole.int8_size(even) < 1.15


def test_layers_that_take_few_bytes_lose_few_channels():
    even = point(remove_0=0.5, remove_1=0.5)
    shared = balanced(space("size"), even)
    assert shared["remove_0"] < 0.5 < shared["remove_1"]


def test_by_latency_all_groups_lose_the_same():
    for shape in known_shapes(space("latency")):
        assert shape["remove_0"] == shape["remove_1"]


def test_what_else_a_point_holds_stays():
    even = point(remove_0=0.5, remove_1=0.5, sparsity=3, ending="quantize:int8")
    shared = balanced(space(), even)
    assert {**shared, "remove_0": 0.5, "remove_1": 0.5} == even
    assert balanced(space(), point()) == point()


def test_a_group_that_is_left_out_with_its_block_saves_nothing_and_loses_nothing():
    whole = space(layout=layout_with_blocks())
    even = {**point(remove_0=0.5, remove_1=0.5), "depth": 2}
    shared = balanced(whole, even)
    assert shared["remove_1"] == 0
    assert whole.int8_size(shared) < 1.15 * whole.int8_size(even)


def test_the_most_that_can_go_is_not_exceeded():
    even = point(remove_0=MOST_REMOVED, remove_1=MOST_REMOVED)
    shared = balanced(space(), even)
    assert max(shared["remove_0"], shared["remove_1"]) <= MOST_REMOVED
