"""Build the phone's root and its tools from Debian's packages, once, outside the repository."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import compiler, host, rundir
from .apt import Archive
from .host import HERE, LoopbackError, run

# `toybox` is no longer in forky, and without forky all comes from trixie.
SUITES = ("forky", "trixie")
PHONE = ("adbd", "mksh", "toybox", "busybox-static")
LIBRARY = "libtensorflow-lite2.14.1"
COMPILER = ("g++", "libc6-dev")
TOOL_HEADERS = (
    *("libtensorflow-lite-dev", "libabsl-dev", "libflatbuffers-dev", "libeigen3-dev"),
    *("libruy-dev", "libfarmhash-dev", "libcpuinfo-dev", "libgemmlowp-dev", "libfft2d-dev"),
    "libpthreadpool-dev",
)

# What a change of must build the image anew.
RECIPE = (
    *("image.py", "compiler.py", "apt.py"),
    *("android_commands.txt", "tool_files.txt", "native", "tools"),
)
SCRIPTS = HERE / "system_bin"
USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/games")
KEPT = 3  # branches of one checkout take turns at the cache
RETRY_TOOL_AFTER_S = 24 * 3600

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """A built phone root, and the tools a harness pushes to the phone."""

    folder: Path
    tool_reason: str | None
    """Why there is no real benchmark_model; None where there is one."""

    @property
    def root(self) -> Path:
        """The phone's root folder; never written to once built."""
        return self.folder / "root"

    @property
    def benchmark_model(self) -> Path | None:
        """The real tool, for this machine's ABI; it runs on the phone, not on the host."""
        return None if self.tool_reason else self.folder / "host" / "benchmark_model"

    def fault_tool(self, behaviour: str) -> Path:
        """A stand-in that measures nothing: `sleep`, `noise`, `hang` or `crash`."""
        if behaviour not in compiler.FAULTS:
            raise LoopbackError(f"no fault {behaviour!r}; there are {', '.join(compiler.FAULTS)}")
        return self.folder / "host" / f"fault_{behaviour}"


def build(progress: Progress = lambda _: None, *, again: bool = False) -> Image:
    """The image of this recipe: the cached one, or built now (a minute or two)."""
    host.require()
    folder = host.cache_dir() / "images" / recipe_key()
    folder.parent.mkdir(exist_ok=True)
    image = _load(folder)
    if image is not None and not again:
        return image
    with _locked(folder.parent / "lock", progress):
        image = None if again else _load(folder)  # another build may have made it meanwhile
        if image is None:
            _remove_leftovers(folder.parent)
            image = _build_into(folder, progress)
            _remove_old(folder.parent)
    return image


def recipe_key() -> str:
    """A hash over every file that decides what is in the image."""
    digest = hashlib.sha256(host.abi().encode())
    paths = [HERE / name for name in RECIPE]
    files = [file for path in paths for file in ([path] if path.is_file() else path.iterdir())]
    for file in sorted([*files, *SCRIPTS.iterdir()]):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _load(folder: Path) -> Image | None:
    try:
        facts = json.loads((folder / "image.json").read_text())
        os.utime(folder / "image.json")  # it was of use: `_remove_old` takes others first
    except FileNotFoundError:
        return None
    image = Image(folder, facts["tool_reason"])
    if image.tool_reason and time.time() - facts["built"] > RETRY_TOOL_AFTER_S:
        return None
    return image


@contextlib.contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another build is at work, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_leftovers(images: Path) -> None:
    """Under the lock: what a build that was killed left behind."""
    for path in images.glob("building-*"):
        shutil.rmtree(path, ignore_errors=True)


def _remove_old(images: Path) -> None:
    """Under the lock: all but the images used last, unless a phone may be running from one."""
    if rundir.owners():
        return
    used = sorted(images.glob("*/image.json"), key=lambda path: path.stat().st_mtime)
    for path in used[:-KEPT]:
        shutil.rmtree(path.parent, ignore_errors=True)


