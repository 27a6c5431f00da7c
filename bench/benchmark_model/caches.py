"""How benchmark_model is told to keep what a delegate has made ready, and where it cannot.

XNNPACK keeps packed weights in a file, GPU and NNAPI delegates keep compiled programs in a folder,
LiteRT 2's tool keeps what it has compiled for an NPU. Read from the sources of both tools:

* benchmark_model 2.14 and older have no flag for XNNPACK's file; newer ones heed it only where
  XNNPACK is asked for by name. LiteRT's tool heeds it also by default.
* ``--delegate_serialize_dir`` does nothing without a token, nor LiteRT's GPU folder without a key.

Whether a tool has a flag says its ``--help``; whether a cache was kept says the folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.benchmark_model.argv import Dialect

TOKEN = "model"
"""Of the model within its folder, which is the model's own."""


@dataclass(frozen=True)
class Cache:
    """What a delegate keeps.

    Attributes:
        label: in a few words.
        flags: names of flags, with their values below the cache's folder; none is the folder.
        tokens: names of flags that take a name of the model.
    """

    label: str
    flags: Mapping[str, str]
    tokens: tuple[str, ...] = ()

    def arguments(self, folder: str) -> tuple[str, ...]:
        """The tool's words for a folder on the device."""
        places = (f"--{flag}={folder}{file and '/' + file}" for flag, file in self.flags.items())
        return (*places, *(f"--{flag}={TOKEN}" for flag in self.tokens))

    def lacking(self, known: Collection[str]) -> str:
        """The first flag that a tool does not have, of whose flags these are known; else empty."""
        return next((flag for flag in (*self.flags, *self.tokens) if flag not in known), "")


_XNNPACK = Cache("XNNPACK's packed weights", {"xnnpack_weight_cache_file_path": "xnnpack"})
_PROGRAMS = Cache(
    "the delegate's compiled programs",
    {"delegate_serialize_dir": ""},
    ("delegate_serialize_token",),
)

_CACHES: Mapping[Dialect, Mapping[str | None, Cache]] = MappingProxyType(
    {
        "tflite": MappingProxyType({"xnnpack": _XNNPACK, "gpu": _PROGRAMS, "nnapi": _PROGRAMS}),
        "litert": MappingProxyType(
            {
                None: _XNNPACK,
                "xnnpack": _XNNPACK,
                "gpu": Cache(
                    "the GPU's compiled programs",
                    {"gpu_serialization_dir": ""},
                    ("gpu_model_cache_key",),
                ),
                "npu": Cache("what is compiled for the NPU", {"compiler_cache_path": ""}),
            }
        ),
    }
)


def cache_of(delegate: str | None, dialect: Dialect) -> Cache | None:
    """What that delegate keeps where that tool can be told to; None where nothing is kept."""
    return _CACHES[dialect].get(delegate)


def why_none(delegate: str | None) -> str:
    """Why there is no cache with that delegate, in a few words."""
    if delegate is None:
        return "the tool keeps a cache only for a delegate that is named"
    if delegate == "none":
        return "without a delegate nothing is kept from one start to the next"
    return f"the tool keeps no cache for {delegate}"
