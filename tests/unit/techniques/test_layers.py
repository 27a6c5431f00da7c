"""The ``layers=`` option."""

from __future__ import annotations

import pytest

from bench.errors import BuildError
from bench.techniques._layers import LayerInfo, own_values, select

ABLE = (
    LayerInfo("stem", "Conv2D"),
    LayerInfo("block1", "Conv2D"),
    LayerInfo("block2", "Conv2D"),
    LayerInfo("hidden", "Dense"),
    LayerInfo("classes", "Dense"),
)
UNABLE = (LayerInfo("depth", "DepthwiseConv2D"),)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        (None, "stem block1 block2 hidden classes"),
        ("Dense", "hidden classes"),
        ("stem", "stem"),
        ("block*", "block1 block2"),
        ("classes,stem", "stem classes"),
        ("!first,!last", "block1 block2 hidden"),
        ("first", "stem"),
        ("Conv2D,!block?", "stem"),
        ("!Dense", "stem block1 block2"),
        (" Dense , stem ", "stem hidden classes"),
    ],
)
def test_items_are_names_types_globs_and_exclusions(pattern: str | None, chosen: str) -> None:
    assert select(pattern, ABLE, UNABLE).chosen == tuple(chosen.split())


def test_layers_left_alone_are_told_with_their_type() -> None:
    assert select(None, ABLE, UNABLE).describe_skipped() == ["depth (DepthwiseConv2D)"]


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("Dens", "did you mean 'Dense'"),
        ("depth", "cannot handle"),
        ("Depthwise*", "cannot handle"),
        ("Dense,!Dense", "leaves no layer"),
    ],
)
def test_a_pattern_that_meets_nothing_is_an_error(pattern: str, told: str) -> None:
    with pytest.raises(BuildError, match=told):
        select(pattern, ABLE, UNABLE)


def test_a_model_without_a_layer_to_handle_names_what_it_has() -> None:
    with pytest.raises(BuildError, match="DepthwiseConv2D"):
        select(None, (), UNABLE)


def test_a_layer_that_is_called_first_is_meant_by_its_name() -> None:
    able = (LayerInfo("stem", "Conv2D"), LayerInfo("first", "Dense"))
    assert select("first", able, ()).chosen == ("first",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, {}),
        ("stem:1", {"stem": "1"}),
        ("block*:1,block2:2", {"block1": "1", "block2": "2"}),
        ("Dense:3,last:4", {"hidden": "3", "classes": "4"}),
    ],
)
def test_a_layers_own_value_is_the_last_that_meets_it(text: str | None, found: dict) -> None:
    assert own_values(text, ABLE, UNABLE, option="each") == found


def test_a_value_for_no_layer_names_the_option() -> None:
    with pytest.raises(BuildError, match="each=Dens meets no layer"):
        own_values("Dens:1", ABLE, UNABLE, option="each")
