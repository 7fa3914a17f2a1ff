"""What a caller asks of a model that writes: tokens drawn by a seed, and answers piece by piece."""

import random
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from scipy.stats import chisquare
from transformers import AutoTokenizer, BertTokenizerFast

from finetrail.contents.text.settings import TextBackbone
from finetrail.contents.text.writing.drawing import GumbelNoise, overheard
from finetrail.contents.text.writing.inputs import Writing

TEXTS = [
    "na\u00efve \U0001f469\u200d\U0001f469\u200d\U0001f467 say \u6f22\u5b57\u3000",
    "don ' t , they say it 's . \u3042",
    "",
]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_largest_logit_with_noise_is_a_draw_from_their_softmax(temperature: float) -> None:
    logits, rows = torch.tensor([2.0, 1.0, 0.0, -1.0, -torch.inf]), 4000
    noise = GumbelNoise(torch.arange(rows), torch.full((rows,), temperature))
    drawn = noise(torch.zeros(rows, 1), logits.expand(rows, -1)).argmax(1)
    wanted = (logits.double() / temperature).softmax(0) * rows
    counts = torch.bincount(drawn, minlength=5)
    assert counts[4] == 0
    assert chisquare(counts[:4], wanted[:4]).pvalue > 0.001


def test_a_row_has_its_own_draws_and_a_tiny_temperature_leaves_the_largest() -> None:
    scores = torch.zeros(3, 50)
    together = GumbelNoise(torch.tensor([5, 6, 7]), torch.ones(3))
    alone = GumbelNoise(torch.tensor([6]), torch.ones(1))
    for _ in range(3):  # draw by draw
        found = together(torch.zeros(3, 1), scores)
        assert torch.equal(found[1:2], alone(torch.zeros(1, 1), scores[:1]))
        assert not torch.equal(found[0], found[1])
    logits = torch.randn(100, 50, generator=torch.Generator().manual_seed(0)) * 20
    noise = GumbelNoise(torch.arange(100), torch.full((100,), 1e-30))
    assert torch.equal(noise(torch.zeros(100, 1), logits).argmax(1), logits.argmax(1))


@pytest.fixture(params=["bytes", "word pieces"])
def writing(request: pytest.FixtureRequest, decoders: Mapping[str, TextBackbone], tmp_path: Path) -> Writing:
    """Of a tokenizer whose tokens may be parts of characters, or of one that joins words and punctuation."""
    if request.param == "bytes":
        tokenizer = AutoTokenizer.from_pretrained(decoders["gpt2"].weights, trust_remote_code=False)
    else:
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "don", "'", "t", ",", ".", "s", "##s", "it", "they", "say"]
        tokenizer = BertTokenizerFast(vocab={word: place for place, word in enumerate(words)})
    return Writing(tokenizer, end=0, most=99)


def test_the_pieces_of_an_answer_join_to_its_text_and_none_has_half_a_character(writing: Writing) -> None:
    chance = random.Random(0)  # noqa: S311 - any tokens will do
    known = [writing.tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    anything = [chance.choices(range(len(writing.tokenizer)), k=chance.randrange(30)) for _ in range(100)]
    for tokens in [*known, *anything]:
        (whole,) = writing.texts([tokens])
        pieces = list(writing.told(tokens))
        assert "".join(pieces) == whole
        assert all(pieces)
    long = known[0] * 3
    pieces = list(writing.told(long))
    assert len(pieces) > 2
    if writing.texts([known[0]]) == [TEXTS[0].strip()]:
        assert not any("\ufffd" in piece for piece in pieces)
        cut = [writing.texts([known[0][:end]])[0] for end in range(len(known[0]))]
        assert not any("\ufffd" in text for text in cut), "nor where the limit of length ends an answer"
        assert len(set(cut)) < len(cut)


def test_a_piece_is_told_before_the_answer_is_written(writing: Writing) -> None:
    asked: list[int] = []

    def tokens() -> Iterator[int]:
        for token in writing.tokenizer("say " * 20, add_special_tokens=False)["input_ids"]:
            asked.append(token)
            yield token

    next(writing.told(tokens()))
    assert len(asked) < 10


def test_an_error_of_the_writing_thread_is_raised_and_whoever_leaves_stops_it() -> None:
    def fails(streamer: object) -> None:
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        list(overheard(fails))
    put: list[int] = []

    def goes_on(streamer: object) -> None:
        for token in range(10**9):
            streamer.put(torch.tensor([token]))  # type: ignore[attr-defined]
            put.append(token)

    before = threading.active_count()
    tokens = overheard(goes_on)
    assert [next(tokens), next(tokens)] == [1, 2], "the first call has the prompt"
    tokens.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(put) < 10**9
