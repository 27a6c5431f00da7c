"""Recipes are read into one canonical spelling, and what is misspelt is told with the nearest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import plugins, recipes
from bench.errors import RecipeError
from bench.values import Step


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("float32", "float32"),
        (" float32 ", "float32"),
        ("quantize:int8", "quantize:int8"),
        ("quantize:int8,io=int8", "quantize:int8"),
        ("quantize:int8,per_channel_dense=yes", "quantize:int8"),
        ("quantize:w8a8,algorithm=min-max,io=int8", "quantize:w8a8"),
        ("quantize:w4a8,algorithm=min-max", "quantize:w4a8,algorithm=min-max"),
        ("quantize:mixed,max-loss=0.01", "quantize:mixed"),
        ("quantize:mixed,max-loss=0.005", "quantize:mixed,max-loss=0.5%"),
        (
            "quantize:int8,per_channel_dense=no,io=uint8",
            "quantize:int8,io=uint8,per_channel_dense=no",
        ),
        ("quantize:dynamic, per_channel_dense = no", "quantize:dynamic,per_channel_dense=no"),
    ],
)
def test_equal_recipes_come_out_equal(typed, canonical):
    assert str(recipes.parse(typed)) == canonical


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("quantise:int8", "did you mean 'quantize'"),
        ("flot32", "did you mean 'float32'"),
        ("int8", "write quantize:int8"),
        ("quantize:int9", "did you mean 'int8'"),
        ("quantize", "quantize is no quantization"),
        ("quantize:", "no quantization"),
        ("quantize:int8,oi=uint8", "did you mean 'io'"),
        ("quantize:int8,io=int4", "use int8, uint8, float32"),
        ("quantize:float16,io=uint8", "goes with quantize:int8"),
        ("quantize:int8,uint8", "write options as key=value"),
        ("quantize:int8,io=uint8,io=int8", "names an option twice"),
        ("quantize:int8+quantize:dynamic", "is quantized already"),
        ("qat+quantize:w4a8", "is quantized already"),
        ("quantize:w4a8+prune:0.5", "write prune before quantize"),
        ("quantize:w3a8", "did you mean 'w8a8'"),
        ("quantize:w4a8,max-loss=1%", "it goes with quantize:mixed"),
        ("quantize:mixed,max-loss=many", "write max-loss=1%"),
        ("quantize:w8a16,io=int8", "goes with quantize:int8"),
        ("quantize:w4,algorithm=gptq", "use min-max, mse, octav"),
        ("quantize:int8,algorithm=mse", "it goes with quantize:w8a8"),
        ("quantize:int8+", "empty step"),
        ("", "empty step"),
        ("float32+quantize:int8", "leave it out of the chain"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_cure(typed, words):
    with pytest.raises(RecipeError) as caught:
        recipes.parse(typed)
    assert words in str(caught.value)


def test_commas_within_a_value_belong_to_it():
    step = recipes._split("quantize:int8,io=a,b,per_channel_dense=no", "whole")
    assert step == Step("quantize", "int8", (("io", "a,b"), ("per_channel_dense", "no")))


@given(
    mode=st.sampled_from(["dynamic", "float16", "int8", "int16x8", "w4a8", "w8", "mixed"]),
    options=st.dictionaries(
        st.sampled_from(["io", "per_channel_dense", "algorithm", "max-loss"]),
        st.sampled_from(["int8", "uint8", "float32", "yes", "no", "mse", "min-max", "0.02", "3%"]),
    ),
)
def test_the_canonical_spelling_reads_as_itself(mode, options):
    text = ",".join([f"quantize:{mode}", *(f"{key}={value}" for key, value in options.items())])
    try:
        recipe = recipes.parse(text)
    except RecipeError:
        return
    assert recipes.parse(str(recipe)) == recipe


def test_float32_comes_first_and_nothing_twice():
    chosen = recipes.parse_all(["quantize:int8", "quantize:int8,io=int8", "float32"])
    assert list(map(str, chosen)) == ["float32", "quantize:int8"]


def test_the_defaults_need_no_training():
    chosen = recipes.parse_all([])
    assert list(map(str, chosen)) == list(recipes.DEFAULTS)
    assert not any(map(recipes.trains, chosen))


def test_what_needs_calibration():
    calibrated = [str(r) for r in recipes.parse_all([]) if recipes.calibrates(r)]
    assert calibrated == ["quantize:int8", "quantize:int16x8"]


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        *(("w8a8", True), ("w4a8,algorithm=mse", True), ("w8a16", True), ("mixed", True)),
        *(("w4", True), ("w4,algorithm=mse", False), ("w8", False)),
    ],
)
def test_the_quantizer_needs_samples_to_calibrate_on_and_to_choose_by(text, needs):
    assert recipes.calibrates(recipes.parse(f"quantize:{text}")) is needs


@pytest.fixture
def file(tmp_path):
    def write(text, name="recipes.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return f"@{tmp_path / name}"

    return write


def test_a_file_names_its_recipes(file):
    path = file('# comments are allowed\nsmall = "quantize:int8"\nexact = "quantize:float16"\n')
    chosen = recipes.parse_all([path, "prune:0.5"])
    assert [each.label for each in chosen] == ["float32", "small", "exact", "prune:0.5"]
    assert [str(each) for each in chosen][1:3] == ["quantize:int8", "quantize:float16"]


def test_a_project_names_its_recipes_in_its_own_table(file):
    text = '[project]\nname = "x"\n[tool.tflite-bench.recipes]\nsmall = "quantize:int8"\n'
    assert [each.name for each in recipes.parse_all(file(text, "pyproject.toml"))] == ["", "small"]


def test_a_mapping_names_its_recipes_and_a_name_is_no_part_of_a_recipe():
    (chosen,) = recipes.parse_all({"small": "quantize:int8"}, with_float32=False)
    assert (chosen.name, chosen) == ("small", recipes.parse("quantize:int8"))


def test_a_recipe_with_and_without_its_name_is_one():
    both = recipes.parse_all(["quantize:int8", recipes.parse("quantize:int8", "small")])
    assert [each.label for each in both] == ["float32", "small"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names no recipe"),
        ("x = 5", "x is no recipe"),
        ("[x]\ny = 'prune:0.5'", "x is no recipe"),
        ("a = 'prune:0.5'\nb = 'prune:0.50'", "a and b are the same recipe"),
        ("a = 'prune:5'", "a: "),
        ("qat = 'qat'", "cannot be called 'qat'"),
        ("float32 = 'qat'", "cannot be called 'float32'"),
        ("'a b' = 'qat'", "is no name"),
        ("'../x' = 'qat'", "is no name"),
        ("x = ", "is no TOML"),
    ],
)
def test_a_file_of_recipes_that_cannot_be_read_is_one_line(file, text, words):
    with pytest.raises(RecipeError) as caught:
        recipes.parse_all(file(text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_is_for_one_recipe(file):
    with pytest.raises(RecipeError, match="two recipes are called a"):
        recipes.parse_all([file("a = 'prune:0.5'"), recipes.parse("quantize:int8", "a")])


def test_a_file_that_is_missing_is_one_line():
    with pytest.raises(RecipeError, match=r"cannot read no/such\.toml"):
        recipes.parse_all("@no/such.toml")


def test_the_headlines_recipes_can_be_read():
    names = [each.name for each in recipes.read_file(plugins.folder("models") / "headline.toml")]
    assert names == ["int8", "tuned", "half", "half-int8", "half-all"]


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("ours.toml", "small = 'prune:0.5'"),
        ("pyproject.toml", "[tool.tflite-bench.recipes]\nsmall = 'prune:0.5'"),
    ],
)
def test_a_name_given_bare_is_told_with_the_file_that_has_it(tmp_path, monkeypatch, file, lines):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text("[something]\nelse = 1")
    (tmp_path / file).write_text(lines)
    with pytest.raises(RecipeError, match=f"a recipe of {file}: write -r @{file}"):
        recipes.parse("small")
    with pytest.raises(RecipeError, match="there is: "):
        recipes.parse("large")
