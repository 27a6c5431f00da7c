"""A report as lines of figures: what ``Report.to_dataframe()``, .csv and .json hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.metrics.values import Accuracy, DeviceAnswers, Score
from bench.report import Report, Row, Table
from bench.report.searched import Searched, searched
from bench.text import score_text
from bench.values import Estimate, Missing

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "model", "target", "variant", "recipe",
    "size_bytes", "size_ratio", "zipped_bytes", "zipped_ratio", "int8_share",
    "accuracy", "agreement", "max_difference", "mean_difference", "samples",
    "metric", "score", "score_low", "score_high", "loss", "loss_low", "loss_high", "scores",
    "answers", "answers_reason", "answered_samples", "device_score", "device_score_low",
    "device_score_high", "device_loss", "device_loss_low", "device_loss_high",
    "device_agreement", "device_correlation", "device_relative_error",
    "launches", "runs", "median_us", "median_low_us", "median_high_us", "median_kind",
    "p99_us", "p99_low_us", "p99_high_us", "p99_kind", "min_us", "mean_us", "std_us",
    "init_us", "init_low_us", "init_high_us", "first_us", "first_low_us", "first_high_us",
    "cold_init_us", "cold_init_low_us", "cold_init_high_us",
    "warm_init_us", "warm_init_low_us", "warm_init_high_us", "start_pairs", "cache_bytes",
    "peak_bytes", "peak_low_bytes", "peak_high_bytes",
    "ratio", "ratio_low", "ratio_high", "verdict", "error_class", "error", "warnings",
    "trial", "validation_loss", "validation_loss_error", "ship",
)  # fmt: skip  # one line per thought
"""``metric`` to ``loss_high`` are of the score that decides, of the output that loses most.

``trial`` to ``ship`` are of a search: the trial that the variant was, from 1, what it lost there on
the validation samples, and whether it is the one to ship.

``answers`` is the verdict on what the device answers; ``device_…`` are its figures there, the loss
against this machine's answers by the same file.
"""

_OF_SUMMARY = (*("launches", "runs", "min_us", "mean_us", "std_us"),)


def frame_of(report: Report) -> pd.DataFrame:
    """All rows of all tables; a column without any figure is there all the same."""
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame(list(lines(report)), columns=list(COLUMNS))
    return frame


def lines(report: Report) -> Iterator[dict[str, Any]]:
    """One line per target and variant, by column; what is missing is None or left out."""
    found = searched(report)
    for table in report.tables:
        for row in table.rows:
            yield {
                "model": report.session.model.name,
                **_line(table, row),
                "warnings": _warned(report, table, row),
                **_of_search(found, row),
            }


def _of_search(found: Searched | None, row: Row) -> dict[str, Any]:
    """What a search knows of a variant."""
    if found is None:
        return {}
    name = row.variant.name
    ship = name == (found.chosen or row.baseline.name)
    if name not in found.front:
        return {"ship": ship}
    trial = found.front[name]
    return {
        "trial": found.search.trials.index(trial) + 1,
        "validation_loss": trial.outcome.loss,
        "validation_loss_error": trial.outcome.loss_error,
        "ship": ship,
    }


def _warned(report: Report, table: Table, row: Row) -> str | None:
    """The warnings of this variant, there or anywhere."""
    told = [
        warning.message
        for warning in report.warnings
        if warning.variant == row.variant.name
        and warning.target in (None, table.environment.target)
    ]
    return "; ".join(told) or None


def _line(table: Table, row: Row) -> dict[str, Any]:
    """The figures of one row."""
    summary, comparison, failure = row.summary, row.comparison, row.failure
    line: dict[str, Any] = {
        "target": table.environment.target,
        "variant": row.variant.name,
        "recipe": row.variant.recipe or None,
        "size_bytes": row.variant.size_bytes,
        "size_ratio": row.size_ratio,
        "zipped_bytes": row.variant.zipped_bytes,
        "zipped_ratio": row.zipped_ratio,
        "int8_share": row.variant.int8_share,
    }
    if row.accuracy is not None:
        line |= _accuracy(row.accuracy, row.deciding)
    if row.answers is not None:
        line |= _answers(row.answers)
    if summary is not None:
        line |= {name: getattr(summary, name) for name in _OF_SUMMARY}
        line |= _estimate("median", summary.median_us) | _estimate("p99", summary.p99_us)
        line |= _over_launches("init", "us", summary.init_us)
        line |= _over_launches("first", "us", summary.first_us)
        line |= _over_launches("peak", "bytes", summary.peak_bytes)
    if row.starts is not None:
        line |= {"start_pairs": row.starts.pairs, "cache_bytes": row.starts.cache_bytes}
        line |= _over_launches("cold_init", "us", row.starts.cold_init_us)
        line |= _over_launches("warm_init", "us", row.starts.warm_init_us)
    if comparison is not None:
        line |= {
            "ratio": comparison.ratio,
            "ratio_low": comparison.low,
            "ratio_high": comparison.high,
            "verdict": comparison.verdict,
        }
    if failure is not None:
        line |= {"error_class": failure.error_class, "error": failure.message}
    return line


def _accuracy(accuracy: Accuracy, deciding: tuple[Score, ...]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "accuracy": accuracy.top1,
        "agreement": accuracy.agreement,
        "max_difference": accuracy.max_difference,
        "mean_difference": accuracy.mean_difference,
        "samples": accuracy.samples,
        "scores": "; ".join(f"{s.label} {score_text(s)}" for s in accuracy.scores) or None,
    }
    if deciding:
        score = max(deciding, key=lambda each: each.loss if each.loss is not None else -1.0)
        line |= {
            "metric": score.label,
            "score": score.value,
            "score_low": score.low,
            "score_high": score.high,
            "loss": score.loss,
            "loss_low": score.loss_low,
            "loss_high": score.loss_high,
        }
    return line


def _answers(answers: DeviceAnswers) -> dict[str, Any]:
    line: dict[str, Any] = {
        "answers": answers.verdict,
        "answers_reason": answers.reason or None,
        "answered_samples": answers.samples,
        "device_agreement": answers.agreement,
        "device_correlation": answers.correlation,
        "device_relative_error": answers.relative_error,
    }
    score = answers.deciding
    if score is not None:
        line |= {
            "device_score": score.value,
            "device_score_low": score.low,
            "device_score_high": score.high,
            "device_loss": score.loss,
            "device_loss_low": score.loss_low,
            "device_loss_high": score.loss_high,
        }
    return line


def _estimate(name: str, estimate: Estimate | Missing) -> dict[str, Any]:
    if isinstance(estimate, Missing):
        return {f"{name}_kind": estimate.reason}
    return {
        f"{name}_us": estimate.value,
        f"{name}_low_us": estimate.low,
        f"{name}_high_us": estimate.high,
        f"{name}_kind": estimate.kind,
    }


def _over_launches(name: str, unit: str, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {}
    return {
        f"{name}_{unit}": estimate.value,
        f"{name}_low_{unit}": estimate.low,
        f"{name}_high_{unit}": estimate.high,
    }
