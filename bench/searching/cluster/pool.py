"""The workers of a Dask scheduler: who joined, who is refused and why, who is lent, who is gone."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.errors import BenchError, UsageError, telling_line
from bench.observers import Observer
from bench.searching.cluster import remote
from bench.text import count, duration

CONNECT_S = 5
"""A scheduler must answer within so long."""

JOIN_S = 15.0
"""So long is waited for the first worker to join."""

REJOIN_S = 300.0
"""So long is waited for another worker where the last one is gone."""

LOOK_S = 1.0
"""How often it is seen who joined and who is gone."""

EXTRA = "pip install 'tflite-bench[cluster]'"


class LostError(Exception):
    """The worker is gone."""


@dataclass(eq=False)
class Member:
    """One worker.

    Attributes:
        label: its name where it has one, else its address.
        refused: why it is not used; empty where it is.
    """

    address: str
    label: str
    ready: bool = False
    refused: str = ""
    lent: bool = False
    gone: threading.Event = field(default_factory=threading.Event)
    watchers: list[Callable[[], None]] = field(default_factory=list)


class Pool:
    """The workers of one scheduler; a context manager.

    Args:
        address: of the scheduler, ``tcp://HOST:PORT`` or ``tls://HOST:PORT``.
        observer: told who joins, is refused and goes.

    Attributes:
        client: Dask's.
    """

    def __init__(self, address: str, observer: Observer) -> None:
        self.address, self._observer = address, observer
        self.client: Any = None
        self._members: dict[str, Member] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._error: BenchError | None = None
        self._is_open = False
        self._on_error: list[Callable[[BenchError], None]] = []
        self._versions = remote.versions()

    def __enter__(self) -> Pool:
        self.client = _connect(self.address)
        try:
            self._check_scheduler()
            self._look()
            if not self._members:
                self._observer.inform(f"waiting for a worker to join {self.address}")
            threading.Thread(target=self._watch, daemon=True).start()
            self._wait_for_first()
            self._observer.inform(f"{count(self.ready, 'worker')} at {self.address}")
            self._is_open = True
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.client.close(timeout=CONNECT_S)

    def end(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have all workers give back what they hold, as long as they answer soon."""
        with self._changed:
            members = [one for one in self._members.values() if one.ready]
        threads = [
            threading.Thread(target=self._try, args=[one, function, *arguments], daemon=True)
            for one in members
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + CONNECT_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _try(self, member: Member, function: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(Exception):  # it gives it back by itself, later
            self.call(member, function, *arguments)

    @property
    def ready(self) -> int:
        """How many workers there are to be used."""
        with self._changed:
            return sum(one.ready for one in self._members.values())

    def on_error(self, told: Callable[[BenchError], None]) -> None:
        """Have it told that the scheduler is gone, from another thread."""
        self._on_error.append(told)

    def check(self) -> None:
        """See that the scheduler is there, and the search.

        Raises:
            UsageError: it is gone, or has ended.
        """
        if self._error is not None:
            raise self._error
        if self._closed.is_set():
            raise UsageError("the search has ended", hint="start it again")

    @contextmanager
    def lend(self, wait_s: float = REJOIN_S) -> Iterator[Member]:
        """A worker that nobody uses, as soon as there is one.

        Raises:
            UsageError: the scheduler is gone, or there is no worker and none joins.
        """
        member = self._take(wait_s)
        try:
            yield member
        finally:
            with self._changed:
                member.lent = False
                self._changed.notify_all()

    def call(self, member: Member, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a short function on a worker, besides its jobs.

        Raises:
            LostError: it is gone.
            BenchError: as the function says.
        """
        if member.gone.is_set():
            raise LostError
        try:
            found = self.client.run(function, *arguments, workers=[member.address])
        except OSError as fault:
            raise LostError from fault
        return found[member.address]

    def carry_out(self, member: Member, *arguments: Any) -> Any:
        """Have a worker do a job, as :func:`remote.carry_out`, and wait for it.

        Raises:
            LostError: it is gone.
            BenchError: as the function says.
        """
        from distributed import CancelledError, KilledWorker

        over = threading.Event()
        future = self.client.submit(
            remote.carry_out, *arguments, workers=[member.address], pure=False
        )
        future.add_done_callback(lambda _: over.set())
        member.watchers.append(over.set)
        try:
            if not member.gone.is_set():
                over.wait()
            if member.gone.is_set() or self._closed.is_set():
                raise LostError
            return future.result()
        except (CancelledError, KilledWorker, OSError) as fault:
            raise LostError from fault
        finally:
            member.watchers.remove(over.set)
            future.cancel()

    def set_aside(self, member: Member, why: str) -> None:
        """Use a worker no more."""
        with self._changed:
            member.ready, member.refused = False, why
            self._changed.notify_all()
        self._observer.warn(f"worker {member.label} is not used: {why}")

    # Who is there

    def _take(self, wait_s: float) -> Member:
        waited_from: float | None = None
        with self._changed:
            while True:
                self.check()
                ready = [one for one in self._members.values() if one.ready]
                free = [one for one in ready if not one.lent]
                if free:
                    free[0].lent = True
                    return free[0]
                if ready:
                    waited_from = None
                elif waited_from is None:
                    waited_from = time.monotonic()
                    self._observer.inform(f"waiting for a worker to join {self.address}")
                elif time.monotonic() - waited_from > wait_s:
                    raise UsageError(
                        f"no worker is left at {self.address}, and none joined in "
                        f"{duration(wait_s)}",
                        hint="start some; what was tried is kept, and the same command goes on",
                    )
                self._changed.wait(LOOK_S)

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            try:
                self._look()
            except Exception:  # whatever Dask says of a scheduler that does not answer
                if not self._closed.is_set():
                    self._fail()
                return

    def _fail(self) -> None:
        error = UsageError(
            f"the scheduler {self.address} is gone",
            hint="start it and its workers again; what was tried is kept, and the same command "
            "goes on",
        )
        with self._changed:
            self._error = error
            lost = list(self._members.values())
            self._changed.notify_all()
        for told in self._on_error:
            told(error)
        for one in lost:
            self._lose(one)

    def _lose(self, member: Member) -> None:
        member.ready = False
        member.gone.set()
        for over in list(member.watchers):
            over()

    def _look(self) -> None:
        """See who joined and who is gone."""
        about = self.client.sync(
            self.client.scheduler.identity, n_workers=-1, callback_timeout=2 * CONNECT_S
        )
        there = about["workers"]
        with self._changed:
            lost = [one for address, one in self._members.items() if address not in there]
            new = [address for address in there if address not in self._members]
            for one in lost:
                del self._members[one.address]
            for address in new:
                name = str(there[address].get("name", address))
                self._members[address] = Member(address, name)
            self._changed.notify_all()
        for one in lost:
            self._lose(one)
            if not self._closed.is_set():
                self._observer.warn(f"worker {one.label} is gone")
        for address in new:
            member = self._members[address]
            threading.Thread(target=self._check, args=[member], daemon=True).start()

    def _check(self, member: Member) -> None:
        """Hold a worker's versions against those here; it is used where they are equal."""
        why = self._differences(member)
        if why:
            self.set_aside(member, why)
            return
        with self._changed:
            member.ready = not member.gone.is_set()
            self._changed.notify_all()
        if self._is_open:
            self._observer.inform(f"worker {member.label} has joined")

    def _differences(self, member: Member) -> str:
        try:
            theirs = self.call(member, remote.versions)
        except LostError:
            return "it is gone"
        except Exception as fault:  # Dask tells in its own words what cannot be imported there
            return self._without_bench(member) or f"it fails ({telling_line(fault)})"
        return remote.why_other(self._versions, theirs)

    def _without_bench(self, member: Member) -> str:
        """What is wrong with tflite-bench on a worker; empty where it is installed as here."""
        try:
            theirs = self.call(member, importlib.metadata.version, "tflite-bench")
        except Exception:
            return "tflite-bench is not installed there"
        ours = self._versions["tflite-bench"]
        return (
            "" if theirs == ours.partition(" ")[0] else f"tflite-bench {theirs} there, {ours} here"
        )

    def _check_scheduler(self) -> None:
        """The scheduler reads jobs before it hands them on.

        Raises:
            UsageError: it cannot.
        """
        wanted = {name: self._versions[name] for name in ("Python", "tflite-bench", "distributed")}
        try:
            why = remote.why_other(wanted, self.client.run_on_scheduler(remote.versions))
        except (ImportError, AttributeError):
            why = "tflite-bench is not installed there, or another version"
        if why:
            raise UsageError(
                f"the scheduler {self.address} cannot be used: {why}",
                hint="install the same there",
            )

    def _wait_for_first(self) -> None:
        """Wait until all that have joined are known, and there is one to be used.

        Raises:
            UsageError: there is none.
        """
        end = time.monotonic() + JOIN_S
        with self._changed:
            while time.monotonic() < end:
                known = [one.ready or one.refused for one in self._members.values()]
                if known and all(known):
                    break
                self._changed.wait(LOOK_S)
            refused = [one for one in self._members.values() if one.refused]
            if any(one.ready for one in self._members.values()):
                return
        if refused:
            raise UsageError(
                f"no worker at {self.address} can be used: "
                + "; ".join(f"{one.label}: {one.refused}" for one in refused[:3]),
                hint="install the same on all machines",
            )
        raise UsageError(
            f"no worker has joined {self.address}",
            hint=f"start one on each machine: dask worker {self.address}",
        )


def _connect(address: str) -> Any:
    """Dask's client.

    Raises:
        UsageError: Dask is not installed, the address is none, or nobody answers there.
    """
    if not re.fullmatch(r"(tcp|tls)://\S+:\d+/?", address):
        raise UsageError(
            f"--cluster {address} is no scheduler's address",
            hint="write tcp://HOST:PORT or tls://HOST:PORT, as dask scheduler prints it",
        )
    try:
        import distributed
    except ImportError:
        raise UsageError("--cluster needs Dask, which is not installed", hint=EXTRA) from None
    # What matters of it is told in our own words; the rest would fall between progress bars.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    if address.startswith("tls://"):
        known = distributed.Security().get_connection_args("client")
        if known.get("ssl_context") is None:  # Dask would say so, and ten seconds later once more
            raise UsageError(
                f"no certificates are known for {address}",
                hint="name them in Dask's configuration: see docs/howto/cluster.md",
            )
    hint = "start it: dask scheduler, and give tcp:// or tls://HOST:PORT as it prints it"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as fault:
        raise UsageError(
            f"no scheduler answers at {address} ({telling_line(fault)})", hint=hint
        ) from fault
