"""Report files: JSON lines, appended and flushed one by one, so that nothing measured is lost.

The first line is the session; after it come environments, failures, accuracies, launches, starts
and answers as they happen, of a search what it tried, and an end line when all is done. A file
without an end line can be continued by the same command. A torn last line (the process was killed
while it wrote) is cut off; any other line that cannot be read is refused, with its number: each
field must be of its type and within its range.

What the schemas are, and how older ones are read, is in ``bench.records.schemas``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import cache
from bench.errors import StoreError
from bench.metrics.values import Accuracy, DeviceAnswers
from bench.records import checks, encoding, schemas
from bench.records.appended import INSTEAD, AppendedFile, free
from bench.records.schemas import SCHEMA
from bench.records.search import Search
from bench.values import (
    Environment,
    Failure,
    Launch,
    Model,
    Plan,
    ReportWarning,
    StartPair,
    Variant,
)
from bench.writable import writing


@dataclass(frozen=True)
class Session:
    """The first line: what was asked, and of what.

    Attributes:
        command: as the user typed it, without the program's name.
        targets: ids.
        variants: those that could be built, the baseline first.
        data: source and SHA-256 of the samples; empty without any.
        warnings: what was noticed before anything was measured.
        version: of this tool.
    """

    model: Model
    plan: Plan
    variants: tuple[Variant, ...]
    targets: tuple[str, ...]
    data: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[ReportWarning, ...] = ()
    command: tuple[str, ...] = ()
    version: str = ""
    started_at: str = ""

    @property
    def key(self) -> str:
        """Equal for sessions of which one may continue the other."""
        return cache.key(
            {
                "model": self.model.sha256,
                "plan": asdict(self.plan),
                "variants": [_identity(variant) for variant in self.variants],
                "targets": self.targets,
                "data": self.data.get("sha256"),
                # Left out where none was asked for: files of older versions have no such thing.
                **({"metrics": self.data["metrics"]} if "metrics" in self.data else {}),
            }
        )


def _identity(variant: Variant) -> dict[str, Any]:
    """What must be equal for launches of a variant to be continued."""
    return {
        "name": variant.name,
        "sha256": variant.sha256,
        "signature": variant.signature,
        "inputs": [asdict(each) for each in variant.inputs],
    }


@dataclass(frozen=True)
class End:
    """The last line: all cells were tried.

    Attributes:
        wall_s: of the measuring, in the sitting that finished it.
        launches_s: of it, time inside launches, and while devices were asked for answers; the mean
            over targets.
    """

    wall_s: float
    launches_s: float


@dataclass(frozen=True)
class Records:
    """A whole report file; ``search`` is what made it, where a search did."""

    path: Path
    session: Session
    environments: tuple[Environment, ...] = ()
    launches: tuple[Launch, ...] = ()
    failures: tuple[Failure, ...] = ()
    accuracies: tuple[Accuracy, ...] = ()
    answers: tuple[DeviceAnswers, ...] = ()
    starts: tuple[StartPair, ...] = ()
    end: End | None = None
    search: Search | None = None

    def launches_of(self, target: str, variant: str) -> list[Launch]:
        """The launches of one variant on one target, in the order they were made."""
        return [item for item in self.launches if (item.target, item.variant) == (target, variant)]

    def starts_of(self, target: str, variant: str) -> list[StartPair]:
        """Cold and warm starts of one variant on one target."""
        return [item for item in self.starts if (item.target, item.variant) == (target, variant)]


Record = (
    Session | Environment | Launch | Failure | Accuracy | DeviceAnswers | StartPair | Search | End
)
"""What one line holds."""

_KINDS: Mapping[str, type[Any]] = {
    "session": Session,
    "environment": Environment,
    "launch": Launch,
    "failure": Failure,
    "accuracy": Accuracy,
    "answers": DeviceAnswers,
    "start": StartPair,
    "search": Search,
    "end": End,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_START = b'{"record":"session"'


def read(path: Path | str) -> Records:
    """Read a report file.

    Raises:
        StoreError: missing, not one of ours, a newer schema, or a line that cannot be read.
    """
    path = Path(path)
    values: dict[type[Any], list[Any]] = {kind: [] for kind in _KINDS.values()}
    for value in _values(path):
        values[type(value)].append(value)
    sessions = values[Session]
    if len(sessions) != 1:
        raise StoreError(
            f"{path} has {len(sessions)} session lines", hint="give a file that bench run wrote"
        )
    return Records(
        path=path,
        session=sessions[0],
        environments=tuple({item.target: item for item in values[Environment]}.values()),
        launches=tuple(values[Launch]),
        failures=tuple(values[Failure]),
        accuracies=tuple({item.variant: item for item in values[Accuracy]}.values()),
        answers=tuple(
            {(item.target, item.variant): item for item in values[DeviceAnswers]}.values()
        ),
        starts=tuple(
            {(item.target, item.variant, item.number): item for item in values[StartPair]}.values()
        ),
        end=next(reversed(values[End]), None),
        search=next(reversed(values[Search]), None),
    )


class Writer:
    """Appends to one report file, which it alone may write while it is open.

    Args:
        path: made with its folder where it is missing.
        session: written first into a new file; a file of another session is refused.
        warn: told where the file is, once it was deleted and had to be written anew.

    Raises:
        StoreError: the folder cannot be written, another process writes the file, or the file
            belongs to another session.
    """

    def __init__(
        self, path: Path, session: Session, warn: Callable[[str], None] | None = None
    ) -> None:
        self._file = AppendedFile(path, warn) if warn else AppendedFile(path)
        try:
            with writing(path, INSTEAD):
                continued = path.exists() and not _is_torn_start(path)
                if continued:
                    _check_same(path, session)
                    _cut_torn_line(path)
            self._file.open(fresh=not continued)
            if not continued:
                self.append(session)
        except BaseException:
            self._file.close()
            raise

    @property
    def path(self) -> Path:
        """Where the records are: another path than was given, once that file was deleted."""
        return self._file.path

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def append(self, value: Record) -> None:
        """Write one line and hand it to the system at once.

        Raises:
            StoreError: the disk is full, or the value is one that could not be read again.
        """
        kind = type(value)
        try:
            line = (encode(value) + "\n").encode()
            _value(kind, encoding.decode(line, dict[str, Any]))
        except (ValueError, TypeError) as fault:
            raise StoreError(
                f"{_NAMES[kind]} that cannot be recorded ({fault})",
                hint="report it to the author of that target, technique or format",
            ) from fault
        self._file.append(line)


def encode(value: Record) -> str:
    """One line, without its end."""
    kind = _NAMES[type(value)]
    head: dict[str, Any] = {"record": kind}
    if kind == "session":
        head["schema"] = SCHEMA
    body = {item.name: getattr(value, item.name) for item in fields(value)}
    return encoding.encode({**head, **body}).decode()


def unfinished(folder: Path, session: Session) -> Path | None:
    """The newest file in a folder that this session would continue, None where there is none."""
    files = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files:
        try:
            # A folder full of reports is looked through by their first lines alone.
            first = next(_values(path), None)
            same = isinstance(first, Session) and first.key == session.key
            if same and _first_schema(path) == SCHEMA and read(path).end is None:
                return path
        except StoreError:
            continue  # not ours to evaluate here: naming it on the command line says what is wrong
    return None


def new_path(folder: Path, name: str) -> Path:
    """``NAME-DATE.jsonl``, or ``NAME-DATE-2.jsonl`` and so on where that exists."""
    # A name may come from anywhere, such as a model in memory, and be longer than a file's may be.
    name = re.sub(r"[^\w .,+=@()-]", "_", name)[:100]
    today = datetime.now().astimezone().date().isoformat()
    return free(folder, f"{name}-{today}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their numbers; a torn last one is left out."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, line
    except OSError as fault:
        raise StoreError(
            f"cannot read {path} ({fault.strerror})", hint="give a .jsonl that bench run wrote"
        ) from fault


def _values(path: Path) -> Iterator[Any]:
    """Each line's value, in order."""
    schema = _first_schema(path)
    for number, line in _lines(path):
        yield _decode(path, number, line, schema)


