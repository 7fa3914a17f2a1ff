"""What texts to write mean to the split, to learning, and to people."""

import sys

import pytest

from finetrail.data.splitting.rows import Division
from finetrail.errors import ConfigError, SplitError, TrainingError
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
    refusing = COMPLETIONS.learn(["1", "2"], COMPLETIONS.Training(refusal_pattern="no")).codec
    assert COMPLETIONS.codec(refusing.described()).refusal == "no"
    with pytest.raises(ValueError, match="write a regular expression of Python, such as"):
        COMPLETIONS.Training(answer_pattern="(")


def test_a_tokenizer_whose_packages_are_missing_is_refused_with_two_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = ["\u732b\u304c\u597d\u304d", "\u72ac\u304c\u597d\u304d"]
    for name in ("MeCab", "mecab_ko"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    for tokenizer in ("ja-mecab", "ko-mecab"):
        module = f"sacrebleu.tokenizers.tokenizer_{tokenizer.replace('-', '_')}"
        monkeypatch.delitem(sys.modules, module, raising=False)
        remedy = rf"run `pip install 'sacrebleu\[{tokenizer[:2]}\]'`, or use 'char'$"
        with pytest.raises(ConfigError, match=rf"^train.tokenizer is '{tokenizer}', .*; {remedy}"):
            TRANSLATIONS.learn(labels, TRANSLATIONS.Training(tokenizer=tokenizer))
    assert TRANSLATIONS.learn(labels, TRANSLATIONS.Training(tokenizer="char")).codec.tokenizer == "char"
