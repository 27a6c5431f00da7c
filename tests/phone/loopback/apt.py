"""A private view of Debian's archive: other suites than the host's, nothing on the host touched.

Signatures and hashes are checked by apt as ever. The one exception is said where it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .host import KEYRING, LoopbackError, run

# Clearing the hooks keeps this private apt from refreshing the host's own databases.
CONFIG = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/sources";
Dir::Etc::preferences "{root}/preferences";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
"""


def mirror() -> str:
    """The address of Debian's archive in this machine's own apt configuration."""
    for attempt in range(2):
        fields = "$(ORIGIN) $(COMPONENT) $(REPO_URI)"
        for line in run(["apt-get", "indextargets", "--format", fields]).splitlines():
            origin, component, uri = [*line.split(maxsplit=2), "", ""][:3]
            # Updates of security come from an archive of their own, which lacks the suites.
            if origin == "Debian" and component == "main" and "security" not in uri:
                return uri
        if attempt == 0:
            run(["apt-get", "update", "-qq"])  # a fresh machine has no lists to tell from
    raise LoopbackError("the loopback phone needs a Debian archive in this machine's apt sources")


class Archive:
    """Debian's archive as seen through a private folder: resolve, download, unpack."""

    def __init__(self, root: Path, suites: Sequence[str]) -> None:
        """Look at `suites`, the first preferred; the lists are fetched at once."""
        self._root = root
        self._config = root / "apt.conf"
        for folder in ("sources", "state/lists/partial", "cache/archives/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        self._config.write_text(CONFIG.format(root=root))
        pins = [
            f"Package: *\nPin: release n={suite}\nPin-Priority: {500 - 50 * rank}\n"
            for rank, suite in enumerate(suites)
        ]
        (root / "preferences").write_text("\n".join(pins))
        address = mirror()
        for suite in suites:
            self._add_source(address, suite)
        self._apt("update", "-qq", "--error-on=any")

    def _add_source(self, address: str, suite: str) -> None:
        lines = [
            # Sources are wanted of the first suite alone; an index more is ten megabytes more.
            "Types: deb deb-src" if suite == "forky" else "Types: deb",
            f"URIs: {address}",
            f"Suites: {suite}",
            "Components: main",
            f"Signed-By: {KEYRING}",
        ]
        if suite == "forky":
            # A mirror that is a snapshot serves an expired Release file for a suite in the making.
            # Only its age is forgiven, only here: signature and hashes are checked.
            lines.append("Check-Valid-Until: no")
        (self._root / "sources" / f"{suite}.sources").write_text("\n".join(lines) + "\n")

    def _apt(self, *args: str, cwd: Path | None = None) -> str:
        return run(["apt-get", "-c", self._config, *args], cwd=cwd)

    def resolve(self, packages: Sequence[str]) -> list[str]:
        """The file names of `packages` and all that they depend on, in an empty root."""
        # An empty folder of archives: what is downloaded already would not be listed.
        nowhere = f"Dir::Cache::archives={self._root}/none"
        output = self._apt("-o", nowhere, "install", "--print-uris", "-qq", "-y", *packages)
        return [line.split()[1] for line in output.splitlines() if line.startswith("'")]

    def download(self, packages: Sequence[str]) -> Path:
        """Fetch `packages` and all that they depend on; returns the folder they are in."""
        self._apt("install", "--download-only", "-qq", "-y", *packages)
        return self._root / "cache" / "archives"

    def download_source(self, name: str) -> Path:
        """Fetch the upstream tarball of a source package and return its path."""
        folder = self._root / "source"
        folder.mkdir(exist_ok=True)
        # The tarball alone: its hash is in the signed index, and mirrors may lack the .dsc.
        self._apt("source", "--download-only", "--tar-only", "-qq", name, cwd=folder)
        found = list(folder.glob("*.orig.tar.*"))
        if len(found) != 1:
            raise LoopbackError(f"no single upstream tarball of {name} in Debian's archive")
        return found[0]
