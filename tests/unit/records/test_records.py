"""Nothing measured is lost, nothing is counted twice, and a file is continued by its own alone."""

from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import records
from bench.errors import StoreError
from bench.records import schemas
from bench.values import Environment, Failure, Latency, Launch, Model, Plan
from tests import examples

SESSION = examples.session()
ITEMS = [
    examples.ENVIRONMENT,
    examples.accuracy("float32", 10, top1=0.9),
    Failure("quantize:int8", "local", 1, "crash", "it broke", "mend it", discarded=True),
    *examples.launches(["float32", "quantize:int8"], blocks=2),
]

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers
times = st.floats(0, 1e18)
texts = st.text(max_size=20)


def test_what_was_written_is_read_again(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS)
    read = records.read(path)
    assert read.session == SESSION
    assert read.environments == (examples.ENVIRONMENT,)
    assert read.accuracies == (ITEMS[1],)
    assert read.failures == (ITEMS[2],)
    assert list(read.launches) == ITEMS[3:]
    assert read.end == records.End(10.0, 9.5)
    assert read.path == path


def test_answers_are_read_again_and_the_last_of_a_variant_counts(tmp_path):
    first = examples.answers("float32", "not known", target="local", reason="no such flag")
    then = examples.answers("float32", "differs", target="local", top1=0.9, reason="apart")
    path = examples.write(tmp_path / "x.jsonl", SESSION, [*ITEMS, first, then])
    assert records.read(path).answers == (then,)


@given(
    latency=st.builds(
        Latency,
        runs=st.integers(1, 10**6),
        mean_us=times,
        median_us=st.none() | times,
        samples_ns=st.lists(st.integers(0, 10**12), max_size=5).map(tuple),
    ),
    variant=texts,
    facts=st.dictionaries(texts, maybe | texts | st.booleans() | st.lists(numbers)),
)
def test_any_launch_comes_back_equal(latency, variant, facts):
    launch = Launch(variant, "adb:1", 3, latency, facts=facts, state={"waits": []})
    line = records.encode(launch)
    assert "\n" not in line
    assert records._decode(Path(), 1, line.encode(), records.SCHEMA) == launch


@given(
    plan=st.builds(
        Plan,
        input_shapes=st.lists(
            st.tuples(texts, st.lists(st.integers(1, 9)).map(tuple)), max_size=2
        ).map(tuple),
        input_ranges=st.lists(st.tuples(texts, st.tuples(numbers, numbers)), max_size=2).map(tuple),
        tool_args=st.lists(texts).map(tuple),
        signature=st.none() | texts,
    )
)
def test_any_plan_comes_back_equal_and_continues_itself(plan):
    session = replace(SESSION, plan=plan)
    read = records._decode(Path(), 1, records.encode(session).encode(), records.SCHEMA)
    assert read == session
    assert read.key == session.key


def test_every_line_is_in_the_file_at_once(tmp_path):
    with records.Writer(tmp_path / "x.jsonl", SESSION) as writer:
        for count, item in enumerate(ITEMS, start=2):
            writer.append(item)
            assert len((tmp_path / "x.jsonl").read_bytes().splitlines()) == count


def test_a_file_is_continued_after_its_last_whole_line(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS[:-1], end=False)
    with path.open("ab") as file:
        file.write(b'{"record":"launch","variant":"quant')
    assert list(records.read(path).launches) == ITEMS[3:-1]
    examples.write(path, SESSION, ITEMS[-1:])
    assert list(records.read(path).launches) == ITEMS[3:]


@pytest.mark.parametrize("kept", [0, 1, 7, 200])
def test_a_file_torn_in_its_first_line_is_begun_again(tmp_path, kept):
    path = tmp_path / "x.jsonl"
    path.write_text(records.encode(SESSION)[:kept])
    examples.write(path, SESSION, ITEMS)
    assert list(records.read(path).launches) == ITEMS[3:]


