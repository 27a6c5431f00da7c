"""A phone: adbd and what it starts, in namespaces of their own, and the faults it can suffer."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from . import network, processes, rundir, shim
from .host import HERE, LoopbackError
from .image import Image, build
from .persona import Persona
from .processes import Process

DATA = "/data/local/tmp"
FILLER = f"{DATA}/.filler"
ANSWER_TIMEOUT_S = 10.0


class Phone:
    """One loopback phone; started by `start()` or `with`, reachable at `serial` alone."""

    def __init__(
        self,
        persona: str = "flagship",
        *,
        data_mb: int = 256,
        image: Image | None = None,
        shim: str | None = None,
    ) -> None:
        """Describe a phone: its persona, how much `/data/local/tmp` holds, its shell's ways."""
        self._persona_name = persona
        self._shim = shim
        self._data_mb = data_mb
        self._image = image
        self._run_dir: Path | None = None
        self._cable: network.Cable | None = None
        self._cable_index: int | None = None
        self._unshare: subprocess.Popen[str] | None = None
        self._init: Process | None = None
        self._persona: Persona | None = None

    # Life

    def start(self) -> Phone:
        """Start the phone and its adbd; raises LoopbackError and leaves nothing if it cannot."""
        if self._unshare is not None:
            raise LoopbackError("the phone runs already")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        if self._image is None:
            self._image = build()
        self._run_dir = rundir.new("phone")
        (self._run_dir / "root").mkdir()
        if self._shim is not None:
            shim.lay(self._shim, self._image.root / "system/bin", self._run_dir / "bin")
        with rundir.locked():  # until the cable is laid its number is free to others
            self._cable = network.free_cable()
            number = f"LOOPBACK{self._cable.number:04d}"
            self._persona = Persona(self._persona_name, self._run_dir, number)
            self._spawn(self._run_dir, self._image, self._cable)
            self._cable.lay(self.pid)
            self._cable_index = self._cable.index()
        self.start_adbd()

    def _spawn(self, run_dir: Path, image: Image, cable: network.Cable) -> None:
        own = ["--mount", "--pid", "--ipc", "--uts", "--net", "--fork", "--kill-child=KILL"]
        settings = [f"{self._data_mb}m", cable.phone_address, str(network.PORT)]
        setup = ["sh", str(HERE / "setup.sh"), str(image.root), str(run_dir), *settings]
        with (run_dir / "log").open("w") as log:
            self._unshare = subprocess.Popen(
                ["unshare", *own, *setup],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                start_new_session=True,  # a Ctrl-C is for the harness, which then stops the phone
            )
        rundir.record(run_dir, self._unshare.pid)
        answer = self._answer()
        born = processes.children(self._unshare.pid)
        if answer != "ready" or len(born) != 1:
            raise LoopbackError(f"the phone did not come up: {answer or self.log()}")
        self._init = born[0]

    def _answer(self) -> str:
        _, answers = self._pipes()
        if not select.select([answers], [], [], ANSWER_TIMEOUT_S)[0]:
            raise LoopbackError(f"the phone did not answer in {ANSWER_TIMEOUT_S} s: {self.log()}")
        return answers.readline().rstrip("\n")

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        unshare = self._unshare
        if unshare is None or unshare.stdin is None or unshare.stdout is None:
            raise LoopbackError("the phone does not run")
        return unshare.stdin, unshare.stdout

    def stop(self) -> None:
        """End all that runs in the phone and remove all that it had; a second call does nothing."""
        if self._cable is not None:
            with rundir.locked():
                self._cable.remove(self._cable_index)
                network.remove_guard_if_unused()
        if self._unshare is not None:
            if self._init is not None:
                self._init.kill()
            self._unshare.kill()
            self._unshare.wait()
            for pipe in self._pipes():
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._run_dir is not None:
            shutil.rmtree(self._run_dir)
            rundir.release()
        self._unshare = self._init = self._cable = self._run_dir = None
        self._cable_index = None

    def __enter__(self) -> Phone:
        """Start the phone unless it runs."""
        return self if self._unshare is not None else self.start()

    def __exit__(self, *raised: object) -> None:
        """Stop the phone."""
        self.stop()

    # Facts

    @property
    def serial(self) -> str:
        """The serial under which adb knows the phone: its address and port."""
        return f"{self._running_cable().phone_address}:{network.PORT}"

    @property
    def link(self) -> str:
        """The host's end of the phone's cable."""
        return self._running_cable().name

    @property
    def pid(self) -> int:
        """The host's id of the phone's process 1."""
        if self._init is None:
            raise LoopbackError("the phone does not run")
        return self._init.pid

    @property
    def persona(self) -> Persona:
        """What the phone says of itself, to be read and changed."""
        if self._persona is None:
            raise LoopbackError("the phone has not been started")
        return self._persona

    def _running_cable(self) -> network.Cable:
        if self._cable is None:
            raise LoopbackError("the phone does not run")
        return self._cable

    def processes(self) -> list[Process]:
        """What runs in the phone beside its process 1 and adbd."""
        adbd = self.adbd()
        system = {self.pid, adbd.pid if adbd else 0}
        return [p for p in processes.in_namespace_of(self.pid) if p.pid not in system]

    def path(self, path: str) -> Path:
        """The host's path of a file in the phone."""
        return Path(f"/proc/{self.pid}/root") / path.lstrip("/")

    def read(self, path: str) -> bytes:
        """The content of a file in the phone."""
        return self.path(path).read_bytes()

    def log(self) -> str:
        """What adbd and the phone's start said."""
        return "" if self._run_dir is None else (self._run_dir / "log").read_text(errors="replace")

    # adbd

    def adbd(self) -> Process | None:
        """The running adbd, None if there is none."""
        inside = processes.children(self.pid)
        return next((p for p in inside if p.name == "adbd" and p.alive()), None)

    def start_adbd(self) -> None:
        """Start adbd; when this returns it listens."""
        orders, _ = self._pipes()
        orders.write("s")
        orders.flush()
        answer = self._answer()
        if answer != "listening":
            raise LoopbackError(f"adbd was not started: {answer or self.log()}")

    def kill_adbd(self) -> None:
        """Crash adbd; what it had started is left to itself, as on a phone."""
        adbd = self.adbd()
        if adbd is not None:
            adbd.kill()

    def restart_adbd(self) -> None:
        """Kill adbd if it runs, and start it again."""
        self.kill_adbd()
        self.start_adbd()

    def hang(self) -> None:
        """Stop adbd where it is, so that it answers nothing and closes nothing."""
        self._signal_adbd("STOP")

    def resume(self) -> None:
        """Let a stopped adbd go on."""
        self._signal_adbd("CONT")

    def _signal_adbd(self, name: str) -> None:
        adbd = self.adbd()
        if adbd is None:
            raise LoopbackError("adbd does not run")
        adbd.kill(getattr(signal, f"SIG{name}"))

    def exposed(self) -> list[str]:
        """What could be reached at any other place than `serial`; empty where all is well."""
        adbd = self.adbd()
        if adbd is None:
            return []
        address, _, port = self.serial.partition(":")
        found = processes.listeners(adbd.pid) - {(address, int(port))}
        strange = [kind for kind in processes.sockets(adbd.pid).values() if kind == "?"]
        return [*(f"listens on {place}" for place in sorted(found)), *strange]

    # Other faults

    def unplug(self) -> None:
        """Pull the cable."""
        network.set_link(self.pid, up=False)

    def plug(self) -> None:
        """Put the cable back."""
        network.set_link(self.pid, up=True)

    def degrade(self, delay_ms: float = 0.0, loss_percent: float = 0.0, rate_kbit: int = 0) -> None:
        """Make the cable a bad one, each way; `degrade()` makes it good again.

        Delay and loss need a kernel with netem, LoopbackError says so; the rate works on any.
        """
        self._running_cable().degrade(self.pid, delay_ms, loss_percent, rate_kbit)

    def fill_disk(self, leave_bytes: int = 0) -> None:
        """Fill `/data/local/tmp` up to the last `leave_bytes`."""
        space = os.statvfs(self.path(DATA))
        with self.path(FILLER).open("wb") as filler:
            size = space.f_bavail * space.f_frsize - leave_bytes
            if size > 0:
                os.posix_fallocate(filler.fileno(), 0, size)

    def free_disk(self) -> None:
        """Take back what `fill_disk` did."""
        self.path(FILLER).unlink(missing_ok=True)


def start(
    count: int = 1,
    personas: Sequence[str] = ("flagship",),
    *,
    data_mb: int = 256,
    shim: str | None = None,
) -> list[Phone]:
    """Start `count` phones that take their personas in turn; all of them or none."""
    image = build()
    phones: list[Phone] = []
    try:
        for number in range(count):
            persona = personas[number % len(personas)]
            phone = Phone(persona, data_mb=data_mb, image=image, shim=shim)
            phones.append(phone.start())
    except BaseException:
        stop(phones)
        raise
    return phones


def stop(phones: Sequence[Phone]) -> None:
    """Stop every phone, even where one of them fails to."""
    with contextlib.ExitStack() as stack:
        for phone in phones:
            stack.callback(phone.stop)


@contextlib.contextmanager
def running(
    count: int = 1,
    personas: Sequence[str] = ("flagship",),
    *,
    data_mb: int = 256,
    shim: str | None = None,
) -> Iterator[list[Phone]]:
    """`start` and `stop` around a block."""
    phones = start(count, personas, data_mb=data_mb, shim=shim)
    try:
        yield phones
    finally:
        stop(phones)
