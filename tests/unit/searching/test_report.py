"""What to ship, how sure it is, and what is written of it."""

from __future__ import annotations

import pytest

from bench import recipes
from bench.records import read
from bench.report import assemble
from bench.searching.report import SHOWN, SearchReport, front_of
from bench.searching.values import Limits
from tests import examples
from tests.unit.searching.points import trial

LIMITS = Limits(loss=0.01)
BEFORE = 0.9


@pytest.fixture
def found(tmp_path):
    """A search that ended with three variants, by losses on validation and on test samples."""

    def make(*losses, samples=10_000, limits=LIMITS, evaluated=True):
        names = [f"front-{number}" for number in range(1, len(losses) + 1)]
        front = {
            name: trial(number, size=100 * (number + 1), loss=on_validation)
            for number, (name, (on_validation, _)) in enumerate(zip(names, losses, strict=True))
        }
        variants = [examples.FLOAT32, *(examples.variant(n, 100, 100) for n in names)]
        accuracies = [examples.accuracy("float32", samples, top1=BEFORE)]
        for name, (_, on_test) in zip(names, losses, strict=True):
            accuracies.append(
                examples.accuracy(name, samples, top1=BEFORE - on_test, before=BEFORE, swapped=20)
            )
        launches = [
            examples.launch(variant.name, block, samples_us=[100.0 + block] * 50)
            for block in range(10)
            for variant in variants
        ]
        session = examples.session(variants=variants, launches=10)
        items = [examples.ENVIRONMENT, *(accuracies if evaluated else ()), *launches]
        path = examples.write(tmp_path / f"{losses}{evaluated}.jsonl", session, items)
        report = assemble(read(path))
        trials = tuple(front.values())
        return SearchReport(report, front, trials, "zipped", limits, 5000, 60, "all made")

    return make


def test_the_best_on_validation_is_shipped_where_the_test_samples_agree(found):
    ended = found((0.004, 0.004), (0.001, 0.001))
    assert (ended.chosen, ended.certain) == ("front-1", "front-1")
    assert ended.line().startswith("ship front-1 within 1 point of accuracy: ")
    assert "points of accuracy lost" in ended.line()
    assert any("keeps to the limits with 95 %" in note for note in ended.notes())


def test_what_the_test_samples_refute_for_certain_is_not_shipped_and_that_is_told(found):
    ended = found((0.004, 0.05), (0.001, 0.001))
    assert ended.chosen == "front-2"
    assert any(note.startswith("not front-1, which was better") for note in ended.notes())


def test_where_it_cannot_be_told_the_best_that_is_certain_is_named(found):
    ended = found((0.004, 0.0095), (0.001, 0.001))
    assert (ended.chosen, ended.certain) == ("front-1", "front-2")
    notes = " ".join(ended.notes())
    assert "can't tell" in notes
    assert "for certain within the limits: front-2" in notes


def test_a_better_figure_on_test_samples_is_not_chosen_by(found):
    """front-1 broke the limit on validation samples; that it keeps to it on test ones is luck."""
    assert found((0.02, 0.001), (0.001, 0.001)).chosen == "front-2"


def test_where_nothing_keeps_to_the_limits_float32_stays(found):
    ended = found((0.02, 0.03))
    assert ended.chosen is None
    assert ended.line() == "ship float32: no trial keeps to the limits; the nearest is front-1"


def test_the_line_says_within_what_or_nothing_where_no_test_sample_tells(found):
    wide = found((0.004, 0.004), limits=Limits(loss=0.02))
    assert wide.line().startswith("ship front-1 within 2 points of accuracy: ")
    assert found((0.004, 0.004), evaluated=False).line().startswith("ship front-1: ")


def test_a_limit_on_bytes_is_held_against_the_file(found):
    limits = Limits(loss=0.01, zipped_bytes=50)
    assert found((0.001, 0.001), limits=limits).verdict("front-1").answer == "broken"


def test_without_test_samples_it_says_that_validation_flatters(found):
    ended = found((0.004, 0.004), evaluated=False)
    assert ended.chosen == "front-1"
    assert any("no test samples" in note for note in ended.notes())


def test_both_losses_are_told_and_how_many_were_chosen_from(found):
    notes = " ".join(found((0.0042, 0.0061), (0.001, 0.001)).notes())
    assert "it lost 0.42 points on the validation samples" in notes
    assert "lost 0.61 points on the test samples, used once" in notes
    assert "of 2 trials on 5,000 validation samples" in notes


def test_what_was_gained_is_not_told_as_a_loss_below_zero(found):
    notes = " ".join(found((-0.0042, -0.0061)).notes())
    assert "it gained 0.42 points on the validation samples" in notes
    assert "gained 0.61 points on the test samples" in notes


def test_the_file_of_recipes_is_read_as_one(found, tmp_path):
    ended = found((0.004, 0.004), (0.001, 0.001))
    path = tmp_path / "front.toml"
    path.write_text(ended.to_toml(), encoding="utf-8")
    assert {recipe.name: recipe for recipe in recipes.read_file(path)} == ended.recipes
    assert ended.to_toml().startswith("# ship front-1")


def test_all_trials_are_a_data_frame(found):
    frame = found((0.004, 0.004), (0.001, 0.001)).to_dataframe()
    assert list(frame.loss) == [0.004, 0.001]
    assert list(frame.recipe) == ["qat", "qat"]


def test_the_front_is_what_nothing_beats_and_ends_where_far_too_much_is_lost():
    trials = [
        trial(0, size=900, loss=0.0),
        trial(1, size=500, loss=0.005),
        trial(2, size=600, loss=0.006),
        trial(3, size=100, loss=0.3),
        trial(4, size=400, loss=None),
    ]
    assert [each.number for each in front_of(trials, LIMITS, "zipped")] == [1, 0]


def test_a_long_front_is_thinned_and_keeps_the_best_within_the_limits():
    trials = [trial(n, size=1000 - 20 * n, loss=0.0008 * n) for n in range(30)]
    front = front_of(trials, LIMITS, "zipped")
    assert len(front) <= SHOWN
    assert 12 in [each.number for each in front], "the smallest that loses at most a point"
