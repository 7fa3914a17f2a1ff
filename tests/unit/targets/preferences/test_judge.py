"""How answers are judged beside both answers of a pair, and what is said of the rewards."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.report.gallery import Gallery
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.scores.bootstrap import Draws, bootstrap, point_scores
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.preferences import PREFERENCES
from finetrail.targets.preferences.codec import PreferenceCodec
from finetrail.targets.preferences.metrics import RewardJudge
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.sequences.judge import unsure

PAIRS = [
    {"chosen": "the house is old", "rejected": "the house is new"},
    {"chosen": "yes", "rejected": "no it is not"},
    {"chosen": "a river", "rejected": "a table"},
    {"chosen": "blue", "rejected": "red"},
]
SAID = ["the house is old", "it is not", "a chair", "<b>green</b>"]
"""Nearer to the chosen answer, to the rejected one, and twice as near to both."""
REWARDS = {"reward_margin": [0.5, 0.25, 0.75], "reward_accuracy": [0.75, 0.5, 1.0]}
CODEC = PreferenceCodec(beta=0.2, rewards=REWARDS)


def test_an_answer_is_judged_by_the_chosen_one_and_by_which_it_is_nearer_to() -> None:
    found = point_scores(CODEC.judge, PAIRS, unsure(SAID))
    assert found.pop("nearer_chosen") == (1 + 0 + 0.5 + 0.5) / 4
    assert found == point_scores(SequenceCodec(metric="rougeL").judge, [pair["chosen"] for pair in PAIRS], unsure(SAID))
    assert list(CODEC.judge.row_errors(PAIRS, unsure(SAID))) == [0, 1, 0.5, 1]


def test_resampled_metrics_are_those_of_the_drawn_rows() -> None:
    resampled = bootstrap(CODEC.judge, PAIRS, [unsure(SAID)], Draws(200, seed=0))
    assert set(resampled.draws["nearer_chosen"][0]) <= set(np.arange(0, 1.01, 0.125).tolist())
    assert resampled.interval("nearer_chosen", 0, 0.95).low < 0.5 < resampled.interval("nearer_chosen", 0, 0.95).high


def test_rewards_count_ties_half() -> None:
    found = point_scores(RewardJudge(), PAIRS, np.array([2.0, -1.0, 0.0, 1.0]))
    assert found == {"reward_margin": 0.5, "reward_accuracy": 0.625}


def test_the_best_constant_answer_and_answers_without_a_model_go_by_the_chosen_ones() -> None:
    assert set(CODEC.judge.constant(PAIRS).texts) <= {pair["chosen"] for pair in PAIRS}
    rows = SplitRows(PAIRS, [None] * 4, lambda: [[{"role": "user", "content": pair["rejected"]}] for pair in PAIRS])
    nearest = CODEC.judge.rivals(rows, lambda: rows)["the target of the nearest training row"]
    assert list(nearest.texts) == [pair["chosen"] for pair in PAIRS]


def test_what_is_stored_is_read_back_and_the_card_says_it() -> None:
    assert PREFERENCES.codec(CODEC.described()) == CODEC
    untrained = replace(CODEC, rewards=None, pattern="#### (.*)")
    assert PREFERENCES.codec(untrained.described()) == untrained
    assert CODEC.about()[-1].endswith("ranks 75.0% as people did, by its log-probabilities over those before training.")
    assert untrained.about()[-1].endswith("(Rafailov et al. 2023), beta 0.2.")


@pytest.mark.parametrize("rewards", [REWARDS, None])
def test_the_report_shows_the_rewards_where_they_are_known(rewards: dict[str, list[float]] | None) -> None:
    judge = replace(CODEC, rewards=rewards).judge
    rows = pd.DataFrame({"id": list("abcd"), "label": PAIRS})
    evaluation = judge.evaluate(rows, unsure(SAID), Draws(100, seed=0), {})
    story = evaluation.story(Gallery.of({row: Preview(text=row) for row in "abcd"}))
    assert story.tiles[0].value == "0.500"
    shown = {section.name: section for section in story.sections}
    assert ("ranked" in shown) == (rewards is not None)
    if rewards is not None:
        assert shown["ranked"].json["validation_rewards"]["reward_accuracy"] == {"value": 0.75, "low": 0.5, "high": 1.0}
        assert "0.750" in shown["ranked"].html
        assert "0.2 times its log-probability" in shown["ranked"].html
    assert "<b>green" not in "".join(section.html for section in story.sections)