def _build_into(folder: Path, progress: Progress) -> Image:
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent) as name:
        work = Path(name)
        try:
            _make(work / "full", SUITES, with_tool=True, progress=progress)
            made, reason = work / "full" / "image", None
        except LoopbackError as error:
            # Anything may be gone from a suite in the making; the phone itself needs none of it.
            reason = f"no benchmark_model could be built: {error}"
            progress(f"{reason}\nthe phone is built without it, from {SUITES[-1]} alone")
            _make(work / "bare", SUITES[-1:], with_tool=False, progress=progress)
            made = work / "bare" / "image"
        facts = {"tool_reason": reason, "built": time.time()}
        (made / "image.json").write_text(json.dumps(facts))
        if folder.exists():
            # Phones that run from the old one keep its files through their mounts.
            folder.rename(work / "old")
        made.rename(folder)
    return Image(folder, reason)


def _make(work: Path, suites: tuple[str, ...], *, with_tool: bool, progress: Progress) -> None:
    """Make `work`/image: root/ for the phone, host/ for the tools."""
    progress(f"reading the package lists of {' and '.join(suites)}")
    work.mkdir()
    archive = Archive(work / "apt", suites)
    phone = [*PHONE, *([LIBRARY] if with_tool else [])]
    develop = [*phone, *COMPILER, *(TOOL_HEADERS if with_tool else [])]
    root, toolchain, tools = work / "image/root", work / "toolchain", work / "image/host"
    tools.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        wanted = set(archive.resolve(phone))
        progress("downloading packages" + (" and TensorFlow's source" if with_tool else ""))
        source = pool.submit(archive.download_source, "tensorflow") if with_tool else None
        archives = archive.download(develop)
        progress("unpacking")
        everything = sorted(archives.glob("*.deb"))
        unpacked = pool.submit(_unpack, everything, toolchain)
        _unpack([path for path in everything if path.name in wanted], root)
        unpacked.result()
        (toolchain / "dev").mkdir()
        os.mknod(toolchain / "dev/null", 0o20666, os.makedev(1, 3))
        (toolchain / "tmp").mkdir()
        _furnish(root)
        small = pool.submit(compiler.compile_small, toolchain, root / "usr/lib/loopback", tools)
        if source is not None:
            compiler.unpack_source(source.result(), toolchain)
            progress("compiling benchmark_model")
            compiler.compile_tool(toolchain, tools)
        small.result()


def _unpack(archives: list[Path], root: Path) -> None:
    """Unpack packages with no maintainer script run: files are all that a phone needs."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: run(["dpkg-deb", "-x", path, root]), archives))


def _furnish(root: Path) -> None:
    """Make a Debian root look like a phone's: /system/bin, its commands, its users."""
    for useless in USELESS:
        shutil.rmtree(root / useless, ignore_errors=True)
    mount_points = ("dev", "proc", "sys", "persona", "data/local/tmp", "usr/lib/loopback")
    for name in (*mount_points, "system/bin", "sdcard", "product/bin", "vendor/bin", "etc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    system = root / "system/bin"
    shutil.copy2((root / "usr/bin/mksh").resolve(), system / "sh")
    (root / "usr/bin/sh").symlink_to("/system/bin/sh")  # adbd starts /bin/sh
    shutil.copy2(root / "usr/bin/toybox", system / "toybox")
    listed, _, extra = (HERE / "android_commands.txt").read_text().partition("-- ")
    for command in listed.split():
        (system / command).symlink_to("toybox")
    for command in extra.split("\n", 1)[1].split():
        (system / command).symlink_to("/usr/bin/busybox")
    for script in SCRIPTS.iterdir():
        shutil.copy2(script, system / script.name)
        (system / script.name).chmod(0o755)
    shell = "2000:2000::/data/local/tmp:/system/bin/sh"
    (root / "etc/passwd").write_text(f"root:x:0:0::/:/system/bin/sh\nshell:x:{shell}\n")
    groups = {"root": 0, "input": 1004, "log": 1007, "adb": 1011, "sdcard_rw": 1015}
    groups |= {"shell": 2000, "inet": 3003, "readproc": 3009}
    (root / "etc/group").write_text("".join(f"{name}:x:{n}:\n" for name, n in groups.items()))
