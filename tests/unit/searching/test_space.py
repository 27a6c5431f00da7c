"""What can be tried, the recipe of a point, and what it would weigh."""

from __future__ import annotations

import pytest

from bench.searching import bits
from bench.searching.bits import endings_of
from bench.searching.layout import READY, Family, Layout, bits_per_weight, groups_of
from bench.searching.shapes import known_shapes, ladders
from bench.searching.space import CLUSTERS, SPARSITIES
from tests.unit.searching.points import layout, layout_with_blocks, point, space


def recipe(rung=0, **values):
    return str(space().recipe(point(**values), rung))


@pytest.mark.parametrize(
    ("aim", "ending", "made"),
    [
        ("size", "quantize:int8", "quantize:int8+strip"),
        ("zipped", "quantize:int8", "quantize:int8+scales:5+strip"),
        ("zipped", "quantize:w4a8", "quantize:w4a8"),  # the quantizer's file is not rewritten
        ("latency", "quantize:int8", "quantize:int8"),
        ("latency", "", "float32"),
    ],
)
def test_a_point_with_nothing_but_an_ending_is_that_ending(aim, ending, made):
    """And for its size, the file loses its names."""
    assert str(space(aim).recipe(point(ending=ending), 0)) == made


def test_groups_of_channels_have_ratios_of_their_own():
    text = recipe(remove_0=0.5, remove_1=0.25, ending="quantize:int8")
    assert text.startswith("channels:0.5,")
    assert "each=b:0.25" in text


def test_fractions_that_leave_the_same_channels_are_one_recipe():
    """By latency multiples of 8 stay: of 16 channels 8, whether 0.3 or 0.8 of them should go."""
    fast = space("latency")
    gentle, strong = point(remove_0=0.3, remove_1=0.65), point(remove_0=0.8, remove_1=0.8)
    assert fast.kept(gentle) == fast.kept(strong) == {"0": 0.5, "1": 0.25}
    assert fast.recipe(gentle, 2) == fast.recipe(strong, 2)
    assert str(fast.recipe(gentle, 2)).startswith("channels:0.5,")
    assert "each=b:0.75" in str(fast.recipe(gentle, 2))
    assert fast.begins_alike(gentle, strong)
    assert not fast.begins_alike(gentle, point(remove_0=0.3, remove_1=0.5))
    inexact = point(remove_0=6 * 0.05, remove_1=13 * 0.05)  # as a sampler's steps add up
    assert inexact != gentle
    assert fast.begins_alike(gentle, inexact)


def test_where_no_multiple_of_channels_goes_nothing_is_trained_for_it():
    fast, gentle = space("latency"), point(remove_0=0.1, remove_1=0.1, ending="quantize:int8")
    assert str(fast.recipe(gentle, 2)) == "quantize:int8"
    assert not fast.is_thin(gentle)
    assert fast.begins_alike(gentle, point())


def test_a_large_kernel_has_zeros_and_values_of_its_own_and_others_the_usual_ones():
    text = recipe(sparsity=3, clusters=3, sparsity_c=1, clusters_c=-1)
    prune, cluster, qat, *_ = text.split("+")
    assert prune.startswith("prune:0.5,")
    assert f"each=c:{SPARSITIES[4]:g}" in prune
    assert f"each=c:{CLUSTERS[2]}" in cluster
    assert qat.startswith("qat")


def test_where_the_whole_has_no_zeros_no_kernel_has_some():
    assert "prune" not in recipe(sparsity=0, sparsity_c=1)


def test_a_higher_rung_trains_longer_and_few_samples_take_more_epochs():
    def epochs(rung, samples):
        steps = space(samples=samples).recipe(point(remove_0=0.5), rung).steps
        return int(dict(steps[0].options).get("epochs", 6))

    assert epochs(0, 50_000) < epochs(2, 50_000)
    assert epochs(2, 50_000) < epochs(2, 5_000)


def test_without_labels_the_float_model_teaches_alone():
    whole = space(has_labels=False)
    assert "distill" not in whole.distributions()
    assert "distill=1" in str(whole.recipe(point(), 0))


def test_the_structure_of_a_point_trains_nothing():
    text = str(space().structure(point(remove_0=0.5, sparsity=3, clusters=3)))
    assert text.endswith("epochs=0,multiple=4+quantize:int8") or "epochs=0" in text
    assert "prune" not in text
    assert text.endswith("quantize:int8")


def test_a_thinner_model_weighs_what_its_shapes_say():
    whole = layout()
    full = whole.elements({})
    assert full == {"a": 144, "d": 144, "b": 4608, "c": 9216, "e": 512}
    half = whole.elements({"0": 0.5, "1": 0.5})
    assert half == {"a": 72, "d": 72, "b": 1152, "c": 2304, "e": 256}
    assert whole.multiplications({"0": 0.5, "1": 0.5}) < whole.multiplications({}) / 2


