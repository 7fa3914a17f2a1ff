"""Corruption errors and confidence of answers that are made up, so that what is right is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.assessment.curves.changes import sides
from finetrail.assessment.curves.scores import Curves, measured
from finetrail.assessment.robustness.comparison import Compared, compared
from finetrail.assessment.robustness.perturbed import WAYS
from finetrail.evaluation.report.gallery import EXCERPT
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.tags import TAGS
from finetrail.targets.target import metric_named

ROWS = 400
DRAWS = Draws(resamples=200, seed=0)
ACCURACY = metric_named(CLASSES.metrics, "accuracy")
CODEC = CLASSES.codec({"labels": ["a", "b"]})


def table(wrong: dict[str, dict[tuple[str, int], int]], margin: float = 2.0) -> pd.DataFrame:
    """Answers of which so many are wrong. Args: wrong: by candidate, perturbation and severity."""
    parts = []
    for candidate, by_place in wrong.items():
        for (name, severity), count in by_place.items():
            logits = np.where((np.arange(ROWS) < count)[:, None], [0.0, margin], [margin, 0.0])
            parts.append(
                pd.DataFrame(
                    {
                        "id": [str(row) for row in range(ROWS)],
                        "candidate": candidate,
                        "perturbation": name,
                        "severity": severity,
                        "touched": severity > 0,
                        "label": "a",
                        "logits": list(logits),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def against(wrong: dict[str, dict[tuple[str, int], int]]) -> Compared:
    found = compared(Curves(WAYS, CODEC, table(wrong), DRAWS), ACCURACY)
    assert found is not None
    return found


OWN = {("", 0): 20, ("p", 1): 40, ("p", 5): 60, ("q", 1): 100, ("q", 5): 100}
BASE = {("", 0): 40, ("p", 1): 100, ("p", 5): 100, ("q", 1): 200, ("q", 5): 300}


def test_the_corruption_errors_are_those_of_the_paper() -> None:
    """Hendrycks & Dietterich (2019): sums over the severities over those of the baseline, and their mean."""
    found = against({"own": OWN, "base": BASE})
    assert found.errors["p"].ce is not None
    assert found.errors["p"].ce.value == pytest.approx(100 / 200)
    assert found.errors["q"].ce is not None
    assert found.errors["q"].ce.value == pytest.approx(200 / 500)
    assert found.mean is not None
    assert found.mean.value == pytest.approx((100 / 200 + 200 / 500) / 2)
    assert found.mean.low < found.mean.value < found.mean.high
    assert found.errors["p"].relative == pytest.approx((100 - 2 * 20) / (200 - 2 * 40))
    assert found.errors["q"].relative == pytest.approx((200 - 2 * 20) / (500 - 2 * 40))
    assert found.relative == pytest.approx(np.mean([60 / 120, 160 / 420]))
    assert found.clean == pytest.approx(0.9)
    assert found.drop.value == pytest.approx(np.mean([60, 60, 160, 260]) / ROWS)


def test_against_itself_every_error_is_1() -> None:
    found = against({"own": OWN, "again": OWN})
    assert found.mean is not None
    assert (found.mean.low, found.mean.value, found.mean.high) == pytest.approx((1, 1, 1))
    assert found.relative == pytest.approx(1)


def test_where_a_baseline_makes_no_error_or_loses_nothing_there_is_no_ratio() -> None:
    still = dict.fromkeys(BASE, 0)
    found = against({"own": OWN, "base": still | {("q", 1): 10, ("q", 5): 10}})
    assert found.errors["p"].ce is None
    assert found.errors["p"].relative is None
    assert found.errors["q"].ce is not None
    assert found.mean == found.errors["q"].ce
    assert against({"own": OWN, "base": still}).as_json()["mce"] is None


def test_one_model_alone_is_compared_with_nobody() -> None:
    assert compared(Curves(WAYS, CODEC, table({"own": OWN}), DRAWS), ACCURACY) is None


def test_the_mean_drop_and_its_interval_are_over_all_perturbations() -> None:
    found = measured(Curves(WAYS, CODEC, table({"own": OWN, "base": BASE}), DRAWS), ACCURACY)
    drops = [(wrong - 20) / ROWS for place, wrong in OWN.items() if place[0]]
    assert found.drop.value == pytest.approx(np.mean(drops))
    assert found.drop.low < found.drop.value < found.drop.high
    assert found.as_json()["mean_drop"] == found.drop.value


def test_the_confidence_shift_is_that_of_the_served_confidence() -> None:
    sure, less = table({"own": {("", 0): 20}}, margin=3.0), table({"own": {("p", 1): 20}}, margin=1.0)
    found = measured(Curves(WAYS, CODEC, pd.concat([sure, less], ignore_index=True), DRAWS), ACCURACY)
    expected = 1 / (1 + np.exp(-1.0)) - 1 / (1 + np.exp(-3.0))
    assert found.results[0].surer == pytest.approx(expected)
    assert found.as_json()["confidence_shift"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("codec", "columns"),
    [
        (CLASSES.codec({"labels": ["a", "b"], "temperature": 2.0}), {"logits": [[4.0, 0.0], [0.0, 1.0]]}),
        (
            TAGS.codec({"types": ["X"], "plain": True, "temperature": 2.0}),
            {"words": [[0, 1]], "logits": [[0.0, 4.0, 0.0]]},
        ),
    ],
    ids=["classes", "tags"],
)
def test_the_confidence_is_the_score_that_is_served(codec: Any, columns: dict[str, Any]) -> None:
    arrays = columns | {"logits": [np.array(one, dtype=np.float32) for one in columns["logits"]]}
    answers = codec.read(pd.DataFrame(arrays))
    said = codec.say(answers)
    served = said["score"] if "score" in said else [row[0]["score"] for row in said["spans"]]
    assert codec.confidence(answers) == pytest.approx(np.array(served), abs=1e-6)


def test_sets_are_as_sure_as_their_classes_and_numbers_say_nothing() -> None:
    codec = CLASS_SETS.codec({"labels": ["a", "b"], "thresholds": [0.5, 0.5]})
    answers = codec.read(pd.DataFrame({"logits": [np.array([2.0, -1.0])]}))
    expected = np.mean([1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(-1.0))])
    assert codec.confidence(answers) == pytest.approx([expected])
    assert NUMBERS.codec({"mean": 0.0, "std": 1.0}).confidence(np.zeros((3, 1))) is None


WORDS = st.lists(st.text("abcß😀 ,", max_size=6), min_size=1, max_size=200).map(" ".join)


@given(WORDS, WORDS)
def test_two_sides_mark_what_differs_and_are_no_longer_than_an_excerpt(before: str, after: str) -> None:
    pair = sides(Preview(text=before), Preview(text=after))
    one, other = (" ".join(text.split()) for text in (before, after))
    assert one == other or any(differs for side in pair for _, differs in side.parts)
    for side, line in zip(pair, (one, other), strict=True):
        text = "".join(words for words, _ in side.parts)
        assert len(text) <= EXCERPT + 1
        assert text.strip("…") in line


def test_the_first_change_of_a_long_text_is_in_view_and_its_end_is_no_change() -> None:
    before = "word " * 500 + "end" + " more" * 500
    one, other = sides(Preview(text=before), Preview(text=before.replace("end", "another END")))
    assert [text for text, differs in one.parts if differs] == ["end"]
    assert "".join(text for text, differs in other.parts if differs) == "another END"
    assert one.parts[0][0].startswith("… word word")
    assert one.parts[-1] == ("…", False)
