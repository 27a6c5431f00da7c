"""Run the tool on a phone: each call a process of its own, with its files brought back if gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.errors import LaunchError, StableLaunchError, TransientLaunchError
from bench.targets import Progress
from bench.targets._adb import files
from bench.targets._adb.command import NO_MASK
from bench.targets._adb.reply import Answer
from bench.targets._adb.session import DeviceSession


class Runner:
    """The tool of one session.

    Args:
        session: of the phone.
        target: its id, for messages.
        tool: as it is pushed.
        libraries: that it loads.
        timeout_s: bound on one process.

    Attributes:
        refused: files by name that the phone did not take, with its words.
    """

    def __init__(
        self,
        session: DeviceSession,
        target: str,
        tool: files.Artefact,
        libraries: Sequence[files.Artefact],
        timeout_s: float,
    ) -> None:
        self._session = session
        self._target = target
        self._tool = tool
        self._libraries = libraries
        self._timeout_s = timeout_s
        self._flags: frozenset[str] | None = None
        self.refused: dict[str, LaunchError] = {}

    def bring(self, wanted: Sequence[files.Artefact], progress: Progress) -> None:
        """Push what is not there yet; what the phone refuses fails its own launches only."""
        everything = list(dict.fromkeys([self._tool, *self._libraries, *wanted]))
        try:
            for each in files.missing(self._session.link, everything, progress):
                try:
                    files.push(self._session.link, [each], self._session.token, progress)
                except StableLaunchError as fault:
                    if fault.error_class == "device_lost":
                        raise
                    self.refused[each.name] = fault
            self._session.keep_within_cap([each.name for each in everything])
        except LaunchError:
            return  # gone or damaged: each launch looks again, and says so where it stays that way

    def flags(self, model: files.Artefact, progress: Progress) -> frozenset[str]:
        """Names of the flags that the tool's ``--help`` tells; empty where it tells none.

        Raises:
            LaunchError: as :meth:`run`.
        """
        if self._flags is None:
            asked = self.run(lambda: [self._tool.remote, "--help"], [model], progress)
            text = b"\n".join(asked.streams).decode(errors="replace")
            told = frozenset(re.findall(r"--(\w+)", text))
            self._flags = told if "graph" in told else frozenset()
        return self._flags

    def run(
        self,
        command: Callable[[], list[str]],
        pushed: Sequence[files.Artefact],
        progress: Progress,
        *,
        mask: str = NO_MASK,
        look: bool = False,
    ) -> Answer:
        """The answer of a process that began.

        Args:
            command: makes the tool's words for the next launch.
            pushed: the model first, then the files that it is fed.
            progress: told what is waited for.
            mask: of the CPUs that it is bound to.
            look: also read the phone's state after it.

        Raises:
            StableLaunchError: the phone is gone or full, refused a file, or was taken over.
            TransientLaunchError: its files vanish; or it was cancelled.
        """
        model, *fed = pushed
        libraries = str(Path(self._libraries[0].remote).parent) if self._libraries else "-"
        needed = {each.remote: each for each in (model, self._tool)}
        for _ in range(len(needed) + 1):
            for each in (*needed.values(), *fed):
                if each.name in self.refused:
                    raise self.refused[each.name]
            answer = self._session.launch(
                command(), model.remote, self._timeout_s, mask, libraries, look, progress
            )
            refused = answer.values.get("refused")
            if refused is None:
                return answer
            if refused == "lock":
                raise StableLaunchError(
                    f"another harness took {self._target} over",
                    hint="measure with one harness at a time, then run the same command again",
                    error_class="device_busy",
                )
            if refused == "room":
                raise files.full(self._session.serial, "no room for a launch")
            files.push(self._session.link, [needed[refused]], self._session.token, progress)
        raise TransientLaunchError(
            f"files vanish from {self._target} while we measure",
            hint="check the phone's storage",
            error_class="device_lost",
        )