def test_zeros_and_few_values_take_fewer_bits():
    plain = bits_per_weight(0, 0, 8)
    assert bits_per_weight(0.5, 0, 8) < plain < 8
    assert bits_per_weight(0.5, 8, 8) < bits_per_weight(0, 8, 8) < plain
    assert bits_per_weight(0, 0, 4) < plain
    assert bits_per_weight(0, 256, 4) <= 4


def test_the_estimate_of_a_file_falls_with_each_technique():
    whole = space()
    weights = [
        whole.zipped_weights(point()),
        whole.zipped_weights(point(remove_1=0.5)),
        whole.zipped_weights(point(remove_1=0.5, sparsity=3)),
        whole.zipped_weights(point(remove_1=0.5, sparsity=3, clusters=2)),
    ]
    assert weights == sorted(weights, reverse=True)


def test_many_families_share_ratios_with_their_neighbours():
    groups = groups_of([Family((str(n),), 8) for n in range(21)], 8)
    assert len(groups) == 8
    assert [n for group in groups for n in group] == list(range(21))


def test_a_model_that_cannot_be_trained_is_searched_by_its_endings_alone():
    endings = endings_of(layout(), "zipped", 0)
    whole = space(endings=endings, samples=0)
    assert set(whole.distributions()) == {"ending"}
    assert {"quantize:int8", "quantize:dynamic"} <= set(endings)
    shapes = known_shapes(whole)
    made = [
        str(whole.recipe(shape, 0)).removesuffix("+strip").removesuffix("+scales:5")
        for shape in shapes
    ]
    assert made == list(endings)
    assert whole.rungs == 1


def test_of_a_ready_file_the_quantizer_alone_is_tried(monkeypatch):
    monkeypatch.setattr(bits.workers, "version", lambda name: "0.11")
    found = endings_of(Layout((), (), READY), "zipped", 0, max_loss=0.02)
    assert "quantize:int8" not in found
    assert {"quantize:w8a8", "quantize:w4a8", "quantize:mixed,max-loss=2%"} <= set(found)
    assert "quantize:mixed" in endings_of(Layout((), (), READY), "zipped", 0)
    most = endings_of(Layout((), (), READY), "zipped", 0, max_loss=1.5)  # as R² may lose
    assert "quantize:mixed,max-loss=100%" in most


@pytest.mark.parametrize("aim", ["zipped", "size", "latency"])
def test_every_known_shape_is_a_point_of_the_space(aim):
    whole = space(aim)
    for shape in known_shapes(whole):
        assert shape.keys() == whole.distributions().keys()
        assert whole.recipe(shape, 0).steps


@pytest.mark.parametrize("aim", ["size", "latency"])
def test_zeros_and_few_values_are_tried_where_the_zipped_size_matters_alone(aim):
    names = space(aim).distributions()
    assert not any(name.startswith(("sparsity", "clusters")) for name in names)
    limited = space(aim, limits_zipped=True).distributions()
    assert {"sparsity", "clusters"} <= limited.keys()


def test_a_model_without_blocks_has_no_depth_and_one_ladder():
    assert "depth" not in space().distributions()
    assert len(ladders(space())) == 1


def test_blocks_go_with_what_is_in_them_and_are_trained_once_with_the_channels():
    whole = space(layout=layout_with_blocks())
    values = {**point(remove_0=0.5, remove_1=0.25, ending="quantize:int8", sparsity=3), "depth": 1}
    depth, channels, prune, *_ = str(whole.recipe(values, 0)).split("+")
    assert depth == "depth:1,epochs=0,layers=c"
    assert "each=b:0.25" in channels
    assert "c" not in whole.layout_of(values).elements({})
    assert "c:" not in prune
    assert whole.zipped_weights(values) < whole.zipped_weights({**values, "depth": 0})
    assert whole.work(values, 0) < whole.work({**values, "depth": 0}, 0)


def test_where_no_channels_go_the_shorter_model_is_trained_by_itself():
    whole = space(layout=layout_with_blocks())
    depth, *rest = str(whole.recipe({**point(ending="quantize:int8"), "depth": 2}, 0)).split("+")
    assert depth.startswith("depth:2,")
    assert "lr=0.004" in depth
    assert "epochs=0" not in depth
    assert not any(step.startswith("channels") for step in rest)
    assert "depth" in whole.beginning()


def test_known_shapes_leave_blocks_out_where_channels_go_and_are_tried_without_that_too():
    whole = space(layout=layout_with_blocks())
    shorter, flat = ladders(whole)
    for shape, other in zip(shorter, flat, strict=True):
        assert shape.keys() == whole.distributions().keys()
        assert shape["depth"] == (1 if other["remove_1"] else 0)
        assert other["depth"] == 0
        # Not so many channels go where blocks go, too.
        assert shape["remove_1"] <= other["remove_1"]
    # Where cuts are even, a tenth less at most.
    for shape, other in zip(*ladders(space("latency", layout=layout_with_blocks())), strict=True):
        assert shape["remove_0"] <= other["remove_0"] <= shape["remove_0"] + 0.1 + 1e-9
    removed = [shape["remove_1"] for shape in shorter]
    assert removed == sorted(removed)
