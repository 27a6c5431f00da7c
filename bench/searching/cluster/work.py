"""What a search is about, as parcels that travel, and opened again on a worker.

A model's file, a SavedModel, samples and a module of the user's own layers travel. A named model
and its own samples do not: they come with the project, which is the same on all workers.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench import cache, plugins, sources
from bench.data import loaders
from bench.errors import BenchError, DataError, ModelError
from bench.pipeline.prepare import Source
from bench.searching.cluster import parcels
from bench.searching.cluster.parcels import Parcel
from bench.searching.executor import LocalExecutor, samples_of, validation_data, validation_of
from bench.values import Model, Plan

SAME = "install the same version there"

DATA_FILE = "samples.npz"
"""What samples are called that a function returned."""


class WorkerError(BenchError):
    """One worker cannot be used: its disk, or what is installed there; others may be."""


@dataclass(frozen=True)
class Work:
    """A model, its samples and how it is built, without their contents.

    Attributes:
        model: as it is called on the machine that searches.
        data: how its samples are called there.
        data_sha256: of their content.
        model_parcel, data_parcel, modules_parcel: None where nothing travels.
        module_sha256: of a module of the user's that is installed and does not travel.
    """

    model: Model
    data: str
    data_sha256: str
    plan: Plan
    model_parcel: Parcel | None = None
    data_parcel: Parcel | None = None
    modules_parcel: Parcel | None = None
    module_sha256: str = ""

    @property
    def key(self) -> str:
        """Equal for equal work."""
        plan = [self.plan.seed, self.plan.signature]
        about = [self.model.sha256, self.data_sha256, *plan, *(p.sha256 for p in self.parcels)]
        return cache.key(about)

    @property
    def parcels(self) -> tuple[Parcel, ...]:
        """All that must have arrived where it is opened."""
        every = (self.model_parcel, self.data_parcel, self.modules_parcel)
        return tuple(parcel for parcel in every if parcel is not None)


def pack(source: Source, plan: Plan, scratch: Path) -> tuple[Work, dict[Parcel, Path]]:
    """The work of a search, and the file of each parcel.

    Args:
        scratch: a folder that lives as long as the search.

    Raises:
        DataError: a function returned other samples than before.
        StoreError: there is no room to pack what travels.
    """
    data = samples_of(source)
    work = Work(source.model, data.source, data.sha256, plan)
    files: dict[Parcel, Path] = {}
    if source.model.kind != "named":
        parcel, path = _pack(Path(source.model.source), scratch / "model.zip")
        work, files[parcel] = replace(work, model_parcel=parcel), path
    if source.data_source is not None:
        parcel, path = _pack(_samples(source.data_source, scratch), scratch / "data.zip")
        work, files[parcel] = replace(work, data_parcel=parcel), path
    if source.model.custom_objects is not None:
        root, modules = _modules(source.model.custom_objects)
        if root is None:
            return replace(work, module_sha256=cache.hash_files(modules)), files
        inside = {path.relative_to(root).as_posix(): path for path in modules}
        packed = scratch / "modules.zip"
        parcel = parcels.of_folder("modules", inside, packed)
        work, files[parcel] = replace(work, modules_parcel=parcel), packed
    return work, files


def open_here(work: Work, place: str) -> LocalExecutor:
    """What builds on this machine, of parcels that have arrived.

    Args:
        place: of training; see :class:`bench.build.Builds`.

    Raises:
        WorkerError: the model or the samples are others here than where they came from.
        ModelError, DataError: they cannot be used.
    """
    model = work.model
    if work.model_parcel is not None:
        model = replace(model, source=str(parcels.path_of(work.model_parcel)))
    elif model.custom_objects is None and sources.resolve(model.source).sha256 != model.sha256:
        raise WorkerError(f"the model {model.name} is another one there", hint=SAME)
    if work.module_sha256:
        name = str(model.custom_objects)
        if cache.hash_files(plugins.module_files(name, ModelError)) != work.module_sha256:
            raise WorkerError(f"the module {name} is another one there", hint=SAME)
    data_source = None if work.data_parcel is None else str(parcels.path_of(work.data_parcel))
    data = sources.load_data(model, data_source)
    if data is None or data.sha256 != work.data_sha256:
        raise WorkerError(f"the samples {work.data} are others there", hint=SAME)
    modules = None if work.modules_parcel is None else parcels.path_of(work.modules_parcel)
    source = Source(model, (), replace(data, source=work.data), data_source)
    chosen_on = validation_data(samples_of(source), validation_of(source))
    return LocalExecutor(source, chosen_on, work.plan, place=place, modules=modules)


def _pack(path: Path, packed: Path) -> tuple[Parcel, Path]:
    if not path.is_dir():
        return parcels.of_file(path), path
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    return parcels.of_folder(path.resolve().name, files, packed), packed


def _samples(data_source: str, scratch: Path) -> Path:
    """The file or folder that samples are in; what a function returns is saved to one."""
    path = Path(data_source)
    if path.exists():
        return path
    arrays: Mapping[str, Any] = loaders.find(data_source).arrays
    if any(array.dtype.kind not in "biuf" for array in arrays.values()):
        raise DataError(f"{data_source!r} returned no numbers", hint="return arrays of numbers")
    saved = scratch / DATA_FILE
    np.savez(saved, allow_pickle=False, **arrays)
    return saved


def _modules(name: str) -> tuple[Path | None, list[Path]]:
    """The folder that a module is imported from, and the files that travel with it.

    None where it is installed: then it must be installed on the workers, too.
    """
    files = plugins.module_files(name, ModelError)
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if any(folder in files[0].resolve().parents for folder in installed):
        return None, files
    top = name.partition(".")[0]
    (first, *_) = plugins.module_files(top, ModelError)
    if first.name == f"{top}.py":
        return first.parent, [first]
    whole = _package(first, top)
    return whole.parent, sorted(_python(whole))


def _package(file: Path, name: str) -> Path:
    """The folder of a package, of one of its files."""
    return next(folder for folder in file.parents if folder.name == name)


def _python(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*.py")
