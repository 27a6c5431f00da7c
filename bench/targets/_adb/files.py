"""Bring files to the phone by content: a name there carries the sha256 of what is in it.

So a second run pushes nothing, a file that changed is pushed though its size is the same, and no
name from this machine (with its spaces, quotes and newlines) ever reaches a shell there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import StableLaunchError, TargetError, TransientLaunchError
from bench.targets import Progress
from bench.targets._adb.reply import Answer, read
from bench.targets._adb.shell import Link, PushRefusedError

ROOT = "/data/local/tmp/tflite-bench"
CHECKS_AT_ONCE = 16  # old daemons take 4 KiB as one command
SHOWN_BYTES = 2**20
HASH_BYTES_PER_S = 50e6  # a slow phone's sha256sum, for the bound on its silence
EXECUTABLE = 0o755
AS_OWNER = "remove it as the user who made it: adb root, bench clean -t adb, adb unroot"
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


def as_text(script: Path) -> str:
    """A device script with all that it sources, without comments: short enough for one command."""
    lines = []
    for line in script.read_text().splitlines():
        if sourced := re.fullmatch(r'\. "\$here/(\w+\.sh)"', line.strip()):
            lines.append(as_text(script.with_name(sourced[1])))
        elif line.strip() and not line.lstrip().startswith("#"):
            lines.append(line.strip())
    return "\n".join(lines)


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


SUM = (
    "sum() { for c in sha256sum sha1sum; do "
    's=$($c $1 2>/dev/null) && { echo $c:${s%% *}; return; }; done; echo "size:$(wc -c < $1)"; }'
)
"""Prints what can be told of a file's content: Android 7 has no sha256sum, some have neither."""


def _check(batch: list[Artefact]) -> str:
    """A command that prints ``NAME=`` and its sum for each file that is there."""
    names = " ".join(each.name for each in batch)
    folders = " ".join(sorted({each.name.rpartition("/")[0] for each in batch}))
    return (
        f"{SUM}; umask 022; mkdir -p {ROOT} && cd {ROOT} && mkdir -p {folders} && "
        f"for f in {names}; do if [ -f $f ]; then echo $f=$(sum $f); fi; done; echo %end"
    )


def _same(wanted: Artefact, found: str) -> bool:
    kind, _, value = found.partition(":")
    if kind == "sha1sum":
        return value == _sha1(wanted)
    return found in (f"sha256sum:{wanted.sha256}", f"size:{wanted.size_bytes}")


def _sha1(wanted: Artefact) -> str:
    """Of the file here, ``-`` if it is not what it was when it was named."""
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    try:
        with wanted.source.open("rb") as file:
            while chunk := file.read(2**20):
                sha1.update(chunk)
                sha256.update(chunk)
    except OSError:
        return "-"
    return sha1.hexdigest() if sha256.hexdigest() == wanted.sha256 else "-"


def push(link: Link, wanted: Sequence[Artefact], token: str, progress: Progress) -> None:
    """Push files of one mode to temporary names, verify their SHA-256, and rename them.

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

    Carried out twice, it finds the file under its name already.
    """
    parts = [
        SUM,
        "take() { f=$2; [ -f $2 ] || f=$3; case $(sum $f) in sha256sum:$4|sha1sum:$5|size:$6) "
        "[ $f = $3 ] || mv -f $f $3; echo taken.$1=1 ;; *) rm -f $2 ;; esac; }",
    ]
    for number, (remote, each) in enumerate(passing.items()):
        sums = f"{each.sha256} {_sha1(each)} {each.size_bytes}"
        parts.append(f"take {number} {remote} {each.remote} {sums}")
    return "; ".join([*parts, "echo %end"])


def full(serial: str, what: str) -> StableLaunchError:
    """What a phone raises whose storage is full; ``what`` did not fit, in a few words."""
    return StableLaunchError(
        f"{serial} is full: {what}",
        hint="free some storage on the phone, or bench clean -t adb to remove what is ours",
        error_class="disk_full",
    )


def denied(serial: str, values: Mapping[str, str]) -> TargetError:
    """What a phone raises where our folder cannot be written; lock.sh tells whose it is."""
    owner, us = values.get("denied", "?").strip(), values.get("us", "the shell")
    if "no_folder" in values:
        return TargetError(
            f"{ROOT} on {serial} is no folder", hint=f"remove it: adb -s {serial} shell rm {ROOT}"
        )
    if owner in (us, ""):  # ours, or not there and not to be made
        return TargetError(
            f"{ROOT} on {serial} cannot be written",
            hint=f"check that the shell may write to {ROOT.rpartition('/')[0]}",
        )
    return TargetError(f"{ROOT} on {serial} belongs to {owner}, and adb is {us}", hint=AS_OWNER)


def _refusal(
    link: Link, size_bytes: int, token: str, said: str, progress: Progress
) -> StableLaunchError:
    """The phone did not take a file: full, or not allowed. What arrived of it is removed."""
    serial = link.shell.serial
    asked = (
        f"rm -f {ROOT}/push-{token}-*; echo denied=$(stat -c %U {ROOT} 2>/dev/null); "
        f"if [ -e {ROOT} ] && [ ! -d {ROOT} ]; then echo no_folder=1; fi; echo us=$(id -un)"
    )
    values = link.ask(f"{asked}; echo %end", progress).values
    if "o space" in said or "uota" in said:
        return full(serial, f"{size_bytes / 1e6:.1f} MB did not fit ({said})")
    fault = denied(serial, values)
    return StableLaunchError(
        f"{serial} did not take a file ({said}): {fault.message}",
        hint=fault.hint,
        error_class="device_lost",
    )
