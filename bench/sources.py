"""Find a model by name or file, and load it.

Finding needs no TensorFlow; loading does. A Keras file tells which Keras wrote it, and that one
reads it back, since neither reads the other's.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import cache, data, plugins
from bench.errors import BenchError, ModelError, root_of, telling_line
from bench.text import one_line
from bench.values import Model

SUFFIXES = {".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".tflite": "tflite", ".lite": "tflite"}
_FORMS = "a name from models/, a .keras, .h5 or .tflite file, or a SavedModel folder"


def resolve(text: str, custom_objects: str | None = None) -> Model:
    """The model of that name or path.

    Args:
        text: a name from models/, or the path of a file or folder.
        custom_objects: the module with the user's own layers and functions. It is found, not run.

    Raises:
        ModelError: no such model or module, or a file that is not what its suffix says.
    """
    if custom_objects is None:
        return _resolve(text)
    found = _resolve(text)
    files = plugins.module_files(custom_objects, ModelError)
    whole = cache.key({"model": found.sha256, "custom_objects": cache.hash_files(files)})
    return replace(found, sha256=whole, custom_objects=custom_objects)


def _resolve(text: str) -> Model:
    if text in plugins.names("models"):
        module = plugins.load("models", text)
        return Model(text, "named", text, cache.hash_files(module.FILES))
    path = Path(text)
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelError(f"{text} is a folder without saved_model.pb", hint=f"give {_FORMS}")
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return Model(one_line(path.resolve().name), "savedmodel", text, cache.hash_files(files))
    if not path.exists():
        looks_like_a_file = path.suffix or len(path.parts) > 1
        hint = f"give {_FORMS}"
        if not looks_like_a_file:
            hint = plugins.nearest(text, plugins.names("models"))
        raise ModelError(f"no model {text!r}", hint=hint)
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise ModelError(f"{text} has an unknown suffix {path.suffix!r}", hint=f"give {_FORMS}")
    try:
        _check_file(path, kind)
        return Model(one_line(path.stem), kind, text, cache.hash_files([path]))  # type: ignore[arg-type]  # SUFFIXES holds kinds
    except OSError as fault:
        raise ModelError(
            f"cannot read {text} ({fault.strerror})", hint="check its permissions"
        ) from fault


def from_memory(model: Any) -> Model:
    """A Keras 3 or tf_keras model that lives in this program, saved where a process can load it.

    Args:
        model: as built or trained; it is not changed. Reports call it by its own name.

    Raises:
        ModelError: it is no Keras model, has no weights yet, or cannot be saved.
    """
    hint = f"give {_FORMS}, or a Keras model"
    if keras_of_object(model) is None:
        raise ModelError(f"a {type(model).__name__} is no model", hint=hint)
    if not model.built:
        raise ModelError(
            f"the model {model.name} has no weights yet", hint="build or call it, and train it"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras about itself, which a user cannot mend
            digest = _hash_of_object(model)
            path = cache.folder("models") / f"{digest[:32]}.keras"
            if not path.is_file():
                saved = path.with_name(f"new-{uuid.uuid4().hex}.keras")
                model.save(saved)
                saved.replace(path)
    except BenchError:
        raise
    except Exception as fault:
        # Keras raises anything for a model it cannot save.
        raise ModelError(
            f"Keras cannot save the model {model.name} ({telling_line(root_of(fault))})",
            hint="save it yourself, and give the path",
        ) from fault
    return Model(model.name, "keras", str(path), digest)


def _hash_of_object(model: Any) -> str:
    """By what it computes: its layers and weights, and not how it was trained."""
    config = json.loads(model.to_json())
    config.pop("compile_config", None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for array in model.get_weights():
        digest.update(f"{array.dtype.str} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def keras_of_object(model: Any) -> str | None:
    """``keras`` or ``tf_keras``, whose model this is; None where it is neither's."""
    for kind in type(model).__mro__:
        top = kind.__module__.partition(".")[0]
        if kind.__name__ == "Model" and top in ("keras", "tf_keras"):
            return top
    return None


def own_data(model: Model) -> data.Data | None:
    """The samples that a named model brings along, None where it brings none."""
    if model.kind != "named":
        return None
    arrays = plugins.load("models", model.source).data()
    return None if arrays is None else data.from_arrays(f"{model.name}'s own sample", arrays)


