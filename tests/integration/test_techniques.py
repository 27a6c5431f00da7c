"""Every technique, alone and combined, on a small real model: what is promised is in the file."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import data, recipes
from bench.build import convert
from bench.errors import BuildError, DataError
from bench.techniques import Context, Work
from bench.tflite.facts import kernel_weights, read_facts
from bench.workers.answering import answer, by_input, resize
from bench.workers.interpreter import LoadedModel

keras = pytest.importorskip("keras")
tf_keras = pytest.importorskip("tf_keras")
tfmot = pytest.importorskip("tensorflow_model_optimization")

CLASSES = 4

pytestmark = pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")


def arrays(samples: int = 384) -> dict[str, np.ndarray]:
    """Noise with a bright patch in one of four quarters: the quarter is the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, samples)
    x = rng.normal(0, 0.3, (samples, 12, 12, 1)).astype(np.float32)
    for image, label in zip(x, y, strict=True):
        row, column = 6 * (label // 2), 6 * (label % 2)
        image[row : row + 6, column : column + 6] += 0.8
    return {"x_train": x, "y_train": y}


@pytest.fixture(scope="module")
def samples() -> data.Data:
    return data.from_arrays("patches", arrays())


@pytest.fixture(scope="module")
def model() -> Any:
    """Convolutions with and without batch normalization, depthwise, residual, and inner model."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((12, 12, 1))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    y = layers.ReLU(name="plain_relu")(layers.Conv2D(16, 1, name="plain")(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depth")(y)
    y = layers.ReLU(6.0)(layers.BatchNormalization()(y))
    y = layers.Conv2D(8, 1, name="project")(y)
    x = layers.Add()([x, y])
    features = keras.Input((6, 6, 8))
    hidden = layers.Dense(16, "relu", name="hidden")(layers.Flatten()(features))
    x = keras.Model(features, hidden, name="head")(x)
    made = keras.Model(image, layers.Dense(CLASSES, "softmax", name="classes")(x), name="patches")
    made.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    given = arrays()
    made.fit(given["x_train"], given["y_train"], epochs=6, verbose=0)
    return made


def made(text: str, model: Any, samples: data.Data | None, folder: Path) -> tuple[Work, Any]:
    """The work after a recipe's steps, and the facts of its file, held against all promises."""
    recipe = recipes.parse(text)
    context = Context(samples, 0, folder)
    work = Work(model)
    for step in recipe.steps:
        work = recipes.technique(step.technique).apply(step, work, context)
    calibration = samples.calibration(64, 0) if work.conversion.calibrates and samples else None
    file = folder / "made.tflite"
    file.write_bytes(convert.convert(work, calibration).content)
    facts = read_facts(file)
    for step in recipe.steps:
        recipes.technique(step.technique).verify(step, Work(None, facts=work.facts), facts)
    return work, facts


SHORT = ",epochs=1,batch=32"


@pytest.mark.parametrize(
    "text",
    [
        "tune" + SHORT,
        "prune:0.5,each=classes:0.95" + SHORT + "+cluster:8" + SHORT,
        "prune:0.8,epochs=2,batch=32",
        "prune:0.5,schedule=constant,begin=1,end=6,frequency=5" + SHORT,
        "prune:0.5,block=4x1" + SHORT,
        "prune:2:4" + SHORT,
        "prune:2:4" + SHORT + "+quantize:int8",
        "prune:0.75,layers=Dense" + SHORT + "+prune:0.5,layers=project" + SHORT,
        "cluster:8,per_channel=yes,layers=project" + SHORT,
        "qat" + SHORT,
        "qat,layers=!first,!last" + SHORT,
        "channels:0.5" + SHORT,
        "channels:0.5,each=plain:0.25,hidden:0" + SHORT,
        "prune:0.5,each=plain:0.8,Dense:0" + SHORT,
        "cluster:8,each=project:4,hidden:0" + SHORT + "+qat" + SHORT,
        "prune:0.5" + SHORT + "+quantize:int8",
        "prune:0.5" + SHORT + "+tune" + SHORT,
        "prune:0.5" + SHORT + "+qat" + SHORT,
        "cluster:8" + SHORT + "+qat" + SHORT,
        "prune:0.5" + SHORT + "+cluster:8" + SHORT + "+qat,distill=0.5" + SHORT,
        "channels:0.5,distill=0.5" + SHORT + "+qat" + SHORT,
        "depth:1,epochs=3,batch=32",
        "depth:1,epochs=0+channels:0.5,distill=0.5,epochs=4,batch=32+qat" + SHORT,
    ],
)
def test_promises_are_in_the_file(
    text: str, model: Any, samples: data.Data, tmp_path: Path
) -> None:
    before = [weight.copy() for weight in model.get_weights()]
    work, facts = made(text, model, samples, tmp_path)
    if "qat" in text and "!first" not in text:
        assert not work.facts["qat"]["untrained"]
        assert not facts.float_ops
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [str(step) for step in work.done] == [str(step) for step in recipes.parse(text).steps]
    test = arrays()
    hits = np.argmax(work.model.predict(test["x_train"], verbose=0), axis=1) == test["y_train"]
    assert hits.mean() > 0.6, "a model that guesses reaches 0.25"


def test_layers_with_a_value_of_their_own_have_it(
    model: Any, samples: data.Data, tmp_path: Path
) -> None:
    (text,) = {
        f"channels:0.5,each=plain:0.25,epochs=0,multiple=1+prune:0.5,each=plain:0.8,classes:0{SHORT}"
        "+cluster:8,each=project:4,epochs=0"
    }
    work, _ = made(text, model, samples, tmp_path)
    channels, prune, cluster = (work.facts[t]["layers"] for t in ("channels", "prune", "cluster"))
    assert (channels["plain"]["channels"], channels["hidden"]["channels"]) == (12, 8)
    assert prune["plain"]["asked"] == 0.8
    assert prune["plain"]["reached"] == pytest.approx(0.8, abs=0.02)
    assert prune["project"]["asked"] == 0.5
    assert "classes" not in prune
    assert (cluster["project"]["clusters"], cluster["hidden"]["clusters"]) == (4, 8)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("channels:0.5,each=nowhere:0.1,epochs=0", "each=nowhere meets no layer"),
        ("channels:0.5,each=stem:0.1,project:0.3,epochs=0", "tied layers different fractions"),
        ("prune:0.5,each=*:0" + SHORT, "leaves every layer alone"),
        ("prune:0.5,each=depth:0.5" + SHORT, "cannot handle"),
    ],
)
def test_a_value_of_its_own_for_a_layer_that_cannot_have_it_is_told(
    text: str, told: str, model: Any, samples: data.Data, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match=re.escape(told)):
        made(text, model, samples, tmp_path)


