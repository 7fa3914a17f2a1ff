"""How the answers of a model that writes texts are written down, read back, said and compared."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.targets.sequences import SUMMARIES, TRANSLATIONS
from finetrail.targets.sequences.codec import SequenceAnswers, SequenceCodec

CODEC = SequenceCodec("intl", "rougeL")
SAID = SequenceAnswers(
    ["ein Haus", "", "Zeile\nzwei"],
    np.array([-0.25, -3.0, -0.5]),
    np.array([2.0, 1e-7, 0.5]),
    np.array([4, 1, 8]),
    np.array([False, False, True]),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    pd.DataFrame(CODEC.columns(SAID)).to_parquet(tmp_path / "predictions.parquet")
    found = CODEC.read(pd.read_parquet(tmp_path / "predictions.parquet"))
    assert CODEC.apart(found, SAID).tolist() == [0, 0, 0]
    assert found.texts == SAID.texts
    for name in ("scores", "margins", "tokens", "cut"):
        np.testing.assert_array_equal(getattr(found, name), getattr(SAID, name))
    with pytest.raises(ValueError, match="it has no column 'margin'"):
        CODEC.read(pd.DataFrame({"text": ["a"], "score": [0.0]}))


def test_some_rows_are_taken_by_a_mask() -> None:
    some = SAID[np.array([True, False, True])]
    assert len(some) == 2
    assert (some.texts, some.tokens.tolist(), some.cut.tolist()) == (["ein Haus", "Zeile\nzwei"], [4, 8], [False, True])


@pytest.mark.parametrize("target", [SUMMARIES, TRANSLATIONS])
def test_the_codec_is_known_again_from_what_is_written_of_it(target: type) -> None:
    codec = replace(CODEC, metric=target.metrics[-1].name)  # type: ignore[attr-defined]
    assert target.codec(json.loads(json.dumps(CODEC.described()))) == codec  # type: ignore[attr-defined]


def test_a_served_answer_means_what_the_model_said() -> None:
    said = {name: list(values) for name, values in CODEC.say(SAID).items()}
    assert list(said) == list(CODEC.kinds) == ["text", "score", "tokens", "cut"]
    again = CODEC.heard(said, replace(SAID, texts=["x", "y", "z"]))
    assert again.texts == SAID.texts
    np.testing.assert_array_equal(again.margins, SAID.margins)
    assert not CODEC.differ(again, SAID, CODEC).any()


def test_other_texts_are_as_near_as_the_models_were_to_a_tie() -> None:
    other = replace(
        SAID,
        texts=["ein Haus", "etwas", "Zeile zwei"],
        scores=np.array([-0.3, -9.0, -0.5]),
        margins=np.array([2.0, 3.0, 0.2]),
    )
    assert CODEC.apart(SAID, other).tolist() == pytest.approx([0.05, 1e-7, 0.2])
    assert CODEC.differ(SAID, other, CODEC).tolist() == [False, True, True]
    assert CODEC.scale(SAID) == 3.0
    assert CODEC.scale(SAID[np.array([True, False, False])]) == 1.0


def test_an_answer_whose_probability_is_no_number_is_broken() -> None:
    assert CODEC.broken(replace(SAID, scores=np.array([np.nan, -1.0, -np.inf]))).tolist() == [True, False, True]


def test_confidence_is_the_mean_probability_of_a_token() -> None:
    np.testing.assert_allclose(CODEC.confidence(SAID), np.exp([-0.25, -3.0, -0.5]))


def test_a_long_answer_is_shortened_in_a_message() -> None:
    assert CODEC.shown(SAID, 0) == "('ein Haus', score -0.25)"
    assert CODEC.shown(replace(SAID, texts=["a" * 99, "", ""]), 0) == f"({'a' * 60!r}..., score -0.25)"


def test_any_text_can_be_asked_for() -> None:
    assert CODEC.unknown(["anything"]) == ""
    assert (CODEC.outputs, CODEC.scales) == ([], None)
    CODEC.refuse_others(SequenceCodec())
    assert CODEC.aligned(SAID, SequenceCodec()) is SAID
