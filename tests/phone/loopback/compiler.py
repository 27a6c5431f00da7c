"""What is compiled for the phone: its process 1, adbd's properties, stand-ins, the real tool.

All of it with the compiler of the suite that the phone comes from, run inside a root of its own,
so that the host needs none and its C library does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .host import HERE, LoopbackError, run

FAULTS = ("sleep", "noise", "hang", "crash")

# What is unpacked of the source package.
SOURCE_PARTS = ("tensorflow/lite", "tensorflow/core/util", "tensorflow/tsl", "third_party")
TOOL = "tensorflow/lite/tools/benchmark"
# A default that another file's definition may replace: it cannot stand in one unit with that.
ALONE = f"{TOOL}/register_custom_op.cc"
# As that folder's CMakeLists.txt has it, for a build without XNNPACK.
TOOL_FILES = HERE / "tool_files.txt"
# The tool's own code is outside what it times, so little optimisation is enough and builds faster.
TOOL_OPTIONS = (
    *("-std=c++17", "-O1", "-include", "cstdint"),
    *("-I/src", "-I/usr/include/gemmlowp", "-I/usr/include/eigen3"),
    "-DTFLITE_WITHOUT_XNNPACK",
)


def unpack_source(tarball: Path, root: Path) -> None:
    """Unpack what the tool needs of TensorFlow's source into `root`/src."""
    source = root / "src"
    source.mkdir()
    parts = [f"*/{part}" for part in SOURCE_PARTS]
    unpack = ["tar", "-xf", str(tarball), "-C", str(source), "--strip-components=1"]
    run([*unpack, "--wildcards", "--no-wildcards-match-slash", *parts])


def compile_small(root: Path, usr_lib: Path, host: Path) -> None:
    """Compile process 1 and the properties into `usr_lib`, the stand-in tools into `host`."""
    folder = root / "small"
    folder.mkdir()
    for source in (*(HERE / "native").iterdir(), HERE / "tools" / "fault_tool.c"):
        (folder / source.name).write_bytes(source.read_bytes())
    common = ["-O2", "-Wall", "-Wextra", "-Werror"]
    small = ["gcc", "-std=gnu11", *common, "-static", "-s"]
    _compiler(root, [*small, "-o", "/small/phone_init", "/small/phone_init.c"])
    shim = ["g++", "-std=c++17", *common, "-shared", "-fPIC", "-s"]
    _compiler(root, [*shim, "-o", "/small/properties.so", "/small/properties.cc"])
    for name in ("phone_init", "properties.so"):
        (folder / name).rename(usr_lib / name)
    for fault in FAULTS:
        output = f"fault_{fault}"
        define = f"-D{fault.upper()}"
        _compiler(root, [*small, define, "-o", f"/small/{output}", "/small/fault_tool.c"])
        (folder / output).rename(host / output)


def compile_tool(root: Path, host: Path) -> None:
    """Compile TensorFlow Lite's benchmark_model against the packaged library, into `host`."""
    (root / "objects").mkdir()

    def compile_unit(number: int, sources: list[str]) -> str:
        unit = root / "objects" / f"{number}.cc"
        unit.write_text("".join(f'#include "{source}"\n' for source in sources))
        target = f"/objects/{number}.o"
        _compiler(root, ["g++", *TOOL_OPTIONS, "-c", f"/objects/{number}.cc", "-o", target])
        return target

    # Nearly all the time goes into the same headers, so read them in two units, not in 26.
    tool = _tool_sources(root)
    units = [TOOL_FILES.read_text().split(), [name for name in tool if name != ALONE], [ALONE]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_unit, range(len(units)), units))
    link = ["g++", "-s", "-o", "/objects/benchmark_model", *objects, "-Wl,--as-needed"]
    _compiler(root, [*link, "-ltensorflow-lite", *_abseil(root), "-ldl", "-lpthread"])
    (root / "objects" / "benchmark_model").rename(host / "benchmark_model")


def _tool_sources(root: Path) -> list[str]:
    folder = root / "src" / TOOL
    found = [
        f"{TOOL}/{path.name}"
        for path in sorted(folder.glob("*.cc"))
        if not path.stem.endswith(("_test", "_plus_flex_main")) and "_performance" not in path.stem
    ]
    if not found:
        raise LoopbackError("the source package of TensorFlow holds no benchmark tool")
    return found


def _abseil(root: Path) -> Iterable[str]:
    libraries = (root / "usr" / "lib").glob("*-linux-gnu/libabsl_*.so")
    return sorted(f"-l{path.stem.removeprefix('lib')}" for path in libraries)


def _compiler(root: Path, argv: list[str]) -> None:
    run(["chroot", root, f"/usr/bin/{argv[0]}", *argv[1:]])