@pytest.mark.parametrize("content", [b"my notes, with no line end", b"a,b\n1,2\n", b"\x00\xff" * 9])
def test_a_file_that_is_not_ours_is_left_alone(tmp_path, content):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        records.Writer(path, SESSION)
    assert path.read_bytes() == content
    with pytest.raises(StoreError):
        records.read(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not JSON", "line 3 is not a record of ours"),
        ("[1, 2]", "line 3 is not a record of ours"),
        ('{"record": "else"}', "line 3 is not a record of ours"),
        ('{"record": []}', "line 3 is not a record of ours"),
        ('{"variant": "float32"}', "line 3 is not a record of ours"),
        ('{"record": "launch"}', "line 3 is a broken launch (object missing required field"),
        ('{"record": "launch", "latency": {}}', "line 3 is a broken launch"),
        ('{"record": "accuracy", "variant": "float32"}', "missing required field samples"),
        ('{"record": "end", "wall_s": 1, "launches_s": 1, "more": 1}', "(more is no field of it)"),
        ('{"record": "end", "wall_s": "1", "launches_s": 1}', "(wall_s: expected float, got str)"),
        ('{"record": "end", "wall_s": -1, "launches_s": 1}', "(wall_s must be at least 0)"),
        ('{"record": "session"}', "line 3 is a broken session"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, line, words):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    with pytest.raises(StoreError) as caught:
        records.read(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("count", [0, 2])
def test_one_session_a_file(tmp_path, count):
    path = tmp_path / "x.jsonl"
    path.write_text((records.encode(SESSION) + "\n") * count)
    with pytest.raises(StoreError, match=f"has {count} session lines"):
        records.read(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": Model("other", "keras", "o.keras", "b" * 64)}, "holds another model"),
        ({"plan": Plan(launches=4, runs=4)}, "other recipes, settings, data or targets"),
        ({"variants": (examples.FLOAT32,)}, "other recipes, settings, data or targets"),
        ({"targets": ("adb:1",)}, "other recipes, settings, data or targets"),
        ({"data": {"sha256": "c"}}, "other recipes, settings, data or targets"),
    ],
)
def test_another_session_is_refused(tmp_path, changes, words):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS, end=False)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        records.Writer(path, replace(SESSION, **changes))
    assert words in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ("run", "tiny.keras")},
        {"started_at": "later"},
        {"version": "9.9"},
        {"model": replace(examples.MODEL, source="moved/tiny.keras")},
    ],
)
def test_the_same_session_continues_however_it_was_called(tmp_path, changes):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS, end=False)
    records.Writer(path, replace(SESSION, **changes)).__exit__(None, None, None)


def test_a_complete_file_is_not_continued(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS)
    with pytest.raises(StoreError, match="is complete"):
        records.Writer(path, SESSION)


def test_two_writers_at_one_file(tmp_path):
    path = tmp_path / "x.jsonl"
    with (
        records.Writer(path, SESSION),
        pytest.raises(StoreError, match="another process is writing"),
    ):
        records.Writer(path, SESSION)
    assert os.listdir(tmp_path) == ["x.jsonl"]  # noqa: PTH208  # the lock is gone as well


def test_a_refused_file_is_not_locked(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS)
    for _ in range(2):
        with pytest.raises(StoreError, match="is complete"):
            records.Writer(path, SESSION)


