"""One harness at one phone: take it, run our scripts there, give it back as it was."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import plugins
from bench.errors import LaunchError, TargetError, TransientLaunchError
from bench.targets import Progress
from bench.targets._adb import files, lock
from bench.targets._adb.options import Options
from bench.targets._adb.probe import Phone, parse_probe
from bench.targets._adb.reply import Answer
from bench.targets._adb.shell import STALL_S, Link, Shell, quote
from bench.targets._adb.state import DeviceState, parse_state

BEAT_S = 5
LAUNCH_STALL_S = 4 * BEAT_S
RESTORE_WAIT_S = 5.0
LOCK_POLL_S = 1.0
SETTLE_STALL_S = 60.0

_log = logging.getLogger(__name__)


def quietly(_: str) -> None:
    """A progress that nobody watches."""


class DeviceSession:
    """Our scripts on a phone that we hold.

    Args:
        shell: the way to the phone.
        options: of the target.
    """

    def __init__(self, shell: Shell, options: Options) -> None:
        self.token = uuid.uuid4().hex[:12]
        self.closing = threading.Event()
        self.link = Link(shell, options.reconnect_s, self.closing)
        self._options = options
        self._folder = plugins.folder("device_scripts")
        self._scripts = files.scripts(self._folder)
        self._home = f"{files.ROOT}/{Path(self._scripts[0].name).parent}"
        self._held = False
        self._launches = 0
        self._forget = "-"
        self._said: set[str] = set()
        self.settings: dict[str, str] = {}

    @property
    def serial(self) -> str:
        """Of the phone."""
        return self.link.shell.serial

    @property
    def run_folder(self) -> str:
        """Of the last launch, on the phone; the next one removes it."""
        return self._folder_of(self._launches)

    @property
    def next_run_folder(self) -> str:
        """Of the next launch, which makes it."""
        return self._folder_of(self._launches + 1)

    def _folder_of(self, number: int) -> str:
        return f"{files.ROOT}/runs/{self.token}-{number}"

    def say(self, words: str) -> None:
        """A progress for when none is shown yet: tells each kind of wait once, as a warning."""
        kind = re.sub(r"[\d.]+", "", words)
        if kind not in self._said:
            self._said.add(kind)
            _log.warning(words)

    def _command(self, script: str, *words: object) -> str:
        """One of the scripts that were pushed."""
        return quote("sh", f"{self._home}/{script}", *words)

    def _inline(self, script: str, *words: object) -> str:
        """A script as text: it runs where nothing was pushed and nothing could be."""
        return quote("sh", "-c", files.as_text(self._folder / script), script, *words)

    def bring_scripts(self) -> None:
        """Push what the phone does not have yet. Raises LaunchError."""
        if missing := files.missing(self.link, self._scripts, self.say):
            files.push(self.link, missing, self.token, self.say)

    def take(self) -> None:
        """Take the phone for us alone, end what a dead harness left, and apply settings.

        Raises:
            TargetError: somebody else holds it, and did not give it back in time.
            LaunchError: the phone is gone or full.
        """
        self.bring_scripts()
        wanted = [name for name in ("stay_on", "fixed_performance") if getattr(self._options, name)]
        values = self._lock(lambda *words: self._command("settle.sh", *words, *wanted))
        if "full" in values:
            raise files.full(self.serial, "no room for a lock and a launch")
        self.settings = {
            key.partition(".")[2]: value
            for key, value in values.items()
            if key.startswith("setting.")
        }

    def _lock(self, command: Callable[..., str]) -> Mapping[str, str]:
        """Ask for the lock until it is ours, or the phone is too full for one: the last answer.

        Args:
            command: lock.sh, or a script that begins as it does, with these words.

        Raises:
            TargetError: somebody else holds it for too long, or our folder belongs to another user.
            LaunchError: the phone is gone.
        """
        us = lock.ourselves().line()
        deadline = time.monotonic() + self._options.lock_timeout_s
        takeover = "-"
        while True:
            whole = command(files.ROOT, self.token, us, takeover)
            values = self.link.ask(whole, self.say, SETTLE_STALL_S).values
            self._held = values.get("lock") == "ours"
            if "denied" in values:
                raise files.denied(self.serial, values)
            if self._held or "full" in values:
                return values
            current = values.get("lock", "-")
            holder = lock.read(values.get("holder", ""))
            age_s = float(values.get("age_s") or 0)
            if current not in ("-", takeover) and lock.is_dead(holder, age_s):
                takeover = current
                continue
            left_s = deadline - time.monotonic()
            busy = f"{self.serial} is in use by {holder or 'another harness'}"
            if left_s <= 0 or self.closing.is_set():
                raise TargetError(
                    f"{busy} (last sign {age_s:.0f} s ago)",
                    hint="wait until it is done, or let us wait: lock_timeout_s=600",
                )
            self.say(f"{busy}: waiting for it, {left_s:.0f} s left")
            self.closing.wait(min(LOCK_POLL_S, left_s))

    def probe(self, mask: str) -> Phone:
        """What the phone is; ``mask`` in hexadecimal or ``-``. Raises LaunchError."""
        answer = self.link.ask(self._command("probe.sh", files.ROOT, mask), self.say)
        return parse_probe(self.serial, answer.values)

    def look(self, full: bool, progress: Progress) -> DeviceState:
        """The state now; ``full`` with the screen and the timed work. Raises LaunchError."""
        parts = ("screen", "work") if full else ()
        beat = f"true > {files.ROOT}/lock/beat; "
        answer = self.link.ask(beat + self._command("state.sh", *parts), progress)
        return parse_state(answer.values, time.monotonic())

    def launch(
        self, command: Sequence[str], model: str, timeout_s: float, mask: str, libraries: str,
        look: bool, progress: Progress,
    ) -> Answer:  # fmt: skip
        """One launch's answer, see launch.sh; however often the cable is cut, it ran once.

        With ``look`` the answer holds the state after it.

        Raises:
            StableLaunchError: the phone did not come back.
            TransientLaunchError: the harness is leaving.
        """
        self._launches += 1
        name = f"{self.token}-{self._launches}"
        whole = self._command(
            "launch.sh", files.ROOT, self.token, name, self._forget, max(1, round(timeout_s)),
            BEAT_S, max(BEAT_S, round(self._options.reconnect_s)),
            "yes" if look else "no", mask, libraries, model, *command,
        )  # fmt: skip
        try:
            answer = self.link.ask(whole, progress, LAUNCH_STALL_S)
        except LaunchError:
            if self.closing.is_set():
                raise cancelled() from None
            raise
        if self.closing.is_set() and "exit" not in answer.values:
            raise cancelled()
        self._forget = name
        return answer

    def end_launches(self) -> None:
        """End what runs on the phone now, from any thread; best effort."""
        self.closing.set()
        if self._held:
            self._restore("keep")

    def give_back(self) -> None:
        """Undo everything and release the phone; what cannot be done now, the next start does."""
        self.closing.set()
        if self._held:
            self._held = False
            self._restore("release")

    def _restore(self, mode: str) -> None:
        link = Link(self.link.shell, RESTORE_WAIT_S, threading.Event())
        try:
            link.ask(self._inline("restore.sh", files.ROOT, self.token, mode), quietly, STALL_S)
        except LaunchError as fault:
            _log.warning(
                "%s keeps its changed settings until the next start (%s)", self.serial, fault
            )

    def remove_all(self) -> tuple[int, int]:
        """Take the phone, undo what a dead harness left, and remove our folder.

        Nothing is pushed for it, so that it works on a full phone too.

        Returns:
            How many files of ours there were, and how many bytes.

        Raises:
            TargetError: a harness is measuring there, or the folder belongs to another user.
            LaunchError: the phone is gone.
        """
        self._lock(lambda *words: self._inline("lock.sh", *words))
        if self._held:
            self._restore("keep")
        self._held = False  # the lock lies in the folder
        command = self._inline("clean.sh", files.ROOT, "all", self.token)
        values = self.link.ask(command, self.say, SETTLE_STALL_S).values
        if "refused" in values:
            raise TargetError(
                f"{self.serial} was not cleaned: {values['refused']}",
                hint="wait until it is done, then run the same command again",
            )
        if "left" in values:
            raise TargetError(
                f"{values['left']} files in {files.ROOT} on {self.serial} could not be removed",
                hint=files.AS_OWNER,
            )
        return int(values.get("removed", 0)), int(values.get("freed_kb", 0)) * 1000

    def keep_within_cap(self, used: Sequence[str]) -> None:
        """Remove longest unused files beyond the cap, none used now. Raises LaunchError."""
        ours = [name.partition("/")[2] for name in used if name.startswith("files/")]
        names = list(dict.fromkeys(ours))  # variants of equal content are one file
        # In 1,000 bytes, and no more than a phone's shell can count.
        cap_kb = min(self._options.cap_mb * 2**20 // 1000, 2**31 - 1)
        self.link.ask(self._command("clean.sh", files.ROOT, cap_kb, *names), quietly)


def cancelled() -> TransientLaunchError:
    """What a launch raises that was ended because the harness leaves."""
    return TransientLaunchError(
        "the launch was cancelled", hint="run the same command again", error_class="crash"
    )
