"""What the loopback phone needs of the machine it runs on: root, a few commands, a cache."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent

# Debian's name of the machine, and Android's: the phone's ABI is the truth, so that tools run.
ABIS = {"x86_64": "x86_64", "aarch64": "arm64-v8a"}

# Each command, and the package that carries it.
COMMANDS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "ip": "iproute2",
    "tc": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "tar": "tar",
    "xz": "xz-utils",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class LoopbackError(Exception):
    """The loopback phone cannot do what was asked; the message names the cause and the cure."""


def abi() -> str:
    """Android's name for this machine's ABI."""
    try:
        return ABIS[platform.machine()]
    except KeyError:
        raise LoopbackError(
            f"the loopback phone runs on {' or '.join(ABIS)}, this machine is {platform.machine()}"
        ) from None


def obstacle() -> str | None:
    """Why this machine can have no loopback phone at all, in one line; None where it can."""
    if platform.system() != "Linux":
        return "the loopback phone needs Linux"
    if platform.machine() not in ABIS:
        return f"the loopback phone needs {' or '.join(ABIS)}, not {platform.machine()}"
    if os.geteuid() != 0:
        return "the loopback phone needs root: network namespaces, mounts and another user's id"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "the loopback phone is made from Debian's packages: needs apt-get and dpkg-deb"
    return None


def require() -> None:
    """Make sure of root and of every command, installing what is missing."""
    reason = obstacle()
    if reason is not None:
        raise LoopbackError(reason)
    missing = sorted({pkg for name, pkg in COMMANDS.items() if shutil.which(name) is None})
    if not KEYRING.exists():
        missing.append("debian-archive-keyring")
    if not missing:
        return
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing])


def cache_dir() -> Path:
    """The folder, outside the repository, that holds the image and what runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "tflite-bench" / "loopback"
    path.mkdir(parents=True, exist_ok=True)
    return path


def run(argv: Sequence[str | Path], *, stdin: str = "", cwd: Path | None = None) -> str:
    """Run a command to its end and return its standard output; LoopbackError if it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [str(arg) for arg in argv],
            input=stdin,
            cwd=cwd,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            check=False,
        )
    except FileNotFoundError:
        raise LoopbackError(f"{argv[0]}: no such command on this machine") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-12:]
        command = " ".join(str(arg) for arg in argv)
        raise LoopbackError(f"`{command[:200]}` failed ({done.returncode}):\n" + "\n".join(words))
    return done.stdout
