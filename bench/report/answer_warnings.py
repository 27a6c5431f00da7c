"""What the reader should know of what devices answered, and of what is not known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.metrics.values import DeviceAnswers
from bench.values import ReportWarning

_CODES = {"wrong": "wrong-answers", "differs": "other-answers", "not known": "no-answers"}


def answer_warnings(answers: Iterable[DeviceAnswers]) -> Iterator[ReportWarning]:
    """One for each variant and target whose answers are not good, or not known.

    Codes: ``wrong-answers``, ``other-answers``, ``no-answers``.
    """
    for each in answers:
        if each.verdict not in _CODES:
            continue
        message = each.reason
        if each.is_bad:
            message = f"answers {_words(each)}: {each.reason}"
        yield ReportWarning(
            code=_CODES[each.verdict],
            message=message,
            hint=each.hint,
            variant=each.variant,
            target=each.target,
        )


def why_not_to_ship(answers: DeviceAnswers | None) -> str:
    """Why a variant is not recommended where it answers so; empty where it may be."""
    if answers is None or not answers.is_bad:
        return ""
    return f"it answers {_words(answers)} there: {answers.reason}"


def _words(answers: DeviceAnswers) -> str:
    return "wrongly" if answers.verdict == "wrong" else "otherwise than on this machine"
