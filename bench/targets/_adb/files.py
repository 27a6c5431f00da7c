"""Bring files to the phone by content: a name there carries the sha256 of what is in it.

So a second run pushes nothing, a file that changed is pushed though its size is the same, and no
name from this machine (with its spaces, quotes and newlines) ever reaches a shell there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import StableLaunchError, TransientLaunchError
from bench.targets import Progress
from bench.targets._adb.reply import Answer, read
from bench.targets._adb.shell import Link, PushRefusedError

ROOT = "/data/local/tmp/tflite-bench"
CHECKS_AT_ONCE = 16  # old daemons take 4 KiB as one command
SHOWN_BYTES = 2**20
HASH_BYTES_PER_S = 50e6  # a slow phone's sha256sum, for the bound on its silence
EXECUTABLE = 0o755
READABLE = 0o644


@dataclass(frozen=True)
class Artefact:
    """A file of this machine and its name on the phone, under ``ROOT``."""

    source: Path
    sha256: str
    size_bytes: int
    name: str
    mode: int = READABLE

    @property
    def remote(self) -> str:
        """Its whole path on the phone."""
        return f"{ROOT}/{self.name}"


def by_content(
    source: Path, sha256: str, size_bytes: int, suffix: str, mode: int = READABLE
) -> Artefact:
    """The artefact of a file whose content is known; ``suffix`` is for people who look there."""
    return Artefact(source, sha256, size_bytes, f"files/{sha256}{suffix}", mode)


def scripts(folder: Path) -> list[Artefact]:
    """Our device scripts, side by side under one name made of all their content."""
    contents = {path: path.read_bytes() for path in sorted(folder.glob("*.sh"))}
    together = hashlib.sha256()
    for path, content in contents.items():
        together.update(path.name.encode() + b"\0" + content)
    home = f"scripts-{together.hexdigest()[:16]}"
    return [
        Artefact(path, hashlib.sha256(content).hexdigest(), len(content), f"{home}/{path.name}")
        for path, content in contents.items()
    ]


def missing(link: Link, wanted: Iterable[Artefact], progress: Progress) -> list[Artefact]:
    """Those that are not on the phone, or not with that content.

    Raises:
        StableLaunchError: class ``device_lost``.
    """
    unique = list({each.name: each for each in wanted}.values())
    absent = []
    for start in range(0, len(unique), CHECKS_AT_ONCE):
        batch = unique[start : start + CHECKS_AT_ONCE]
        stall_s = 15 + sum(each.size_bytes for each in batch) / HASH_BYTES_PER_S
        found = link.ask(_check(batch), progress, stall_s).values
        absent += [each for each in batch if not _same(each, found.get(each.name, ""))]
    return absent


def _check(batch: list[Artefact]) -> str:
    """A command that prints ``NAME=SHA256``, or ``NAME=size:N`` on a phone without sha256sum."""
    names = " ".join(each.name for each in batch)
    folders = " ".join(sorted({each.name.rpartition("/")[0] for each in batch}))
    return (
        f"umask 022; mkdir -p {ROOT} && cd {ROOT} && mkdir -p {folders} && "
        f"for f in {names}; do if [ -f $f ]; then "
        "echo $f=$(sha256sum $f 2>/dev/null || echo size:$(wc -c < $f)); fi; done; echo %end"
    )


def _same(wanted: Artefact, found: str) -> bool:
    word = found.partition(" ")[0]
    return word in (wanted.sha256, f"size:{wanted.size_bytes}")


def push(link: Link, wanted: Sequence[Artefact], token: str, progress: Progress) -> None:
    """Push files of one mode under passing names, check their content, then give them theirs.

    Args:
        token: of the harness; restore.sh removes what a broken push left behind.

    Raises:
        StableLaunchError: class ``disk_full`` or ``device_lost``, or a file here is gone.
        TransientLaunchError: class ``device_lost``: content arrived damaged.
    """
    passing = {f"{ROOT}/push-{token}-{number}": each for number, each in enumerate(wanted)}
    size_bytes = sum(each.size_bytes for each in wanted)
    if size_bytes > SHOWN_BYTES:
        progress(f"pushing {size_bytes / 1e6:.0f} MB to {link.shell.serial}")
    for each in wanted:
        if not each.source.is_file():
            raise StableLaunchError(
                f"{str(each.source)!r} is gone",
                hint="leave the files alone while they are measured, and run again",
                error_class="model_unreadable",
            )

    def act() -> Answer:
        sources = {remote: each.source for remote, each in passing.items()}
        link.shell.push(sources, wanted[0].mode)
        return read(link.shell.run(_take_over(passing), 15 + size_bytes / HASH_BYTES_PER_S))

    try:
        answer = link.patiently(act, progress)
    except PushRefusedError as fault:
        raise _refusal(link, size_bytes, token, str(fault), progress) from fault
    for number, each in enumerate(wanted):
        if answer.values.get(f"taken.{number}") != "1":
            raise TransientLaunchError(
                f"{each.source.name!r} arrived damaged on {link.shell.serial}",
                hint="try another cable or port; and leave the file alone while it is measured",
                error_class="device_lost",
            )


def _take_over(passing: Mapping[str, Artefact]) -> str:
    """A command that names each file that has the right content, and says ``taken.N=1``.

    Where the phone has no sha256sum, only its size is checked. Carried out twice, it finds the file
    under its name already.
    """
    parts = [
        "take() { f=$2; [ -f $2 ] || f=$3; "
        "s=$(sha256sum $f 2>/dev/null || echo size:$(wc -c < $f)); "
        "case ${s%% *} in $4|size:$5) [ $f = $3 ] || mv -f $f $3; echo taken.$1=1 ;; "
        "*) rm -f $2 ;; esac; }"
    ]
    for number, (remote, each) in enumerate(passing.items()):
        parts.append(f"take {number} {remote} {each.remote} {each.sha256} {each.size_bytes}")
    return "; ".join([*parts, "echo %end"])


def _refusal(
    link: Link, size_bytes: int, token: str, said: str, progress: Progress
) -> StableLaunchError:
    """The phone did not take a file: full, or not allowed. What arrived of it is removed."""
    serial = link.shell.serial
    link.ask(f"rm -f {ROOT}/push-{token}-*; echo %end", progress)
    if "o space" in said or "uota" in said:
        return StableLaunchError(
            f"{serial} is full: {size_bytes / 1e6:.1f} MB did not fit ({said})",
            hint="free some storage on the phone, or bench clean -t adb to remove what is ours",
            error_class="disk_full",
        )
    return StableLaunchError(
        f"{serial} did not take a file ({said})",
        hint=f"check that the shell may write to {ROOT.rpartition('/')[0]}",
        error_class="device_lost",
    )