def _first_schema(path: Path) -> int:
    """The schema that the first line names.

    Raises:
        StoreError: the file cannot be read, or it names none that is known.
    """
    line = next((line for _, line in _lines(path)), b"")
    try:
        body = encoding.decode(line, dict[str, Any])
    except ValueError:
        body = {}
    schema = body.get("schema") if body.get("record") == "session" else SCHEMA
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise StoreError(
            f"{path} has schema {schema}, and this version reads 1 to {SCHEMA}",
            hint="use the version of tflite-bench that wrote it, or measure again",
        )
    return schema


def _decode(path: Path, number: int, line: bytes, schema: int) -> Any:
    """The value of one line.

    Raises:
        StoreError: it is no record, or a field is missing, unknown, of another type or out of its
            range.
    """
    hint = "give a file that bench run wrote, or delete that line"
    try:
        body = encoding.decode(line, dict[str, Any])
        name = body["record"]
        kind = _KINDS[name]
    except (ValueError, KeyError, TypeError) as fault:
        raise StoreError(f"{path} line {number} is not a record of ours", hint=hint) from fault
    try:
        schemas.upgrade(name, body, schema)
        return _value(kind, body)
    except ValueError as fault:
        raise StoreError(f"{path} line {number} is a broken {name} ({fault})", hint=hint) from fault


def _value(kind: type[Any], body: dict[str, Any]) -> Any:
    """The value of a record's fields.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of its range.
    """
    del body["record"]
    if kind is Session:
        body.pop("schema", None)
    value = encoding.convert(body, kind)
    checks.check(value, body)
    return value


def _check_same(path: Path, session: Session) -> None:
    records = read(path)
    if _first_schema(path) != SCHEMA:
        raise StoreError(
            f"{path} was begun by an older version of tflite-bench",
            hint="go on with that version, or give another --report FILE",
        )
    theirs = records.session
    if theirs.model.sha256 != session.model.sha256:
        raise StoreError(
            f"{path} holds another model ({theirs.model.name}, {theirs.model.sha256[:8]})",
            hint="give another --report FILE",
        )
    if theirs.key != session.key:
        raise StoreError(
            f"{path} holds a session with other recipes, settings, data or targets",
            hint="repeat its command (bench report shows it), or give another --report FILE",
        )
    if records.end is not None:
        raise StoreError(
            f"{path} is complete", hint=f"see it with: bench report {path}; or give another name"
        )


def _is_torn_start(path: Path) -> bool:
    """Whether the file is empty, or its writer was killed while it wrote the first line."""
    if path.stat().st_size == 0:
        return True
    with path.open("rb") as file:
        line = file.readline()
    return not line.endswith(b"\n") and (line.startswith(_START) or _START.startswith(line))


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
