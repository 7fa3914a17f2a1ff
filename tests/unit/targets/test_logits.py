"""Answers that are logits: how they are written down, read back and compared, whatever they mean."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.errors import RefusedError
from finetrail.targets.logits import MOST_SHOWN, NamedLogits, table_per_label

CODEC = NamedLogits(("a", "b", "c"))
LOGITS = np.array([[0.0, 2.0, -1.0], [3.0, 0.0, 0.1]], dtype=np.float32)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    pd.DataFrame(CODEC.columns(LOGITS)).to_parquet(tmp_path / "predictions.parquet")
    found = CODEC.read(pd.read_parquet(tmp_path / "predictions.parquet"))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, LOGITS)
    assert CODEC.read(pd.DataFrame({"logits": []})).shape == (0, 3)


def test_answers_of_another_kind_or_of_other_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="it has no column 'logits'"):
        CODEC.read(pd.DataFrame({"prediction": [1.0]}))
    with pytest.raises(ValueError, match="it has 2 logits a row for 3 labels"):
        CODEC.read(pd.DataFrame({"logits": [[0.0, 1.0]]}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_logit_that_is_not_finite_breaks_its_row(value: float) -> None:
    broken = LOGITS.copy()
    broken[1, 2] = value
    assert CODEC.broken(broken).tolist() == [False, True]
    assert CODEC.broken(LOGITS).tolist() == [False, False]


def test_two_answers_lie_as_far_apart_as_their_farthest_logits() -> None:
    other = LOGITS + np.array([[0.5, -0.25, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    assert CODEC.apart(LOGITS, other).tolist() == [0.5, 0.0]
    assert CODEC.scale(LOGITS) == 3.0
    assert CODEC.shown(LOGITS, 0) == "(0, 2, -1)"
    assert NamedLogits(tuple("abcde")).shown(np.zeros((1, 5)), 0) == "(0, 0, 0, 0, ...)"


def test_a_champion_with_the_same_labels_answers_in_the_challenger_s_order() -> None:
    champion = NamedLogits(("c", "a", "b"))
    CODEC.refuse_others(champion)
    np.testing.assert_array_equal(champion.aligned(LOGITS, CODEC), LOGITS[:, [1, 2, 0]])


def test_a_champion_with_other_labels_is_refused() -> None:
    with pytest.raises(
        RefusedError,
        match="their labels differ: only the challenger knows 'b' and 1 more; only the champion knows 'd'",
    ):
        CODEC.refuse_others(NamedLogits(("a", "d")))


def test_a_label_that_the_model_does_not_know_is_named() -> None:
    assert CODEC.strange(["a", "c"]) == ""
    assert CODEC.strange(["a", "snow", "hail"]) == "the label 'hail', which is none of the 3"


def test_a_card_lists_so_many_labels_and_says_how_many_there_are() -> None:
    assert CODEC.about() == ["Labels (3): a, b, c."]
    (many,) = NamedLogits(tuple(f"c{number}" for number in range(MOST_SHOWN + 1))).about()
    assert many.startswith("Labels (31): c0, ")
    assert many.endswith(", c29 and more.")


def test_a_card_s_table_has_a_line_a_label_whatever_its_name_and_none_where_they_are_many() -> None:
    one = {"f1": 2 / 3, "support": 1200}
    expected = "| label | F1 | rows |\n|---|---|---|\n| a\\|b\\\\nc | 0.667 | 1,200 |"
    assert table_per_label({"a|b\nc": one}, [("F1", "f1")]) == [expected]
    assert table_per_label(dict.fromkeys(map(str, range(MOST_SHOWN + 1)), one), [("F1", "f1")]) == []
    assert table_per_label({}, [("F1", "f1")]) == []
