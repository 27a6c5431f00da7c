"""Folders on the phone for what a delegate keeps, and the evidence that it was kept and used.

A pair of launches has a folder of its own among those of launches, so that whatever ends a broken
session removes it too. After the first launch the files in it get an old date: where the second
one writes a file anew, its date (or its size) tells that the cache was not used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from bench.benchmark_model import ToolRun
from bench.benchmark_model.caches import Cache
from bench.errors import StableLaunchError
from bench.targets import Progress, _start_pairs
from bench.targets._adb import files
from bench.targets._adb.session import DeviceSession
from bench.targets._start_pairs import Kept
from bench.values import StartPair

OLD = "200001010000"
NAME_ONE = "name one that keeps a cache: --delegate xnnpack or gpu"


def why_not(cache: Cache, known: Collection[str]) -> tuple[str, str]:
    """Why a tool with these flags keeps no such cache, and a hint; both empty where it may.

    A tool that has no help is tried: one that ignores a flag says so.
    """
    lacking = cache.lacking(known)
    if not lacking or not known:
        return "", ""
    return (
        f"this benchmark_model has no --{lacking} (its --help was asked), so it keeps nothing of "
        f"{cache.label}",
        "give a newer tool: bench doctor --fetch",
    )


def measure(
    session: DeviceSession,
    cache: Cache,
    pair: StartPair,
    init_us: Callable[[str], float],
    progress: Progress,
) -> StartPair:
    """Launch twice with one folder, and see that the second launch took what the first kept.

    Args:
        session: of the phone.
        cache: what is kept.
        pair: without figures.
        init_us: launches with that folder, and tells how long initialisation took.
        progress: told what is waited for.

    Raises:
        LaunchError: as a launch; nothing was kept, or not used.
    """
    with folder_for(session, progress) as folder:
        return _start_pairs.measure(
            pair,
            cache.label,
            lambda: init_us(folder),
            lambda first: list_kept(session, folder, progress, age=first),
            nothing_kept="this tool or delegate keeps nothing of this model: try another",
            not_used="this tool or delegate does not use its cache for this model: try another",
        )


def init_us(run: ToolRun) -> float:
    """How long initialisation took. Raises StableLaunchError: the tool does not say."""
    if run.init_us is None:
        raise StableLaunchError(
            "the tool does not print how long initialisation takes",
            hint="give another benchmark_model: bench doctor --fetch",
            error_class="no_result",
        )
    return run.init_us


@contextmanager
def folder_for(session: DeviceSession, progress: Progress) -> Iterator[str]:
    """An empty folder on the phone, removed in the end. Raises StableLaunchError: no room."""
    folder = f"{session.next_run_folder}-cache"
    made = f"umask 022; rm -rf {folder}; mkdir -p {folder} && echo made=1; echo %end"
    if "made" not in session.link.ask(made, progress).values:
        raise files.full(session.serial, "no room for a cache")
    try:
        yield folder
    finally:
        if not session.closing.is_set():
            session.link.ask(f"rm -rf {folder}; echo %end", session.say)


def list_kept(
    session: DeviceSession, folder: str, progress: Progress, *, age: bool = False
) -> Kept:
    """What lies in the folder.

    Args:
        session: of the phone.
        folder: of a cache.
        progress: told what is waited for.
        age: first give all files an old date.
    """
    touch = f"touch -t {OLD} $f; " if age else ""
    command = (
        f"cd {folder} && n=0 && for f in $(find . -type f); do {touch}"
        "n=$((n + 1)); echo kept.$n=$(stat -c '%s %Y' $f) $f; done; echo %end"
    )
    values = session.link.ask(command, progress).values
    lines = [text.split(" ", 2) for key, text in values.items() if key.startswith("kept.")]
    return {line[2]: f"{line[0]} {line[1]}" for line in lines if len(line) == 3 and line[0] != "0"}
