"""Texts that vary: off by default, the same for the same seed, and tags keep the words that they are about."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.settings import InPlaceAugment, TextAugment
from finetrail.contents.text.word_pieces import WordProcessor
from finetrail.inference.feeding import feed
from finetrail.targets.tags import TAGS
from tests.unit.params_file import load, refusal

TEXTS = [f"there was always another place where they could watch, said number {number}" for number in range(12)]
ALL = list(range(len(TEXTS)))


@pytest.fixture(scope="module")
def tokenizer(tiny_bert: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_bert, local_files_only=True)


def test_nothing_varies_unasked(tokenizer: Any, tmp_path: Path) -> None:
    train: Any = load(tmp_path, {}).candidates["probe"].train
    inputs = TextProcessor(tokenizer, 64).encode(TEXTS, augment=train.augment)
    assert not inputs.varies
    assert torch.equal(inputs.batch(ALL, seed=1)["input_ids"], inputs.batch(ALL)["input_ids"])


def test_a_seed_decides_and_without_one_nothing_varies(tokenizer: Any) -> None:
    augment = TextAugment(perturbations=["typos", "drop_words"])
    processor = TextProcessor(tokenizer, 64)
    inputs, plain = processor.encode(TEXTS, augment=augment), processor.encode(TEXTS)
    assert inputs.varies
    assert inputs.lengths == plain.lengths
    assert torch.equal(inputs.batch(ALL)["input_ids"], plain.batch(ALL)["input_ids"])
    one, again, other = (inputs.batch(ALL, seed)["input_ids"] for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert one.shape != other.shape or not torch.equal(one, other)


def test_so_many_are_perturbed_as_the_share_says(tokenizer: Any) -> None:
    augment = TextAugment(perturbations=["drop_words"], share=0.25, severities=[5])
    inputs = TextProcessor(tokenizer, 64).encode(TEXTS, augment=augment)
    lengths = torch.stack([inputs.batch(ALL, seed)["attention_mask"].sum(1) for seed in range(100)])
    assert float((lengths < torch.tensor(inputs.lengths)).float().mean()) == pytest.approx(0.25, abs=0.04)


@given(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=5), st.integers(0, 2**32))
def test_what_one_row_gets_does_not_depend_on_what_the_others_say(tokenizer: Any, texts: list[str], seed: int) -> None:
    processor = TextProcessor(tokenizer, 64)
    augment = TextAugment(perturbations="all")
    first, second = (
        processor.encode([TEXTS[0], *others], augment=augment).varying for others in (texts, ["x"] * len(texts))
    )
    assert first is not None
    assert second is not None
    assert first.draw([TEXTS[0], *texts], seed)[0] == second.draw([TEXTS[0], *["x"] * len(texts)], seed)[0]


def test_pairs_and_any_number_of_workers_make_the_same_batches(tokenizer: Any) -> None:
    rows = [{"one": text, "other": text[::-1]} for text in TEXTS]
    augment = TextAugment(perturbations=["swap_words", "case"], share=1.0)
    inputs = TextProcessor(tokenizer, 64, ("one", "other")).encode(rows, augment=augment)
    asked = [([0, 3, 4], 1), ([8, 1], 2), ([2, 5], 3)]
    alone, helped = (list(feed(inputs, asked, torch.device("cpu"), workers=workers)) for workers in (0, 2))
    for one, other in zip(alone, helped, strict=True):
        assert set(one) == {"input_ids", "attention_mask", "token_type_ids"}
        assert all(torch.equal(one[name], other[name]) for name in one)


def tagged(tokenizer: Any, most: int, texts: list[str], **settings: Any) -> Any:
    """Inputs with the targets of a tag on the first word of each text."""
    learning = TAGS.learned({"types": ["X"], "plain": False, "temperature": 1.0})
    augment = InPlaceAugment(**settings) if settings else None
    inputs: Any = WordProcessor(tokenizer, most).encode(texts, augment=augment)
    labels = [[{"start": 0, "end": 5, "type": "X"}] for _ in texts]
    return inputs.labelled(learning.encode(labels, inputs))


def test_tags_stay_with_their_words_and_words_without_room_count_for_nothing(tokenizer: Any) -> None:
    settings = {"perturbations": ["typos"], "severities": [5], "share": 1.0}  # a word with a typo takes more pieces
    varied, plain = tagged(tokenizer, 64, TEXTS, **settings), tagged(tokenizer, 64, TEXTS)
    one, other = varied.batch(ALL, 3), plain.batch(ALL)
    assert one["input_ids"].shape != other["input_ids"].shape or not torch.equal(one["input_ids"], other["input_ids"])
    assert torch.equal(one["features_mask"], other["features_mask"])
    assert torch.equal(one["targets"], other["targets"]), "every word still has its place"
    cut, whole = tagged(tokenizer, 14, TEXTS, **settings), tagged(tokenizer, 14, TEXTS)
    some = range(len(whole))
    one, other = cut.batch(some, 3), whole.batch(some)
    lost = (one["places"] == 0) & one["features_mask"]
    assert bool((lost & (other["places"] > 0)).any()), "some words have no room any more"
    assert set(one["targets"][lost].tolist()) == {-100}
    kept = (one["places"] > 0) & one["features_mask"]
    assert torch.equal(one["targets"][kept], other["targets"][kept])


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"train.augment.perturbations": ["fog"]}, r"'fog' does not exist; use some of typos, case"),
        ({"train.augment.severities": [6]}, r"train\.augment\.severities\.0 is 6: must be less than or equal to 5"),
        ({"train.augment.share": 0}, r"train\.augment\.share is 0: must be greater than 0"),
        (
            {"task": "token-classification", "train.augment.perturbations": ["drop_words"]},
            r"'drop_words' moves what the labels of this task name the places of; use some of typos, case, homoglyphs",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, edits: dict[str, Any], message: str) -> None:
    assert re.search(message, refusal(tmp_path, edits))


def test_the_remedy_works(tmp_path: Path) -> None:
    edits = {"task": "token-classification", "train.augment.perturbations": ["typos", "case"]}
    train: Any = load(tmp_path, edits).candidates["probe"].train
    assert train.augment.names == ["typos", "case"]