def load_data(model: Model, source: str | None) -> data.Data | None:
    """The samples at ``source``, shaped by the model's ``adapt``, or else the model's own.

    Raises:
        DataError: as :func:`bench.data.load`.
    """
    if source is None:
        return own_data(model)
    if model.kind != "named":
        return data.load(source)
    module = plugins.load("models", model.source)
    shape = getattr(module, "PICTURE", None)
    adapt: data.Adapt = getattr(module, "adapt", lambda arrays: arrays)

    def read_and_adapt(arrays: Mapping[str, data.Array]) -> Mapping[str, data.Array]:
        # What adapts samples knows arrays; the paths of pictures are read for it first.
        return adapt(arrays if shape is None else data.read_pictures(arrays, shape))

    return data.load(source, read_and_adapt)


def load(model: Model) -> Any:
    """The Keras 3 or tf_keras model; of a SavedModel its path, since it can only be converted.

    Raises:
        ModelError: the file cannot be read, in Keras's own words.
    """
    if model.kind == "savedmodel":
        return Path(model.source)
    try:
        if model.kind == "named":
            return plugins.load("models", model.source).build()
        keras = _keras_of(model)
        if model.custom_objects is not None:
            own = plugins.load_objects(model.custom_objects, ModelError)
            keras.saving.get_custom_objects().update(own)
        return keras.models.load_model(model.source, compile=False)
    except ModelError:
        raise
    except Exception as fault:
        if model.kind != "named":
            _refuse_newer(model, fault)
        # Keras raises anything for a file it cannot read: TypeError, KeyError, OSError, ValueError.
        raise ModelError(
            f"Keras cannot load {model.source} ({telling_line(root_of(fault)).partition('. ')[0]})",
            hint="save it again; layers of your own are loaded by --custom-objects MODULE",
        ) from fault


def _refuse_newer(model: Model, fault: Exception) -> None:
    """Say so where the file is of a newer Keras than the installed one.

    Raises:
        ModelError: it is.
    """
    saved = _keras_version(Path(model.source), model.kind)
    keras = _keras_of(model)
    if _numbers(saved) > _numbers(keras.__version__):
        raise ModelError(
            f"{model.source} was saved by Keras {saved}, and Keras {keras.__version__} cannot load "
            f"it ({telling_line(root_of(fault)).partition('. ')[0]})",
            hint=f"pip install '{keras.__name__.replace('_', '-')}>={saved}', or save it with "
            f"Keras {keras.__version__}",
        ) from fault


def _numbers(version: str) -> tuple[int, ...]:
    """``3.15.1.dev0`` as (3, 15, 1)."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _keras_of(model: Model) -> Any:
    """The Keras that wrote the file: tf_keras for version 2, keras for 3."""
    version = _keras_version(Path(model.source), model.kind)
    if version.startswith("2"):
        import tf_keras

        return tf_keras
    import keras

    return keras


def _keras_version(path: Path, kind: str) -> str:
    if kind == "keras":
        with zipfile.ZipFile(path) as archive:
            metadata: Mapping[str, str] = json.loads(archive.read("metadata.json"))
        return metadata.get("keras_version", "3")
    import h5py

    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version", b"2")
        if "model_config" not in file.attrs:
            raise ModelError(
                f"{path} holds weights and no model", hint="save the whole model: model.save(PATH)"
            )
    return version.decode() if isinstance(version, bytes) else str(version)


def _check_file(path: Path, kind: str) -> None:
    """Hold the first bytes against the suffix, so that no loader is asked to read nonsense."""
    if path.stat().st_size == 0:
        raise ModelError(f"{path} is empty", hint="save or download the model again")
    if kind == "keras":
        if not zipfile.is_zipfile(path):
            raise ModelError(
                f"{path} is not a .keras file, or truncated", hint="save it again: model.save(PATH)"
            )
        with zipfile.ZipFile(path) as archive:
            missing = {"config.json", "metadata.json"} - set(archive.namelist())
        if missing:
            raise ModelError(
                f"{path} is a zip file without {min(missing)}",
                hint="save it with Keras: model.save(PATH)",
            )
    if kind == "h5" and not _starts_with(path, b"\x89HDF\r\n\x1a\n"):
        raise ModelError(f"{path} is not an HDF5 file", hint="save it again: model.save(PATH)")


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
