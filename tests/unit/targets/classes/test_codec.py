"""How the answers of a classifier are said; how they are written down: tests/unit/targets/test_logits.py."""

import json

import numpy as np
import pytest

from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.codec import ClassCodec

CODEC = ClassCodec(("a", "b", "c"))
LOGITS = np.array([[0.0, 2.0, -1.0], [3.0, 0.0, 0.1]], dtype=np.float32)


def test_the_codec_is_known_again_from_what_is_written_of_it() -> None:
    assert CLASSES.codec(json.loads(json.dumps(CODEC.described()))) == CODEC


def test_an_answer_is_said_as_a_label_and_its_probability() -> None:
    said = CODEC.say(LOGITS)
    assert list(said) == list(CODEC.kinds) == ["label", "score"]
    assert said["label"] == ["b", "a"]
    shares = [np.exp(2) / (1 + np.exp(2) + np.exp(-1)), np.exp(3) / (np.exp(3) + 1 + np.exp(0.1))]
    assert said["score"] == pytest.approx(shares)
    assert CODEC.say(np.array([[1000.0, 0.0, 0.0]]))["score"].tolist() == [1.0]


def test_labels_are_known_by_their_number_and_others_are_named() -> None:
    assert CODEC.numbers(["c", "a"]).tolist() == [2, 0]
    assert CODEC.unknown(["a", "c"]) == ""
    assert CODEC.unknown(["a", "snow"]) == "the label 'snow', which is none of the 3"


def test_a_champion_says_the_same_in_the_challenger_s_order() -> None:
    champion = ClassCodec(("c", "a", "b"))
    assert champion.say(LOGITS)["label"] == CODEC.say(champion.aligned(LOGITS, CODEC))["label"]