def test_the_folder_is_made(tmp_path):
    examples.write(tmp_path / "a" / "b" / "x.jsonl", SESSION, ITEMS)
    assert (tmp_path / "a" / "b" / "x.jsonl").is_file()


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        records.Writer(tmp_path / "file" / "x.jsonl", SESSION)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once_and_leaves_no_lock(tmp_path):
    path = tmp_path / "x.jsonl"
    path.symlink_to("/dev/full")
    for _ in range(2):
        with pytest.raises(StoreError, match="No space left on device"):
            records.Writer(path, SESSION)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_while_writing(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "x.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with records.Writer(path, SESSION) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
        try:
            with pytest.raises(StoreError, match="make room on the disk"):
                writer.append(ITEMS[0])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert records.read(path).environments == ()


def test_a_missing_file_is_told(tmp_path):
    for path in (tmp_path / "x.jsonl", tmp_path):
        with pytest.raises(StoreError, match="cannot read"):
            records.read(path)


def test_the_unfinished_file_of_the_same_session_is_found(tmp_path):
    def write(name: str, session: records.Session, *, end: bool, age: int) -> Path:
        path = examples.write(tmp_path / name, session, ITEMS, end=end)
        os.utime(path, (age, age))
        return path

    other = replace(SESSION, targets=("adb:1",))
    write("old.jsonl", SESSION, end=False, age=1)
    newest = write("new.jsonl", SESSION, end=False, age=2)
    write("finished.jsonl", SESSION, end=True, age=3)
    write("other.jsonl", other, end=False, age=4)
    (tmp_path / "foreign.jsonl").write_text("what\n")
    (tmp_path / "empty.jsonl").touch()
    assert records.unfinished(tmp_path, SESSION) == newest
    assert records.unfinished(tmp_path / "nowhere", SESSION) is None


def test_a_new_name_is_taken_by_nobody(tmp_path):
    first = records.new_path(tmp_path, "tiny")
    first.touch()
    second = records.new_path(tmp_path, "tiny")
    second.touch()
    third = records.new_path(tmp_path, "tiny")
    assert len({first, second, third}) == 3
    assert second.name == f"{first.stem}-2.jsonl"


def test_the_last_word_on_a_variant_counts(tmp_path):
    items = [
        Environment("local", "local", "before an update"),
        examples.accuracy("float32", 10, top1=0.5),
        Environment("local", "local", "after it"),
        examples.accuracy("float32", 10, top1=0.6),
    ]
    read = records.read(examples.write(tmp_path / "x.jsonl", SESSION, items))
    assert [item.label for item in read.environments] == ["after it"]
    assert [item.top1 for item in read.accuracies] == [0.6]


def test_the_schema_stands_in_the_first_line_and_its_history_in_the_docstring(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, [])
    first = json.loads(path.read_text().splitlines()[0])
    assert first["schema"] == records.SCHEMA
    assert set(first) == {"record", "schema", *(item.name for item in fields(records.Session))}
    assert f"\n{records.SCHEMA}. " in schemas.__doc__
    assert f"\n{records.SCHEMA + 1}. " not in schemas.__doc__


OLD = Path(__file__).parents[2] / "data" / "reports" / "schema-1.jsonl"


def test_a_report_of_schema_1_is_read_as_one_of_today():
    old = records.read(OLD)
    pruned = old.session.variants[1]
    assert pruned.name == "prune:0.5,epochs=1"
    assert pruned.steps["prune"]["layers"]["dense"]["asked"] == 0.5
    assert pruned.facts.weights[0].zeros == 6
    assert pruned.facts.sha256 == pruned.sha256
    assert [item.top1 for item in old.accuracies] == [1.0, 0.890625, 1.0]
    assert len(old.launches) == 9


def test_a_report_of_an_older_schema_is_not_continued(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_bytes(b"".join(OLD.read_bytes().splitlines(keepends=True)[:-1]))
    session = records.read(path).session
    assert records.unfinished(tmp_path, session) is None
    with pytest.raises(StoreError, match="begun by an older version"):
        records.Writer(path, session)


@pytest.mark.parametrize("schema", [0, 99, None, "1", True])
def test_an_unknown_schema_is_refused(tmp_path, schema):
    path = tmp_path / "x.jsonl"
    body = json.loads(records.encode(SESSION))
    path.write_text(json.dumps({**body, "schema": schema}) + "\n")
    with pytest.raises(StoreError, match=f"has schema {schema}, and this version reads 1 to"):
        records.read(path)


def test_a_path_may_be_a_text(tmp_path):
    path = examples.write(tmp_path / "x.jsonl", SESSION, ITEMS)
    assert records.read(str(path)) == records.read(path)


def test_a_report_of_any_name_is_one_file(tmp_path):
    for name in ("a/b", "a\nb", "x" * 300, "../up", "a+b c"):
        path = records.new_path(tmp_path, name)
        path.touch()
        assert path.parent == tmp_path
        assert "\n" not in path.name
    assert (tmp_path / records.new_path(tmp_path, "a+b c").name).name.startswith("a+b c-")
