"""Write tiny models with unusual inputs, and samples for them: ``make_input_models.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 24


def main(folder: Path) -> None:
    """Write all models and samples."""
    import keras
    import tensorflow as tf
    from keras import layers

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = {f"y_{part}": rng.integers(0, 3, COUNT) for part in ("train", "test")}

    def save(name: str, given: Any, x: Any, **samples: Any) -> None:
        keras.Model(given, layers.Dense(3, activation="softmax")(x)).save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", **samples, **labels)

    def pictures(*shape: int) -> dict[str, Any]:
        drawn = {part: rng.integers(0, 256, (COUNT, *shape)) for part in ("train", "test")}
        return {f"x_{part}": values.astype(np.uint8) for part, values in drawn.items()}

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu")(layers.Rescaling(1 / 255.0)(image))
    save("bytes", image, layers.GlobalAveragePooling2D()(x), **pictures(16, 16, 3))

    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    scaled = {key: (values / 255.0) for key, values in pictures(32, 24, 3).items()}  # float64
    save("any_size", image, layers.GlobalAveragePooling2D()(x), **scaled)

    tokens = keras.Input((10,), name="tokens", dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(tokens))
    words = {f"x_{part}": rng.integers(0, 20, (COUNT, 10)) for part in ("train", "test")}  # int64
    save("tokens", tokens, x, **words)

    class Two(tf.Module):  # type: ignore[misc]  # TensorFlow ships no types
        """Two functions, neither of them the default."""

        @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32, name="x")])
        def encode(self, x: Any) -> Any:
            return {"code": tf.tanh(x)}

        @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="code")])
        def decode(self, code: Any) -> Any:
            return {"x": code * 2.0}

    two = Two()
    signatures = {"encode": two.encode, "decode": two.decode}
    tf.saved_model.save(two, str(folder / "two"), signatures=signatures)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
