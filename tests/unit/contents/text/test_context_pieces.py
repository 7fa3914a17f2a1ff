"""Questions and contexts in windows: whole questions, exact places, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from finetrail.contents.text.backbone import load_pretrained
from finetrail.contents.text.context_pieces import PieceProcessor
from finetrail.contents.text.settings import TextAugment, TextBackbone
from finetrail.errors import ConfigError
from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.spans.learning import SpanLearning
from finetrail.targets.spans.reading import Label
from finetrail.targets.spans.settings import SpanTraining

COLUMNS = ("question", "context")
TRAINING = SpanTraining()
LONG = "about after again all also always and another around because before began between came could day did each"


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_bert)


def asked(question: str, context: str) -> dict[str, str]:
    return {"question": question, "context": context}


def label(context: str, text: str) -> Label:
    return [{"text": text, "start": context.index(text)}]


def test_every_window_has_the_whole_question_and_together_they_show_the_context(tokenizer: Any) -> None:
    inputs = PieceProcessor(tokenizer, 16, COLUMNS).encode([asked("who was there", LONG), asked("who", "rain")])
    assert len(inputs) > 3
    assert inputs.rows == [*[0] * (len(inputs) - 1), 1]
    assert max(inputs.lengths) == 16
    shown: set[str] = set()
    for tokens, window in zip(inputs.tokens[:-1], inputs.windows, strict=False):
        assert tokenizer.decode(tokens).startswith("[CLS] who was there [SEP]")
        assert window.places[0] == 0
        pieces = tokenizer.convert_ids_to_tokens([tokens[place] for place in window.places[1:]])
        assert [LONG[start:end] for start, end in window.offsets[1:]] == pieces
        shown |= set(pieces)
    assert shown == set(LONG.split())


def test_features_are_the_vectors_of_the_pieces(tiny_bert: Path) -> None:
    settings = TextBackbone(weights=str(tiny_bert), max_tokens=24, dropout=0.0)
    loaded = load_pretrained(settings, Path(), "pieces", COLUMNS)
    inputs = loaded.processor.encode([asked("who was there", "rain  and snow"), asked("who", "rain")])
    batch = inputs.batch([0, 1])
    assert batch["features_mask"].tolist() == [[True] * 4, [True, True, False, False]]
    assert batch["token_type_ids"][0].tolist() == [0] * 5 + [1] * 4
    with torch.no_grad():
        found = loaded.network(batch)
        whole = loaded.network.encoder(  # type: ignore[operator]
            **{name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids")}
        ).last_hidden_state
    torch.testing.assert_close(found[0], whole[0, [0, 5, 6, 7]])
    assert loaded.processor.preview(asked("who\nwas", "a\n b")).text == "who was\na\n b"


def test_targets_are_the_pieces_of_the_answer_or_the_first_token(tokenizer: Any) -> None:
    context = f"Anchor {LONG} Xyz"
    inputs = PieceProcessor(tokenizer, 16, COLUMNS).encode([asked("who was there", context)] * 4)
    labels = [
        label(context, "Anchor about"),
        label(context, "did each Xyz"),
        [{"text": "yz", "start": context.index("yz")}],
        [],
    ]
    targets = SpanLearning(SpanCodec(unanswerable=True)).encode(labels, inputs)
    found = targets.values.numpy()
    told: dict[int, set[str]] = {0: set(), 1: set(), 2: set(), 3: set()}
    for row, window, (first, last) in zip(inputs.rows, inputs.windows, found, strict=True):
        if (first, last) != (0, 0):
            told[row].add(context[window.offsets[first, 0] : window.offsets[last, 1]])
    assert told == {0: {"Anchor about"}, 1: {"did each Xyz"}, 2: {"yz"}, 3: set()}
    assert (found == 0).all(axis=1).any(), "a window without the answer"


def test_the_score_of_training_is_its_loss(tokenizer: Any) -> None:
    rows = [asked("who was there", LONG), asked("who", "rain and snow")]
    labels = [label(LONG, "came could"), []]
    inputs = PieceProcessor(tokenizer, 16, COLUMNS).encode(rows)
    learning = SpanLearning(SpanCodec(unanswerable=True))
    inputs = inputs.labelled(learning.encode(labels, inputs))
    batch = inputs.batch(range(len(inputs)))
    outputs = torch.randn((*batch["places"].shape, 2), generator=torch.Generator().manual_seed(0))
    loss = learning.loss(TRAINING, labels)(outputs, batch)
    parts = [learning.loss(TRAINING, labels)(outputs[n : n + 1], inputs.batch([n])) for n in range(2)]
    assert torch.stack(parts).mean().item() == pytest.approx(
        learning.loss(TRAINING, labels)(outputs[:2], inputs.batch([0, 1])).item(), rel=1e-5
    )
    point = learning.score(learning.keep(outputs, batch), inputs, labels)
    assert point["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert set(point) == {"loss", "exact_match", "f1"}


def test_a_question_that_would_leave_no_room_is_cut_and_told(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    processor = PieceProcessor(tokenizer, 16, COLUMNS)
    inputs = processor.encode([asked(LONG, "rain and snow"), asked("who", "rain")])
    assert tokenizer.decode(inputs.tokens[0]) == "[CLS] about after again all also always [SEP] rain and snow [SEP]"
    assert "1 of 2 questions have more than 6 tokens" in caplog.text
    assert PieceProcessor(tokenizer, 8, COLUMNS).encode([asked(LONG, LONG)]).lengths[0] == 8, (
        "the least that is allowed"
    )


def test_a_context_that_no_tokenizer_reads_has_no_answer(tokenizer: Any) -> None:
    inputs = PieceProcessor(tokenizer, 16, COLUMNS).encode([asked("who", "\u200b")])
    assert [len(window.places) for window in inputs.windows] == [1]
    answers = SpanLearning(SpanCodec(unanswerable=False)).answers([np.zeros((1, 2), dtype=np.float32)], inputs)
    assert (answers.texts, answers.places) == ([""], [(0, 0)])


@pytest.mark.parametrize(
    ("columns", "separator", "said"),
    [
        (("text",), None, r"names 1 columns, .* as in \[question, context\]"),
        (("a", "b", "c"), None, r"names 3 columns"),
        (COLUMNS, " | ", r"backbone.separator is ' \| ', .* leave it out"),
    ],
)
def test_what_cannot_hold_an_answer_is_refused(tokenizer: Any, columns: Any, separator: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PieceProcessor(tokenizer, 16, columns, separator)
    assert PieceProcessor(tokenizer, 16, COLUMNS).has_segments


def test_texts_that_vary_are_refused(tokenizer: Any) -> None:
    processor = PieceProcessor(tokenizer, 16, COLUMNS)
    with pytest.raises(ConfigError, match=r"names 'typos', but answers are learnt as places .*; leave it empty"):
        processor.encode([asked("who", "rain")], augment=TextAugment(perturbations=["typos"]))
    assert len(processor.encode([asked("who", "rain")], augment=TextAugment())) == 1