@pytest.mark.parametrize("init", ["kmeans", "density", "linear", "random"])
def test_centroids_start_where_asked(
    init: str, model: Any, samples: data.Data, tmp_path: Path
) -> None:
    work, facts = made(f"cluster:4,init={init},epochs=0", model, samples, tmp_path)
    assert set(work.facts["cluster"]["layers"]) >= {"plain", "project", "hidden"}
    assert work.facts["cluster"]["skipped"] == ["depth (DepthwiseConv2D)"]
    assert 0.01 < work.facts["cluster"]["skipped_fraction"] < 0.2
    assert facts.unique_max_per_channel >= 4


def test_clustering_alone_needs_no_data(model: Any, tmp_path: Path) -> None:
    made("cluster:4,epochs=0", model, None, tmp_path)


@pytest.mark.parametrize("cluster", ["cluster:8", "cluster:6,per_channel=yes"])
def test_what_holds_few_values_after_pruning_is_not_clustered(
    cluster: str, model: Any, samples: data.Data, tmp_path: Path
) -> None:
    pruned = f"prune:0.5,each=classes:0.95,project:0.9{SHORT}"
    work, _ = made(f"{pruned}+{cluster}{SHORT}", model, samples, tmp_path)
    assert "hidden" in work.facts["cluster"]["layers"]
    assert "classes (Dense)" in work.facts["cluster"]["skipped"]
    with pytest.raises(BuildError, match=r"project has only .* the pruned ones counted as one"):
        made(f"{pruned}+cluster:16,layers=project{SHORT}", model, samples, tmp_path)


def test_own_schedule_is_followed(model: Any, samples: data.Data, tmp_path: Path) -> None:
    schedule = f"{__name__}:straight"
    work, _ = made(f"prune:0.6,schedule={schedule}{SHORT}", model, samples, tmp_path)
    assert work.facts["prune"]["sparsity"] == pytest.approx(0.6, abs=0.01)


def straight(step: int, begin: int, end: int, target: float) -> float:
    return target * (step - begin) / (end - begin)


