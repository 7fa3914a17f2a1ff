"""Texts made ready for an encoder: cut, padded, told apart; and it is told how many rows were cut."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from finetrail.contents.text.processor import EXCERPT, TextInputs, TextProcessor
from finetrail.errors import ConfigError
from finetrail.targets.per_row import RowTargets

TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "", "cloud " * 30]
PAIR = ("premise", "hypothesis")
ROWS = st.lists(st.integers(1, 99), min_size=1, max_size=7)


@pytest.fixture(scope="module")
def tokenizer(encoder_folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(encoder_folder, local_files_only=True)


def pair(premise: str, hypothesis: str) -> dict[str, str]:
    return {"premise": premise, "hypothesis": hypothesis}


def words(tokenizer: Any, ids: list[int]) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(ids))


@given(st.lists(ROWS, min_size=1, max_size=6), st.data())
def test_a_batch_holds_the_tokens_then_padding_up_to_the_longest(tokens: list[list[int]], data: st.DataObject) -> None:
    kinds = [[place % 2 for place in range(len(row))] for row in tokens]
    inputs = TextInputs(tokens, padding=3, segments=kinds)
    indices = data.draw(st.lists(st.sampled_from(range(len(tokens))), min_size=1))
    batch = inputs.batch(indices)
    width = max(len(tokens[index]) for index in indices)
    assert len(inputs) == len(tokens)
    assert list(inputs.rows) == list(range(len(tokens)))
    assert inputs.lengths == [len(one) for one in tokens]
    assert batch["input_ids"].tolist() == [tokens[i] + [3] * (width - len(tokens[i])) for i in indices]
    assert batch["attention_mask"].tolist() == [[1] * len(tokens[i]) + [0] * (width - len(tokens[i])) for i in indices]
    assert batch["token_type_ids"].tolist() == [kinds[i] + [0] * (width - len(tokens[i])) for i in indices]
    plain = TextInputs(tokens, padding=3)
    assert set(plain.batch(indices)) == {"input_ids", "attention_mask"}
    labelled = plain.labelled(RowTargets(torch.arange(len(tokens))))
    assert labelled.batch(indices)["targets"].tolist() == indices


def test_texts_are_cut_at_max_tokens_and_keep_their_order(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    processor = TextProcessor(tokenizer, 16)
    inputs = processor.encode(TEXTS)
    assert [length <= 16 for length in inputs.lengths] == [True] * 5
    assert (inputs.lengths[0], inputs.lengths[3], inputs.lengths[4]) == (3, 2, 16)
    assert inputs.padding == tokenizer.pad_token_id
    assert inputs.segments is None
    assert len(processor.encode([])) == 0
    assert caplog.messages == []  # of texts alone `max_tokens` says it
    # A separator has nothing to stand between.
    assert TextProcessor(tokenizer, 16, separator=" | ").encode(TEXTS).tokens == inputs.tokens


def test_two_texts_are_the_segments_that_the_tokenizer_knows(tokenizer: Any) -> None:
    processor = TextProcessor(tokenizer, 16, PAIR)
    inputs = processor.encode([pair("good door", "bad"), pair("", "bad chair")])
    assert processor.has_segments
    assert [words(tokenizer, [*row]) for row in inputs.tokens] == [
        "[CLS] good door [SEP] bad [SEP]",
        "[CLS] [SEP] bad chair [SEP]",
    ]
    assert inputs.segments == [[0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1]]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(8, 20))
def test_of_two_texts_the_longer_is_cut_first_as_transformers_does_it(
    tokenizer: Any, first: int, second: int, most: int
) -> None:
    row = pair("good " * first, "bad " * second)
    inputs = TextProcessor(tokenizer, most, PAIR).encode([row])
    theirs = tokenizer([tuple(row.values())], truncation="longest_first", max_length=most)
    assert [inputs.tokens, inputs.segments] == [theirs["input_ids"], theirs["token_type_ids"]]
    kept = words(tokenizer, [*inputs.tokens[0]]).split()
    left, right = kept.count("good"), kept.count("bad")
    room = most - 3  # [CLS] and two [SEP]
    assert left + right == min(first + second, room)
    if first + second > room:
        # None loses a word while the other has more left, and each keeps at least half of the room or all it has.
        assert left >= min(first, room // 2)
        assert right >= min(second, room // 2)


def test_a_tokenizer_without_segments_still_joins_two_texts(encoder_folder: Path) -> None:
    names = ["input_ids", "attention_mask"]
    tokenizer = AutoTokenizer.from_pretrained(encoder_folder, local_files_only=True, model_input_names=names)
    processor = TextProcessor(tokenizer, 16, PAIR)
    inputs = processor.encode([pair("good door", "bad")])
    assert not processor.has_segments
    assert inputs.segments is None
    assert set(inputs.batch([0])) == {"input_ids", "attention_mask"}
    assert words(tokenizer, [*inputs.tokens[0]]) == "[CLS] good door [SEP] bad [SEP]"


def test_with_a_separator_each_text_stands_behind_the_name_of_its_column(tokenizer: Any) -> None:
    columns = ("door", "house", "river")
    processor = TextProcessor(tokenizer, 20, columns, separator=" cloud ")
    row = {"door": "good", "house": "bad chair", "river": ""}
    assert processor.written(row) == "door: good cloud house: bad chair cloud river: "
    assert not processor.has_segments
    inputs = processor.encode([row])
    assert inputs.segments is None
    assert inputs.tokens == tokenizer([processor.written(row)])["input_ids"]
    two = TextProcessor(tokenizer, 20, ("door", "house"), separator=" cloud ")
    assert two.written({"door": "good", "house": "bad"}) == "door: good cloud house: bad"
    assert not two.has_segments


def test_more_texts_than_a_tokenizer_joins_need_a_separator(tokenizer: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"names 3 columns, but a tokenizer joins at most two; set backbone\.separator"
    ):
        TextProcessor(tokenizer, 16, ("a", "b", "c"))


@pytest.mark.parametrize(
    ("separator", "message"),
    [
        (None, "2 of 4 rows have more than 8 tokens: the longer text is cut"),
        # Here `premise:` and `hypothesis:` are two tokens each.
        (" ", "2 of 4 rows have more than 8 tokens: the end is cut"),
    ],
)
def test_it_is_told_how_many_rows_are_cut(
    tokenizer: Any, separator: str | None, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    processor = TextProcessor(tokenizer, 8, PAIR, separator)
    more = 0 if separator is None else 3
    rows = [pair("good " * (5 - more), ""), pair("good " * (6 - more), ""), pair("good", "bad " * 9), pair("", "")]
    with caplog.at_level(logging.WARNING):
        inputs = processor.encode(rows)
    assert inputs.lengths[:3] == [8, 8, 8]  # the first is full, and whole
    assert caplog.messages == [message]
    caplog.clear()
    processor.encode([rows[0], rows[3]])
    assert caplog.messages == []


def test_rows_of_many_portions_are_counted_together(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    rows = [pair("good", "bad " * (9 if number % 500 == 0 else 1)) for number in range(2_100)]
    inputs = TextProcessor(tokenizer, 8, PAIR).encode(rows)
    assert caplog.messages == ["5 of 2100 rows have more than 8 tokens: the longer text is cut"]
    assert len(inputs) == 2_100
    assert inputs.lengths == [8 if number % 500 == 0 else 5 for number in range(2_100)]


def test_people_see_the_texts_as_they_are_and_as_the_model_reads_them(tokenizer: Any) -> None:
    processor = TextProcessor(tokenizer, 8, PAIR)
    row = pair("good", "bad " * 9)
    assert processor.preview(row).text == f"premise: good\nhypothesis: {'bad ' * 9}"
    assert len(processor.preview(pair("x" * 2 * EXCERPT, "y")).text) == EXCERPT
    (shown,) = processor.show(processor.encode([row]).batch([0]))
    assert shown.text.split() == ["good", *["bad"] * 4]
    assert TextProcessor(tokenizer, 8).preview("good door").text == "good door"
