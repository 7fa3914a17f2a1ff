"""How the answers of a regression are written down, read back, said and compared."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.targets.numbers import NUMBERS
from finetrail.targets.numbers.codec import NumberCodec

CODEC = NumberCodec(12.5, 0.1)
NUMBERS_SAID = np.array([[1.5], [-2.25]], dtype=np.float32)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    pd.DataFrame(CODEC.columns(NUMBERS_SAID)).to_parquet(tmp_path / "predictions.parquet")
    found = CODEC.read(pd.read_parquet(tmp_path / "predictions.parquet"))
    np.testing.assert_array_equal(found, NUMBERS_SAID)
    with pytest.raises(ValueError, match="it has no column 'prediction'"):
        CODEC.read(pd.DataFrame({"logits": [[0.0, 1.0]]}))


def test_the_codec_is_known_again_from_what_is_written_of_it() -> None:
    assert NUMBERS.codec(json.loads(json.dumps(CODEC.described()))) == CODEC


def test_an_answer_is_said_as_a_number() -> None:
    said = CODEC.say(NUMBERS_SAID)
    assert list(said) == list(CODEC.kinds) == ["prediction"]
    assert said["prediction"].tolist() == [1.5, -2.25]
    assert said["prediction"].dtype == np.float64
    assert CODEC.shown(NUMBERS_SAID, 1) == "(-2.25)"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_breaks_its_row(value: float) -> None:
    assert CODEC.broken(np.array([[value], [2.0]])).tolist() == [True, False]


def test_all_numbers_are_of_one_kind() -> None:
    assert CODEC.unknown([1.0, 1e9]) == ""
    champion = NumberCodec(0.0, 1.0)
    CODEC.refuse_others(champion)
    np.testing.assert_array_equal(champion.aligned(NUMBERS_SAID, CODEC), NUMBERS_SAID)


def test_two_answers_lie_as_far_apart_as_their_numbers() -> None:
    assert CODEC.apart(NUMBERS_SAID, NUMBERS_SAID + np.float32(0.5)).tolist() == [0.5, 0.5]
    assert CODEC.scale(NUMBERS_SAID) == 2.25
