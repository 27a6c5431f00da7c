"""The ``benchmark_model`` binary: where it comes from, whether it fits a phone, how to get it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from bench import cache
from bench.errors import TargetError
from bench.values import utc_now

VARIABLE = "TFLITE_BENCH_BENCHMARK_MODEL"
NAME = "benchmark_model"
TIMEOUT_S = 30.0
CHUNK_BYTES = 2**18

TFLITE = "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/lite"
LITERT = "https://storage.googleapis.com/litert/binaries"
TFLITE_VERSION = "tflite-nightly"
DEFAULT_VERSION = TFLITE_VERSION
TFLITE_FILES: Mapping[str, str] = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}
LITERT_FOLDERS: Mapping[str, str] = {"arm64-v8a": "android_arm64"}

ELF_OF_ABI: Mapping[str, tuple[str, int]] = {
    "arm64-v8a": ("EM_AARCH64", 64),
    "armeabi-v7a": ("EM_ARM", 32),
    "armeabi": ("EM_ARM", 32),
    "x86_64": ("EM_X86_64", 64),
    "x86": ("EM_386", 32),
    "riscv64": ("EM_RISCV", 64),
}


@dataclass(frozen=True)
class Tool:
    """A binary on this machine.

    Attributes:
        path: the file.
        sha256: of its bytes.
        size_bytes: its size.
        version: as it was fetched, None where nobody recorded one: the tool itself tells none.
        loader: the dynamic linker that its header asks for, None for a static one or a script.
    """

    path: Path
    sha256: str
    size_bytes: int
    version: str | None
    loader: str | None


def cache_folder() -> Path:
    """Where fetched tools are kept, by version and ABI."""
    return cache.folder(NAME)


def find(given: Path | None, abis: Sequence[str]) -> Tool:
    """The tool for a phone: as given, from the environment variable, or from the cache.

    Args:
        given: the user's path, or None.
        abis: what the phone runs, its favourite first.

    Raises:
        TargetError: there is none, or it does not fit the phone.
    """
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is not None:
        return inspect(named.expanduser(), abis)
    for abi in abis:
        cached = sorted(
            cache_folder().glob(f"*/{abi}/{NAME}"), key=lambda path: -path.stat().st_mtime
        )
        if cached:
            return inspect(cached[0], abis)
    raise TargetError(
        f"there is no {NAME} for {abis[0] if abis else 'this phone'}",
        hint=f"get one with bench doctor --fetch, or name one with --benchmark-model or {VARIABLE}",
    )


def inspect(path: Path, abis: Sequence[str]) -> Tool:
    """A file's facts, once its header was held against the phone's ABIs.

    A script (``#!``) passes: it may wrap the tool.

    Raises:
        TargetError: not there, not a program, or for another machine.
    """
    hint = "give the Android build of benchmark_model, such as bench doctor --fetch gets"
    try:
        content = path.read_bytes()
        if content[:2] == b"#!":
            loader = None
        else:
            with path.open("rb") as file:
                elf = ELFFile(file)
                _check_whole(elf, len(content), path, hint)
                loader = _check_elf(elf, path, abis, hint)
    except OSError as fault:
        raise TargetError(f"cannot read {str(path)!r} ({fault.strerror})", hint=hint) from fault
    except ELFError as fault:
        raise TargetError(f"{str(path)!r} is not a program ({fault})", hint=hint) from fault
    sha256 = hashlib.sha256(content).hexdigest()
    return Tool(path, sha256, len(content), _recorded_version(path, sha256), loader)


def _check_whole(elf: ELFFile, size_bytes: int, path: Path, hint: str) -> None:
    """A download that was cut still has its header, and would crash on the phone."""
    # The table of sections lies behind all else; a stripped program may have none.
    needed = elf.header["e_shoff"] + elf.header["e_shnum"] * elf.header["e_shentsize"]
    if size_bytes < needed:
        raise TargetError(
            f"{str(path)!r} is cut short: {needed - size_bytes} bytes lack", hint=hint
        )


def _check_elf(elf: ELFFile, path: Path, abis: Sequence[str], hint: str) -> str | None:
    found = (elf.header["e_machine"], elf.elfclass)
    fitting = [ELF_OF_ABI[abi] for abi in abis if abi in ELF_OF_ABI]
    if fitting and found not in fitting:
        name = next((abi for abi, kind in ELF_OF_ABI.items() if kind == found), str(found[0]))
        raise TargetError(
            f"{str(path)!r} is built for {name}, the phone runs {', '.join(abis)}", hint=hint
        )
    if elf.header["e_type"] not in ("ET_DYN", "ET_EXEC"):
        raise TargetError(f"{str(path)!r} is a part of a program, not one", hint=hint)
    for segment in elf.iter_segments("PT_INTERP"):
        return str(segment.get_interp_name())
    for segment in elf.iter_segments("PT_DYNAMIC"):
        if any(segment.iter_tags("DT_SONAME")):  # a program has no such name
            raise TargetError(
                f"{str(path)!r} is a library, not a program",
                hint=f"{hint}; what it loads is named with --set libraries=FILE,FILE",
            )
    return None


def _record_of(tool: Path) -> Path:
    return tool.with_name("record.json")


def _recorded_version(path: Path, sha256: str) -> str | None:
    """The version noted when it was fetched, if the file is still that one."""
    try:
        record = json.loads(_record_of(path).read_text())
        return str(record["version"]) if record["sha256"] == sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def address(abi: str, version: str = DEFAULT_VERSION) -> str:
    """Where a build is published.

    TensorFlow Lite: https://ai.google.dev/edge/litert/models/measurement (nightly, two ABIs);
    LiteRT: https://ai.google.dev/edge/litert/next/benchmark (one ABI, by release or ``latest``).

    Args:
        abi: of the phone.
        version: ``tflite-nightly``, ``litert-latest`` or ``litert-X.Y.Z``.

    Raises:
        TargetError: that version or ABI is not published.
    """
    known = f"{TFLITE_VERSION}, litert-latest or litert-X.Y.Z"
    if version == TFLITE_VERSION:
        table, base = TFLITE_FILES, f"{TFLITE}/tools/nightly/latest"
    elif version.startswith("litert-") and version[7:].replace(".", "").isalnum():
        table = {key: f"{folder}/{NAME}" for key, folder in LITERT_FOLDERS.items()}
        base = f"{LITERT}/{version[7:]}"
    else:
        raise TargetError(f"no {NAME} is published as {version!r}", hint=f"ask for {known}")
    if abi not in table:
        raise TargetError(
            f"no {NAME} is published for {abi} as {version}",
            hint=f"there is one for {', '.join(table)}; else build it and name it with "
            "--benchmark-model",
        )
    return f"{base}/{table[abi]}"


def fetch(abi: str, version: str, progress: Callable[[str], None]) -> Tool:
    """Download a published build into the cache, whole or not at all.

    Raises:
        TargetError: no network (the address is named), not published, or not a build for that ABI.
    """
    source = address(abi, version)
    folder = cache_folder() / version / abi
    target = folder / NAME
    hint = f"check the network, or download {source} elsewhere and name it with --benchmark-model"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            partial = Path(scratch) / NAME
            _download(source, partial, progress)
            partial.chmod(0o755)
            tool = inspect(partial, [abi])
            record = {
                "address": source,
                "version": version,
                "sha256": tool.sha256,
                "size_bytes": tool.size_bytes,
                "fetched_at": utc_now(),
            }
            note = Path(scratch) / "record.json"
            note.write_text(json.dumps(record, indent=2) + "\n")
            # The record is believed only where its sha256 is the tool's: any order is safe.
            note.replace(_record_of(target))
            partial.replace(target)
    except (urllib.error.URLError, OSError) as fault:
        reason = getattr(fault, "reason", None) or fault
        raise TargetError(f"cannot fetch {source} ({reason})", hint=hint) from fault
    return inspect(target, [abi])


def _download(source: str, target: Path, progress: Callable[[str], None]) -> None:
    with urllib.request.urlopen(source, timeout=TIMEOUT_S) as answer, target.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0)
        done = 0
        while chunk := answer.read(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            share = f" of {total / 1e6:.1f}" if total else ""
            progress(f"fetching {NAME}: {done / 1e6:.1f}{share} MB")
    if total and done != total:
        raise urllib.error.URLError(f"it broke off after {done} of {total} bytes")
