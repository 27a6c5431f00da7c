"""Big and little CPUs by their frequencies."""

from __future__ import annotations

import pytest

from bench.affinity import canonical, chosen
from bench.errors import TargetError

TWO_KINDS = {0: 1800, 1: 1800, 2: 2400, 3: 2400}
THREE_KINDS = {**TWO_KINDS, 4: 3000}


@pytest.mark.parametrize(
    ("affinity", "speeds", "numbers"),
    [
        ("little", TWO_KINDS, [0, 1]),
        ("big", TWO_KINDS, [2, 3]),
        ("little", THREE_KINDS, [0, 1]),
        ("big", THREE_KINDS, [2, 3, 4]),
        ("0,2-3", {}, [0, 2, 3]),
    ],
)
def test_cpus_are_chosen_by_speed_or_by_number(affinity, speeds, numbers) -> None:
    assert chosen(affinity, speeds) == numbers


@pytest.mark.parametrize(
    ("speeds", "words"), [({}, "does not tell how fast"), ({0: 1, 1: 1}, "are alike")]
)
@pytest.mark.parametrize("affinity", ["big", "little"])
def test_where_cpus_are_alike_there_is_no_big_one(affinity, speeds, words) -> None:
    with pytest.raises(TargetError, match=words):
        chosen(affinity, speeds)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("0,1", "0-1"), ("1-0", "0-1"), ("0x3", "0-1"), ("0XF0", "4-7"), ("0x5", "0,2"),
        ("3,0-1,1", "0-1,3"), ("big", "big"),
    ],
)  # fmt: skip
def test_one_set_of_cpus_has_one_text(typed, text) -> None:
    assert canonical(typed) == canonical(text) == text


@pytest.mark.parametrize("typed", ["0x0", "0xfg", "a", "1-b"])
def test_what_is_no_set_of_cpus_is_refused(typed) -> None:
    with pytest.raises(TargetError):
        canonical(typed)
