"""What texts to write mean to the split, to learning, and to people."""

import pytest

from finetrail.data.splitting.rows import Division
from finetrail.errors import SplitError, TrainingError
from finetrail.targets.sequences import COMPLETIONS, SUMMARIES, TRANSLATIONS
from finetrail.targets.sequences.strata import LengthStrata


def test_rows_are_divided_by_the_length_of_their_targets() -> None:
    labels = ["a" * (1 + row % 50) for row in range(100)]
    names = LengthStrata().of(labels, [None] * 100, Division())
    assert len(set(names)) == 10
    assert all(names[row] == names[row + 50] for row in range(50))
    assert names[0] == ("bin 01: 1 to 6",)


def test_one_text_for_all_rows_is_nothing_to_learn() -> None:
    with pytest.raises(SplitError, match="all 3 rows of train have the same text as label: there is nothing to learn"):
        LengthStrata().refuse({}, ["a"] * 3)
    with pytest.raises(TrainingError, match="all 3 training rows have the same text as label"):
        TRANSLATIONS.learn(["a"] * 3, TRANSLATIONS.Training())
    LengthStrata().refuse({}, ["a", "b"])


def test_the_tokenizer_is_set_or_goes_by_the_training_labels() -> None:
    labels = ["我们在这里", "你好世界"]
    assert TRANSLATIONS.learn(labels, TRANSLATIONS.Training()).codec.tokenizer == "zh"
    assert SUMMARIES.learn(labels, SUMMARIES.Training(tokenizer="char")).codec.tokenizer == "char"


def test_each_task_chooses_by_its_metric() -> None:
    assert (SUMMARIES.metrics[-1].name, SUMMARIES.Training().metric) == ("rougeL", "rougeL")
    assert (TRANSLATIONS.metrics[-1].name, TRANSLATIONS.Training().metric) == ("chrf", "chrf")
    assert {one.name for one in SUMMARIES.metrics} == {one.name for one in TRANSLATIONS.metrics}
    assert SUMMARIES.key(" a\nb") == " a\nb"
    assert SUMMARIES.said(" a\nb", None) == "a b"
    with pytest.raises(TypeError, match="3 is not a text"):
        SUMMARIES.key(3)


def test_what_exact_match_compares_is_part_of_the_model() -> None:
    training = COMPLETIONS.Training(answer_pattern=r"#### (\S+)")
    codec = COMPLETIONS.learn(["#### 1", "#### 2"], training).codec
    assert COMPLETIONS.codec(codec.described()) == codec
    assert codec.pattern == r"#### (\S+)"
    with pytest.raises(ValueError, match="write a regular expression of Python, such as"):
        COMPLETIONS.Training(answer_pattern="(")
