"""Decoders as backbones: the last token speaks for the text, wherever the padding is, and nothing else is asked for."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from finetrail.contents.text.encoder import PooledEncoder, is_causal
from finetrail.contents.text.explaining import explainable_texts
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError, ModelError
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.network import Batch
from finetrail.tasks.registry import get_task, load_model
from tests.unit.contents.text.loading import fetch
from tests.unit.decoders import END, KINDS
from tests.unit.models.networks import answers, text_classifier

TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "", "cloud " * 30]


def left_padded(batch: Batch) -> Batch:
    """The same texts, as tokenizers of decoders often pad them."""
    rows = [row[mask > 0] for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
    width = batch["input_ids"].shape[1]
    ids = torch.stack([torch.cat((torch.full((width - len(row),), 7), row)) for row in rows])
    return {"input_ids": ids, "attention_mask": batch["attention_mask"].flip(1)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_has_the_same_features_alone_and_padded_on_either_side(
    decoders: Mapping[str, TextBackbone], kind: str
) -> None:
    encoder, processor, width = fetch(decoders[kind])
    assert encoder.pooling == "last"
    assert kind == "qwen2" or processor.tokenizer.pad_token is None  # transformers gives one to each of Qwen2
    inputs, encoder = processor.encode(TEXTS), encoder.eval()
    batch = inputs.batch(range(len(TEXTS)))
    with torch.inference_mode():
        together = encoder(batch)
        alone = torch.cat([encoder(inputs.batch([index])) for index in range(len(TEXTS))])
        left = encoder(left_padded(batch))
    assert together.shape == (5, width) == (5, 16)
    assert all((together[1:] - row).abs().amax(1).min() > 0.1 for row in together[:1])  # texts differ
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together, left, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_sequence_classifier_of_transformers(decoders: Mapping[str, TextBackbone], kind: str) -> None:
    from transformers import AutoModelForSequenceClassification

    built = text_classifier(decoders[kind])
    head: torch.nn.Linear = built.model.head  # type: ignore[assignment]
    theirs = AutoModelForSequenceClassification.from_pretrained(decoders[kind].weights, num_labels=2).eval()
    theirs.config.pad_token_id = 0
    with torch.no_grad():
        theirs.score.weight.copy_(head.weight)
        ids = built.processor.encode(TEXTS[:3]).batch(range(3))
        ids["input_ids"][ids["attention_mask"] == 0] = 0
        expected = theirs(**ids).logits + head.bias  # theirs has none
    torch.testing.assert_close(torch.from_numpy(answers(built.model, built.processor.encode(TEXTS[:3]))), expected)


def test_only_where_no_token_sees_the_next_ones_the_last_is_the_default(
    decoders: Mapping[str, TextBackbone], backbone: TextBackbone, tmp_path: Path
) -> None:
    assert all(is_causal(fetch(decoders[kind])[0].encoder) for kind in KINDS)
    encoder, _, _ = fetch(backbone)
    assert not is_causal(encoder.encoder)
    assert encoder.pooling == "mean"
    assert fetch(decoders["gpt2"].model_copy(update={"pooling": "mean"}))[0].pooling == "mean"
    both_ways = tmp_path / "both ways"  # an embedding model made of a decoder
    shutil.copytree(decoders["llama"].weights, both_ways)
    config = json.loads((both_ways / "config.json").read_text())
    (both_ways / "config.json").write_text(json.dumps(config | {"is_causal": False}))
    assert fetch(TextBackbone(weights=str(both_ways), max_tokens=32))[0].pooling == "mean"


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_says_how_it_pools_and_answers_the_same(
    decoders: Mapping[str, TextBackbone], tmp_path: Path, kind: str
) -> None:
    built = text_classifier(decoders[kind])
    get_task("text-classification").save(built, decoders[kind], tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["backbone"]["pooling"] == "last"
    loaded = load_model(tmp_path)
    assert isinstance(loaded.model.backbone, PooledEncoder)
    assert loaded.model.backbone.pooling == "last"
    expected = answers(built.model, built.processor.encode(TEXTS))
    assert (answers(loaded.model, loaded.processor.encode(TEXTS)) == expected).all()


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_that_are_computed_twice_give_the_same_gradients(
    decoders: Mapping[str, TextBackbone], kind: str
) -> None:
    """A block that kept its keys for a next token would have them twice in the second computation."""
    gradients = []
    for twice in (False, True):
        encoder, processor, _ = fetch(decoders[kind])
        if twice:
            checkpoint_blocks(encoder)
        encoder.train()(processor.encode(TEXTS).batch(range(5))).square().sum().backward()
        gradients.append({name: one.grad for name, one in encoder.named_parameters() if one.grad is not None})
    assert len(gradients[0]) > 10
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_dropout_is_as_set(decoders: Mapping[str, TextBackbone]) -> None:
    encoder, processor, _ = fetch(decoders["gpt2"].model_copy(update={"dropout": 0.3}))
    assert {one.p for one in encoder.modules() if isinstance(one, torch.nn.Dropout)} == {0.3}
    encoder, processor, _ = fetch(decoders["llama"].model_copy(update={"dropout": 0.3}))
    batch = processor.encode(TEXTS).batch([1])
    assert not torch.equal(encoder.train()(batch), encoder(batch))
    encoder, _, _ = fetch(decoders["llama"])
    assert torch.equal(encoder.train()(batch), encoder(batch))


def test_two_texts_need_a_separator_where_the_tokenizer_puts_nothing_between(
    decoders: Mapping[str, TextBackbone],
) -> None:
    columns = ("premise", "hypothesis")
    message = (
        "source.columns.text names 2 columns, but this backbone's tokenizer puts nothing between two texts; "
        r"set backbone.separator, for example to ' \| '"
    )
    with pytest.raises(ConfigError, match=message):
        fetch(decoders["gpt2"], columns=columns)
    encoder, processor, _ = fetch(decoders["gpt2"].model_copy(update={"separator": " | "}), columns=columns)
    rows = [{"premise": "good door", "hypothesis": "bad"}, {"premise": "good", "hypothesis": "door bad"}]
    with torch.inference_mode():
        one, other = encoder.eval()(processor.encode(rows).batch([0, 1]))
    assert not torch.allclose(one, other, atol=1e-2)


def test_words_are_not_labelled_by_what_stands_before_them_alone(
    decoders: Mapping[str, TextBackbone], backbone: TextBackbone
) -> None:
    task = get_task("token-classification")
    learning = task.target.learned({"types": ["place"], "plain": False})
    with pytest.raises(ModelError, match=r"reads from left to right, so a word's vector knows .+; name an encoder"):
        task.build(decoders["gpt2"], learning, Path(), ["text"])
    task.build(backbone, learning, Path(), ["text"])


def test_a_model_that_needs_two_texts_is_refused(decoders: Mapping[str, TextBackbone], tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    weights = Path(shutil.copytree(decoders["gpt2"].weights, tmp_path / "t5"))
    T5Model(T5Config(vocab_size=300, d_model=8, d_ff=8, d_kv=4, num_heads=2, num_layers=1)).save_pretrained(weights)
    with pytest.raises(ModelError, match=r"does not turn a text into vectors \(.+\); name an encoder or a decoder$"):
        fetch(TextBackbone(weights=str(weights)))


def test_an_explanation_names_the_words_and_compares_with_the_end_of_a_text(
    decoders: Mapping[str, TextBackbone],
) -> None:
    built = text_classifier(decoders["gpt2"])
    (example,) = explainable_texts(built.model, built.processor, "good door, bad house")  # type: ignore[arg-type]
    assert [word.strip() for word in example.parts.names] == ["good", "door", ",", "bad", "house", "(other)"]
    assert example.compared == f"the same text with {END} in place of every piece"
    assert (example.baseline == built.processor.tokenizer.eos_token_id).all()  # type: ignore[attr-defined]
