"""Canonical spelling, ranges and impossible orders of every technique that trains."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench import recipes
from bench.errors import RecipeError


@pytest.mark.parametrize(
    ("spelt", "canonical"),
    [
        ("prune:0.80", "prune:0.8"),
        ("prune:.5,schedule=polynomial", "prune:0.5"),
        ("prune:0.5,lr=1e-4,epochs=03", "prune:0.5,epochs=3,lr=0.0001"),
        ("prune:0.5,schedule=constant,block=4×1", "prune:0.5,block=4x1,schedule=constant"),
        ("prune:0.5,schedule=my.module:curve", "prune:0.5,schedule=my.module:curve"),
        ("prune:2:4", "prune:2:4"),
        ("prune:0", "prune:0"),
        ("cluster:016", "cluster:16"),
        ("cluster:16,init=kmeans,per_channel=no", "cluster:16"),
        ("cluster:16,init=density,per_channel=yes", "cluster:16,init=density,per_channel=yes"),
        ("qat,io=int8", "qat"),
        ("qat,io=int8,rest=int8", "qat"),
        ("qat,layers=Dense,rest=float32,io=float32", "qat,layers=Dense"),
        ("qat,layers=Dense,rest=int8,io=int8", "qat,layers=Dense,rest=int8"),
        ("qat,layers=Dense,io=int8", "qat,io=int8,layers=Dense"),
        ("qat,io=uint8,layers=!first,!last", "qat,io=uint8,layers=!first,!last"),
        ("tune,epochs=4", "tune"),
        ("channels:0.5,each=a:.30,b*:0", "channels:0.5,each=a:0.3,b*:0"),
        ("prune:0.5,each= Dense : 0.80", "prune:0.5,each=Dense:0.8"),
        ("cluster:8,each=a:016,b:0", "cluster:8,each=a:16,b:0"),
        ("channels:0.50,importance=l2", "channels:0.5,importance=l2"),
        ("channels:0.5,distill=0.50", "channels:0.5,distill=0.5"),
        ("tune,epochs=1+prune:0.5", "tune,epochs=1+prune:0.5"),
        ("prune:0.5,layers=Dense+prune:0.8,layers=Conv2D",) * 2,
        ("channels:0.5+prune:0.5+cluster:16+qat",) * 2,
        ("prune:0.5+cluster:16+quantize:int8",) * 2,
        ("channels:0.25+channels:0.25+quantize:int8",) * 2,
        ("cluster:16+tune",) * 2,
        ("prune:0.8+quantize:int8+sparse+strip",) * 2,
        ("qat+scales:08+strip", "qat+scales:8+strip"),
        ("strip",) * 2,
        ("depth:02,epochs=6,distill=0.5", "depth:2"),
        ("depth:1,epochs=0,layers=block_4+channels:0.5+qat",) * 2,
    ],
)
def test_recipes_have_one_canonical_spelling(spelt: str, canonical: str) -> None:
    assert str(recipes.parse(spelt)) == canonical
    assert str(recipes.parse(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prune", "fraction"),
        ("prune:1", "fraction"),
        ("prune:-0.1", "fraction"),
        ("prune:half", "fraction"),
        ("prune:4:2", "m:n"),
        ("prune:0:4", "m:n"),
        ("prune:2:4,block=4x1", "block="),
        ("prune:2:4,each=a:0.5", "each="),
        ("prune:0.5,each=a", "has no value"),
        ("prune:0.5,each=a:1", "leaves nothing"),
        ("channels:0.5,each=a:-1", "out of range"),
        ("prune:0.5+cluster:8,each=a:2", "no whole number from 3"),
        ("prune:0.5,block=4", "block=4"),
        ("prune:0.5,block=0x1", "block=0x1"),
        ("prune:0.5,schedule=polinomial", "polynomial"),
        ("prune:0.5,begin=10,end=10", "before end"),
        ("prune:0.5,frequency=0", "frequency=0"),
        ("prune:0.5,epochs=0", "epochs=0"),
        ("prune:0.5,epochs=2.5", "epochs=2.5"),
        ("prune:0.5,lr=0", "lr=0"),
        ("prune:0.5,lr=nan", "lr=nan"),
        ("prune:0.5,batch=0", "batch=0"),
        ("prune:0.5,distill=2", "distill=2"),
        ("prune:0.5,layers=", "layers="),
        ("prune:0.5,epoch=1", "epochs"),
        ("cluster", "number of values"),
        ("cluster:1", "number of values"),
        ("cluster:1.5", "number of values"),
        ("cluster:16,init=kmean", "kmeans"),
        ("cluster:16,per_channel=maybe", "per_channel=maybe"),
        ("qat:8", "no argument"),
        ("qat,io=int16", "io=int16"),
        ("qat,epochs=0", "epochs=0"),
        ("tune:3", "no argument"),
        ("tune,layers=Dense", "layers"),
        ("channels:1", "fraction"),
        ("depth", "how many blocks"),
        ("depth:0", "no whole number from 1"),
        ("channels:0.5,importance=taylor", "importance=taylor"),
        ("qat+scales", "number of bits"),
        ("qat+scales:3", "no whole number from 4"),
        ("prune:0.5+scales:8", "needs a quantized file"),
        ("qat+scales:8+scales:6", "there twice"),
        ("quantize:w4a8+scales:8", "cannot follow"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_reason(text: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipes.parse(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "last", ["tune", "prune:0.5", "cluster:16", "channels:0.5", "depth:1", "qat"]
)
@pytest.mark.parametrize("first", ["quantize:int8", "qat"])
def test_nothing_is_trained_after_quantization(first: str, last: str) -> None:
    with pytest.raises(RecipeError, match="cannot follow"):
        recipes.parse(f"{first}+{last}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cluster:16+prune:0.5", "one more value"),
        ("prune:0.5+channels:0.5", "zeros"),
        ("cluster:16+channels:0.5", "empty"),
        ("prune:0.5+cluster:2", "one of them zero"),
        ("prune:0.5+depth:1", "all its blocks"),
    ],
)
def test_orders_that_would_break_a_promise_are_refused(text: str, reason: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipes.parse(text)
    assert reason in str(caught.value)


def test_checking_imports_no_tensorflow() -> None:
    script = (
        "import sys\n"
        "from bench import recipes\n"
        "recipes.parse('channels:0.5+prune:0.5+cluster:16+qat')\n"
        "recipes.parse('tune+quantize:int8')\n"
        "assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
