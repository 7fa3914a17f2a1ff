"""How good answers to several targets are: each as its kind alone judges its rows; and how they are written down."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.errors import RefusedError
from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws, bootstrap, intervals, point_scores
from finetrail.targets.several.parts import known
from finetrail.tasks.registry import get_task
from tests.unit.targets.several.rows import FULL, KINDS, LABELS, TARGET, answers, learn

DRAWS = Draws(200, 0)
CODEC: Any = learn().codec
JUDGE = CODEC.judge
ANSWERS = answers(len(LABELS))


@pytest.mark.parametrize("name", KINDS)
def test_metrics_are_those_of_the_kind_alone_on_the_rows_that_have_its_label(name: str) -> None:
    places, labels = known(LABELS, name)
    own = CODEC.parts[name].judge
    found = point_scores(JUDGE, LABELS, ANSWERS)
    expected = point_scores(own, labels, CODEC.of(ANSWERS, name)[places])
    assert {key: found[f"{name}.{key}"] for key in expected} == expected
    # Where no label is missing, the same rows are drawn.
    rows = FULL * 5
    many = answers(len(rows), 1)
    labels = [label[name] for label in rows]
    alone = intervals(own, labels, CODEC.of(many, name), DRAWS)
    together = intervals(JUDGE, rows, many, DRAWS)
    for key, interval in alone.items():
        assert together[f"{name}.{key}"].low == pytest.approx(interval.low)
        assert together[f"{name}.{key}"].high == pytest.approx(interval.high)


def test_the_mean_is_of_the_metrics_that_grow_and_have_no_unit() -> None:
    found = point_scores(JUDGE, LABELS, ANSWERS)
    leads = [found[name] for name in ("stars.r2", "tags.mean_average_precision", "topic.macro_f1")]
    assert found["mean"] == pytest.approx(np.mean(leads))


def test_a_target_that_no_row_has_a_label_of_has_no_say() -> None:
    rows = [label | {"stars": None} for label in LABELS]
    found = point_scores(JUDGE, rows, ANSWERS)
    assert np.isnan(found["stars.r2"])
    assert found["mean"] == pytest.approx((found["tags.mean_average_precision"] + found["topic.macro_f1"]) / 2)


def test_a_resample_without_any_label_of_a_target_counts_each_once() -> None:
    rows = [label | ({"stars": None} if place else {}) for place, label in enumerate(FULL)]
    rows[1]["stars"] = 4.0
    found = bootstrap(JUDGE, rows, [answers(len(rows))], Draws(300, 0))
    assert np.isfinite(found.draws["stars.mae"]).all()


def test_the_gate_judges_the_groups_of_each_target_on_its_own_rows() -> None:
    found = JUDGE.groups(LABELS, ANSWERS)
    assert set(found) == {f"recall of {label} (tags)" for label in "ab"} | {f"recall of {one} (topic)" for one in "xyz"}
    counts, right = found["recall of x (topic)"]
    assert counts.tolist() == [label["topic"] == "x" for label in LABELS]
    assert not right[3], "it has no topic"
    assert set(JUDGE.errors(LABELS, ANSWERS)) == {"calibration (topic)"}


def test_errors_of_rows_are_shares_of_what_the_best_constant_is_off_by() -> None:
    constant = JUDGE.constant(LABELS)
    errors = JUDGE.row_errors(LABELS, constant)
    assert errors[[0, 2, 3, 5]].min() >= 0
    by_target = []
    for name in KINDS:
        places, labels = known(LABELS, name)
        own = CODEC.parts[name].judge.row_errors(labels, CODEC.of(constant, name)[places])
        by_target.append(own / own.mean())
    assert errors[4] == pytest.approx(by_target[2][known(LABELS, "topic")[0].index(4)]), "it has a topic alone"
    assert JUDGE.right(LABELS, ANSWERS) is None, "a number is neither right nor wrong"


def test_two_labels_are_alike_by_what_both_have() -> None:
    assert JUDGE.alike(LABELS[0], LABELS[2]) is False, "their stars differ"
    assert JUDGE.alike(LABELS[2], LABELS[4]) is True
    assert JUDGE.alike(LABELS[3], LABELS[4]) is None


def test_answers_come_back_from_the_columns_and_from_what_is_served() -> None:
    columns = CODEC.columns(ANSWERS)
    assert list(columns) == ["stars_prediction", "tags_logits", "topic_logits"]
    np.testing.assert_array_equal(CODEC.read(pd.DataFrame(columns)), ANSWERS)
    with pytest.raises(ValueError, match="target topic: it has no column 'logits'"):
        CODEC.read(pd.DataFrame(columns).drop(columns="topic_logits"))
    said = CODEC.say(ANSWERS)
    assert (
        set(said)
        == set(CODEC.kinds)
        == {"stars_prediction", "tags_labels", "tags_scores", "topic_label", "topic_score"}
    )
    heard = CODEC.heard({name: list(values) for name, values in said.items()}, ANSWERS)
    assert not CODEC.differ(heard, ANSWERS, CODEC).any()


def test_answers_lie_apart_by_a_share_of_their_own_target() -> None:
    other = ANSWERS.copy()
    other[1, 4] += 0.5
    found = CODEC.apart(ANSWERS, other)
    assert found[1] == pytest.approx(0.5 / np.abs(other[:, 3:]).max(), rel=1e-5)
    assert not np.delete(found, 1).any()
    assert CODEC.scale(ANSWERS) == 1


def test_models_of_other_targets_or_labels_are_not_compared() -> None:
    CODEC.refuse_others(learn().codec)
    fewer: Any = learn([label | {"topic": label["topic"] and "x"} for label in LABELS]).codec
    with pytest.raises(RefusedError, match=r"target topic: their labels differ: only the challenger knows 'y'"):
        CODEC.refuse_others(fewer)
    of_two = TARGET.of({"stars": "regression", "topic": None})
    two = of_two.learn(LABELS, of_two.Training()).codec
    with pytest.raises(RefusedError, match="their targets differ: the challenger has stars, tags, topic, the champion"):
        CODEC.refuse_others(two)


def test_a_label_of_an_unknown_class_is_named_with_its_target() -> None:
    assert CODEC.unknown(LABELS) == ""
    assert CODEC.unknown([{"topic": "news"}]) == "the label 'news', which is none of the 3 of target topic"


def test_the_report_has_the_sections_of_each_target() -> None:
    rows = pd.DataFrame({"id": [f"r{row}" for row in range(len(LABELS))], "label": LABELS})
    evaluation = JUDGE.evaluate(rows, ANSWERS, DRAWS, {})
    assert list(evaluation.parts) == list(KINDS)
    assert evaluation.rows == {"stars": 4, "tags": 4, "topic": 5}
    assert {key.partition(".")[0] for key in evaluation.more} <= {*KINDS}
    story = evaluation.story(Gallery.of({one: Preview(text=one) for one in evaluation.wanted}))
    assert {section.name.partition("-")[0] for section in story.sections} == {*KINDS}
    assert all(f'<section id="{section.name}">' in section.html for section in story.sections if section.title)
    assert "<h2>topic: Classes, weakest first</h2>" in {s.name: s for s in story.sections}["topic-classes"].html
    assert [tile.name for tile in story.tiles] == ["Mean", "stars: R²", "tags: mAP", "topic: macro F1"]
    assert set(story.json["topic.per_class"]) == {"x", "y", "z"}
    told = JUDGE.told(story.json)
    assert [line for line in told if line.startswith("Target")] == ["Target tags:", "Target topic:"]
    assert any(line.startswith("Of topic: Its probabilities are off by") for line in JUDGE.limits(story.json))


def test_a_label_is_as_suspicious_as_its_most_suspicious_part() -> None:
    rows = FULL * 10
    sure = np.zeros((len(rows), 6), dtype=np.float32)
    for row, label in enumerate(rows):
        sure[row, 0] = label["stars"]
        sure[row, 1:3] = [8 if tag in label["tags"] else -8 for tag in "ab"]
        sure[row, 3 + "xyz".index(label["topic"])] = 8
    wrong = [dict(label) for label in rows]
    wrong[0]["topic"] = "z"
    found = JUDGE.suspicion(wrong, sure)
    assert found.flagged.tolist() == [True] + [False] * (len(rows) - 1)
    assert found.suggestions[0] == rows[0]
    assert found.quality.argmin() == 0


def test_a_name_that_begins_with_another_one_shares_no_column_with_it() -> None:
    new = {"topic": "topic", "tags": "topic_label", "stars": "topic_label_score"}
    target: Any = get_task("text-multi-target").of({new[name]: kind for name, kind in KINDS.items()}).target
    codec = target.learn(
        [{new[name]: value for name, value in label.items()} for label in LABELS], target.Training.model_validate({})
    ).codec
    columns = codec.columns(ANSWERS)
    assert len(columns) == len(set(columns)) == len(CODEC.columns(ANSWERS))
    assert np.array_equal(codec.read(pd.DataFrame(columns)), ANSWERS)
    said = codec.say(ANSWERS)
    assert len(said) == len(CODEC.say(ANSWERS))
    for name, part in codec.parts.items():
        own = {key.removeprefix(f"{name}_"): list(values) for key, values in said.items() if key.startswith(f"{name}_")}
        expected = part.say(codec.of(ANSWERS, name))
        assert {key: list(own[key]) for key in expected} == {key: list(values) for key, values in expected.items()}
    assert codec.heard(said, ANSWERS).shape == ANSWERS.shape