def test_training_goes_on_where_it_was_interrupted(
    model: Any, samples: data.Data, tmp_path: Path
) -> None:
    step = recipes.parse("prune:0.5,epochs=3,batch=64").steps[0]
    technique = recipes.technique("prune")
    whole = technique.apply(step, Work(model), Context(samples, 0, tmp_path / "whole"))
    seen = []

    def stop(what: str, done: int, total: int) -> None:
        seen.append((what, done, total))
        if "epoch 3/3" in what:
            raise KeyboardInterrupt

    folder = tmp_path / "torn"
    with pytest.raises(KeyboardInterrupt):
        technique.apply(step, Work(model), Context(samples, 0, folder, stop))
    assert [done for _, done, _ in seen] == list(range(1, len(seen) + 1))
    after = []
    resumed = technique.apply(
        step, Work(model), Context(samples, 0, folder, lambda what, *_: after.append(what))
    )
    assert {what.split()[-1] for what in after} == {"3/3"}
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_same_seed_gives_the_same_model(model: Any, samples: data.Data, tmp_path: Path) -> None:
    first, _ = made("cluster:8" + SHORT, model, samples, tmp_path / "a")
    second, _ = made("cluster:8" + SHORT, model, samples, tmp_path / "b")
    for one, other in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


class TestDefectsOfTheToolkit:
    """What its preserving schemes do, and that ours do not."""

    @staticmethod
    def toolkit(kernel: np.ndarray, *, preserve_sparsity: bool) -> np.ndarray:
        """A kernel after the toolkit's own (P)CQAT."""
        from tensorflow_model_optimization.python.core.quantization.keras import quantize
        from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (  # noqa: E501
            default_8bit_cluster_preserve_quantize_scheme as preserving,
        )

        given = one_convolution(kernel)
        warnings.simplefilter("ignore")  # pytest restores the filters after each test
        scheme = preserving.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity)
        with quantize.quantize_scope():
            trained = quantize.quantize_apply(quantize.quantize_annotate_model(given), scheme)
        trained.compile("adam", "sparse_categorical_crossentropy")
        x, y = noise(kernel.shape[2])
        trained.fit(x, y, epochs=1, verbose=0)
        variables = {v.name: v for v in trained.get_layer("quant_conv").weights}
        return np.asarray(variables["conv/kernel:0"])

    @staticmethod
    def ours(kernel: np.ndarray, folder: Path, *, pruned: bool) -> np.ndarray:
        """A kernel after our qat, as integers of the file, in the layout of Keras."""
        entry = {"per_channel": True, "clusters": 64, "elements": kernel.size, "asked": 0}
        facts = {"cluster": {"layers": {"conv": entry}}}
        if pruned:
            facts["prune"] = {"layers": {"conv": entry}}
        x, y = noise(kernel.shape[2])
        samples = data.from_arrays("noise", {"x_train": x, "y_train": y})
        step = recipes.parse("qat,epochs=1").steps[0]
        work = recipes.technique("qat").apply(
            step, Work(one_convolution(kernel), facts=facts), Context(samples, 0, folder)
        )
        file = folder / "made.tflite"
        file.write_bytes(convert.convert(work, None).content)
        weights = [w for w in kernel_weights(file) if w.values.size == kernel.size]
        return np.moveaxis(np.asarray(weights[0].values), 0, -1)

    def test_979_convolutions_of_1x1_keep_their_weights(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        kernel = rng.choice([-0.6, 0.2, 0.5], (1, 1, 32, 16)).astype(np.float32)
        # Every other output channel has no zero; there the smallest value is taken for it.
        odd = kernel[..., ::2]
        odd[odd == np.float32(0.2)] = 0.0
        lost = self.toolkit(kernel, preserve_sparsity=True)
        assert (lost == 0).mean() > (kernel == 0).mean(), "the toolkit was mended: drop our cure"
        kept = self.ours(kernel, tmp_path, pruned=True)
        np.testing.assert_array_equal(kept == 0, kernel == 0)

    def test_1056_many_clusters_are_kept(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        # 40 values per channel, as clustering per channel makes them, and over 1,024 in all.
        channels = [rng.choice(rng.normal(size=40), (3, 3, 16)) for _ in range(32)]
        kernel = np.stack(channels, axis=-1).astype(np.float32)
        lost = self.toolkit(kernel, preserve_sparsity=False)
        assert most_in_a_channel(lost) > 40, "the toolkit was mended: drop our cure"
        assert most_in_a_channel(self.ours(kernel, tmp_path, pruned=False)) <= 40


def most_in_a_channel(kernel: np.ndarray) -> int:
    return max(len(np.unique(kernel[..., c])) for c in range(kernel.shape[-1]))


def one_convolution(kernel: np.ndarray) -> Any:
    layers = tf_keras.layers
    height, width, inputs, filters = kernel.shape
    image = layers.Input((6, 6, inputs))
    x = layers.Conv2D(filters, (height, width), use_bias=False, name="conv")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    made = tf_keras.Model(image, layers.Dense(CLASSES, "softmax", name="classes")(x))
    made.get_layer("conv").set_weights([kernel])
    return made


def noise(channels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 6, 6, channels)).astype(np.float32)
    return x, rng.integers(0, CLASSES, 96)


class Own(tf_keras.layers.Layer):
    """A user's layer, of which the toolkit knows nothing."""

    def build(self, shape: Any) -> None:
        self.matrix = self.add_weight(name="matrix", shape=(shape[-1], 8))

    def call(self, x: Any) -> Any:
        return x @ self.matrix


def with_own_layer() -> Any:
    layers = tf_keras.layers
    image = layers.Input((12, 12, 1))
    x = Own(name="own")(layers.Flatten()(image))
    return tf_keras.Model(image, layers.Dense(CLASSES, "softmax", name="classes")(x))


@pytest.mark.parametrize("text", ["qat", "prune:0.5", "cluster:4", "channels:0.5,layers=hidden"])
def test_layers_unknown_to_the_toolkit_are_skipped_and_told(
    text: str, samples: data.Data, tmp_path: Path
) -> None:
    own = with_own_layer()
    if text.startswith("channels"):
        x = tf_keras.layers.Dense(8, "relu", name="hidden")(own.layers[-2].output)
        own = tf_keras.Model(own.input, tf_keras.layers.Dense(CLASSES, "softmax")(x))
    work, _ = made(text + SHORT, own, samples, tmp_path)
    assert work.facts[text[: re.search("[:,]|$", text).start()]]["skipped"]  # type: ignore[union-attr]


def squeeze_and_excite() -> Any:
    """What the toolkit has no scheme for: scaled inputs, a product, Conv1D and normalization."""
    layers = tf_keras.layers
    image = layers.Input((12, 12, 1))
    x = layers.Conv2D(8, 3, use_bias=False, name="stem")(layers.Rescaling(0.5)(image))
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    s = layers.GlobalAveragePooling2D(keepdims=True)(x)
    s = layers.Conv2D(8, 1, activation="sigmoid", name="excite")(s)
    x = layers.Multiply(name="scaled")([x, s])
    x = layers.Conv1D(8, 3, activation="relu", name="line")(layers.Reshape((100, 8))(x))
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return tf_keras.Model(image, layers.Dense(CLASSES, "softmax", name="classes")(x))


def test_what_qat_does_not_train_is_quantized_after_it(samples: data.Data, tmp_path: Path) -> None:
    work, facts = made("qat" + SHORT, squeeze_and_excite(), samples, tmp_path)
    assert {"scaled (Multiply)", "line (Conv1D)"} <= set(work.facts["qat"]["untrained"])
    assert work.facts["qat"]["skipped"] == ["line (Conv1D)"]
    assert not facts.float_ops
    assert {port.dtype for port in (*facts.inputs, *facts.outputs)} == {"int8"}
    work, partly = made("qat,rest=float32" + SHORT, squeeze_and_excite(), samples, tmp_path)
    assert 0 < partly.int8_share < 1
    assert any("scaled" in name for name in partly.float_outputs)
    assert partly.size_bytes > facts.size_bytes


def halves(samples: int = 192) -> dict[str, np.ndarray]:
    """Grey pictures of 0 to 255 whose upper and lower half are each bright or not: four classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, samples)
    x = rng.normal(100, 20, (samples, 16, 16, 1))
    x[:, :8] += 30 * (y // 2)[:, None, None, None]
    x[:, 8:] += 30 * (y % 2)[:, None, None, None]
    return {"x_train": x.astype(np.float32), "y_train": y}


def test_qat_keeps_what_a_model_with_preprocessing_inside_knows(tmp_path: Path) -> None:
    """The statistics of a Normalization did not reach the trained graph: 50 % became 28 %."""
    given = halves()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    normalize = layers.Normalization()
    normalize.adapt(given["x_train"])
    image = keras.Input((16, 16, 1), name="image")
    x = layers.RandomFlip("horizontal")(normalize(image))
    x = layers.CenterCrop(12, 12)(layers.Resizing(14, 14)(x))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = layers.Dense(CLASSES, "softmax")(layers.Flatten()(x))
    model = keras.Model(image, x)
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    model.fit(given["x_train"], given["y_train"], epochs=4, verbose=0)
    known = np.mean(model.predict(given["x_train"], verbose=0).argmax(axis=1) == given["y_train"])
    assert known > 0.9
    _, facts = made("qat" + SHORT + ",lr=1e-5", model, data.from_arrays("x", given), tmp_path)
    assert not facts.float_ops
    graph = LoadedModel(str(facts.path), threads=1)
    x_test = by_input({"": given["x_train"]}, graph)
    resize(graph, x_test, len(given["x_train"]))
    (found,) = answer(graph, x_test, np.arange(len(given["x_train"]))).values()
    assert np.mean(found.argmax(axis=1) == given["y_train"]) > known - 0.03


def recurrent(layer: Any) -> tuple[Any, data.Data]:
    """A model around one layer that holds several kernels, and samples for it."""
    keras.utils.set_random_seed(0)
    sequence = keras.Input((5, 6), name="sequence")
    x = layer(sequence)
    x = keras.layers.Flatten()(x)
    rng = np.random.default_rng(0)
    given = {
        "x_train": rng.normal(size=(64, 5, 6)).astype(np.float32),
        "y_train": rng.integers(0, CLASSES, 64),
    }
    model = keras.Model(sequence, keras.layers.Dense(CLASSES, "softmax", name="classes")(x))
    return model, data.from_arrays("sequences", given)


@pytest.mark.parametrize(
    ("kind", "text", "parts"),
    [
        ("lstm", "prune:0.5" + SHORT, 2),
        ("lstm", "cluster:4" + SHORT + "+quantize:int8", 2),
        ("both", "prune:0.5" + SHORT + "+cluster:4,init=linear" + SHORT, 4),
        ("attention", "prune:0.5" + SHORT + "+tune" + SHORT, 4),
    ],
)
def test_kernels_within_a_layer_are_pruned_and_clustered(
    kind: str, text: str, parts: int, tmp_path: Path
) -> None:
    layers = keras.layers
    makers = {
        "lstm": layers.LSTM(8, name="memory"),
        "both": layers.Bidirectional(layers.LSTM(8), name="memory"),
        "attention": lambda x: layers.MultiHeadAttention(2, 8, name="memory")(x, x),
    }
    model, given = recurrent(makers[kind])
    work, facts = made(text, model, given, tmp_path)
    for technique in {"prune", "cluster"} & work.facts.keys():
        told = work.facts[technique]
        assert not told["skipped"]
        assert len([name for name in told["layers"] if name.startswith("memory/")]) == parts
    if "prune" in work.facts:
        assert facts.sparsity == pytest.approx(0.5, abs=0.01)
    if "cluster" in work.facts:
        assert facts.unique_max_per_channel <= 4


class TestBadInput:
    """Each is one clear line, before any training."""

    def refused(self, text: str, model: Any, given: data.Data | None, folder: Path) -> str:
        step = recipes.parse(text).steps[0]
        with pytest.raises((BuildError, DataError)) as caught:
            recipes.technique(step.technique).apply(step, Work(model), Context(given, 0, folder))
        assert "\n" not in str(caught.value)
        assert caught.value.hint
        return str(caught.value)

    @pytest.mark.parametrize("text", ["tune", "prune:0.5", "cluster:8", "qat", "channels:0.5"])
    def test_no_data(self, text: str, model: Any, tmp_path: Path) -> None:
        assert "labelled samples" in self.refused(text, model, None, tmp_path)
        unlabelled = data.from_arrays("x", {"x_train": arrays()["x_train"]})
        told = self.refused(text, model, unlabelled, tmp_path)
        assert "needs labelled training samples" in told

    def test_labels_that_the_model_does_not_know(self, model: Any, tmp_path: Path) -> None:
        given = arrays()
        wrong = data.from_arrays("x", {**given, "y_train": given["y_train"] + 1})
        assert "label 4 of sample 0" in self.refused("tune", model, wrong, tmp_path)

    def test_outputs_that_labels_do_not_fit(self, samples: data.Data, tmp_path: Path) -> None:
        image = keras.Input((12, 12, 1))
        masks = keras.Model(image, keras.layers.Conv2D(4, 1)(image))
        assert "shape" in self.refused("tune", masks, samples, tmp_path)
        flat = keras.layers.Flatten()(image)
        heads = [keras.layers.Dense(4, name=name)(flat) for name in ("one", "two")]
        both = keras.Model(image, heads)
        assert "has the outputs one, two" in self.refused("tune", both, samples, tmp_path)

    def test_more_clusters_than_weights(
        self, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        told = self.refused("cluster:100,layers=classes", model, samples, tmp_path)
        assert "classes has only 64 weights" in told
        told = self.refused("cluster:100000", model, samples, tmp_path)
        assert "only" in told

    def test_layers_that_the_toolkit_cannot_prune(
        self, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        told = self.refused("prune:0.5,layers=depth", model, samples, tmp_path)
        assert "DepthwiseConv2D" in told
        told = self.refused("prune:0.5,block=4x1,layers=stem", model, samples, tmp_path)
        assert "stem is a Conv2D" in told

    def test_a_layer_type_unknown_to_the_toolkit(self, samples: data.Data, tmp_path: Path) -> None:
        told = self.refused("qat,layers=Own", with_own_layer(), samples, tmp_path)
        assert "own is a Own, which this technique cannot handle" in told

    def test_a_savedmodel_can_only_be_converted(self, samples: data.Data, tmp_path: Path) -> None:
        assert "SavedModel" in self.refused("tune", tmp_path, samples, tmp_path)

    def test_a_schedule_that_ends_after_the_training(
        self, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        told = self.refused("prune:0.5,end=1000,epochs=1", model, samples, tmp_path)
        assert "training takes" in told


class TestDepth:
    """Blocks that are left out."""

    def test_its_block_is_gone_and_all_other_weights_are_what_they_were(
        self, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        work, facts = made("depth:1,epochs=0", model, samples, tmp_path)
        assert work.facts["depth"]["left_out"] == ["project"]
        left = {layer.name for layer in work.model.layers}
        assert not left & {"plain", "plain_relu", "depth", "project"}
        assert not {op for op in facts.ops if "DEPTHWISE" in op}
        for name in ("stem", "classes"):
            theirs = model.get_layer(name).get_weights()
            for old, new in zip(theirs, work.model.get_layer(name).get_weights(), strict=True):
                np.testing.assert_array_equal(old, new)

    def test_the_whole_model_teaches_whatever_step_trains(
        self, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        """Not the one that has just lost a block, and does not know the answers any more."""
        made("depth:1,epochs=0+tune,distill=0.9" + SHORT, model, samples, tmp_path)
        (file,) = tmp_path.glob("*.teacher.npz")
        train, _ = samples.training()
        answers = model.predict(train.x[next(iter(train.x))], verbose=0)
        with np.load(file) as taught:
            agree = taught["train_0"].argmax(axis=1) == answers.argmax(axis=1)
        assert agree.all()

    def test_of_several_blocks_that_which_changes_least_goes_first(self, tmp_path: Path) -> None:
        keras.utils.set_random_seed(0)
        x = image = keras.Input((6, 6, 4))
        for name, size in (("strong", 1.0), ("weak", 1e-3), ("middle", 0.1)):
            drawn = keras.initializers.RandomNormal(stddev=size)
            y = keras.layers.Conv2D(4, 3, padding="same", kernel_initializer=drawn, name=name)(x)
            x = keras.layers.Add()([x, y])
        x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
        whole = keras.Model(image, x)
        x_train, y_train = noise(4)
        given = data.from_arrays("noise", {"x_train": x_train, "y_train": y_train})
        work, _ = made("depth:2,epochs=0", whole, given, tmp_path)
        assert work.facts["depth"]["left_out"] == ["weak", "middle"]
        work, _ = made("depth:1,epochs=0,layers=s*", whole, given, tmp_path)
        assert work.facts["depth"]["left_out"] == ["strong"]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("depth:2,epochs=0", "1 block that can be left out (project)"),
            ("depth:1,epochs=0,layers=stem", "stem"),
        ],
    )
    def test_what_cannot_be_left_out_is_told(
        self, text: str, told: str, model: Any, samples: data.Data, tmp_path: Path
    ) -> None:
        with pytest.raises(BuildError, match=re.escape(told)):
            made(text, model, samples, tmp_path)
