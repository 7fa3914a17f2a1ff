"""A very long text is tokenised as far as its tokens are kept: the same tokens, without the memory of the rest."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.shortened import LONG, shortened

pytestmark = pytest.mark.slow

MOST = 8
CORPUS = ["the river by the house was a good superb door", "an awful night, never again! 日本語 ümlaut 123", "aaa bbb"]
KINDS = {
    "wordpiece": (
        models.WordPiece(unk_token="[UNK]"),  # noqa: S106  (no password)
        normalizers.BertNormalizer(lowercase=True),
        pre_tokenizers.BertPreTokenizer(),
        trainers.WordPieceTrainer(vocab_size=120, special_tokens=["[UNK]", "[PAD]"]),
    ),
    "bytes": (
        models.BPE(),
        None,
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=["[PAD]"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    ),
    "unigram": (
        models.Unigram(),
        normalizers.NFKC(),
        pre_tokenizers.Metaspace(),
        trainers.UnigramTrainer(vocab_size=90, special_tokens=["[UNK]", "[PAD]"], unk_token="[UNK]"),  # noqa: S106
    ),
}
parts = st.lists(
    st.tuples(st.text(alphabet="ab riverthe日ü,!1\n\t \u3000\u0301", max_size=12), st.integers(1, 120)), max_size=12
)


@pytest.fixture(scope="module", params=list(KINDS))
def tokenizer(request: pytest.FixtureRequest) -> Any:
    model, normalizer, split, trainer = KINDS[request.param]
    made = Tokenizer(model)
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = split
    made.train_from_iterator(CORPUS * 20, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]")  # noqa: S106


def ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer(text, truncation=True, max_length=MOST)["input_ids"]
    return found


@settings(max_examples=300, deadline=None)
@given(repeated=parts)
@example(repeated=[("a", 120), ("a" * 9, 120)])
@example(repeated=[("\n", 120), (" \t", 120), ("river ", 120), ("x" * 12, 90)])
def test_the_tokens_that_count_are_those_of_the_whole_text(tokenizer: Any, repeated: list[tuple[str, int]]) -> None:
    text = "".join(part * times for part, times in repeated)
    start = shortened(text, tokenizer, MOST)
    assert text.startswith(start)
    assert ids(tokenizer, start) == ids(tokenizer, text)


def test_a_text_that_is_not_long_is_left_alone(tokenizer: Any) -> None:
    text = "the river " * (LONG * MOST // 10)
    assert shortened(text, tokenizer, MOST) is text


def test_a_tokenizer_that_keeps_the_end_gets_the_whole(tokenizer: Any) -> None:
    text = "the river " * 1_000
    try:
        tokenizer.truncation_side = "left"
        assert shortened(text, tokenizer, MOST) is text
    finally:
        tokenizer.truncation_side = "right"


@pytest.mark.parametrize(
    "text",
    ["the river by the house " * 400_000, "a" * 10_000_000, "日本語" * 3_000_000, " " * 10_000_000],
    ids=["words", "one word", "no space", "space alone"],
)
def test_ten_million_characters_take_little_memory(tokenizer: Any, text: str) -> None:
    processor = TextProcessor(tokenizer, MOST)
    tracemalloc.start()
    try:
        inputs = processor.encode([text])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(inputs.tokens[0]) <= MOST
    assert peak < 12 * 2**20, "a copy of the start, of up to 4 bytes a character"
