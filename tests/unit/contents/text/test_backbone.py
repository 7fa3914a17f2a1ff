"""Text encoders: padding changes nothing, and what is saved comes back the same, without a trace of where it was."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.contents.text.backbone import save
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ModelError, SourceError
from finetrail.targets.classes import CLASSES
from finetrail.tasks.registry import get_task, load_model
from tests.unit.contents.text.loading import Parts, fetch, rebuild

TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "", "cloud " * 30]


@pytest.fixture(scope="module")
def loaded(backbone: TextBackbone, encoder_folder: Path) -> Parts:
    encoder, processor, width = fetch(backbone)
    return encoder.eval(), processor, width


def copy(encoder_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(encoder_folder, tmp_path / "copy"))


def refusal(weights: Path, **settings: Any) -> str:
    with pytest.raises(ModelError) as caught:
        fetch(TextBackbone(weights=str(weights), **({"max_tokens": 16} | settings)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_text_has_the_same_features_alone_and_in_a_padded_batch(loaded: Parts, pooling: Any) -> None:
    encoder = PooledEncoder(loaded[0].encoder, pooling).eval()
    inputs = loaded[1].encode(TEXTS)
    with torch.inference_mode():
        together = encoder(inputs.batch(range(len(TEXTS))))
        alone = torch.cat([encoder(inputs.batch([index])) for index in range(len(TEXTS))])
    assert together.shape == (5, loaded[2]) == (5, 16)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_pooling_is_the_mean_over_the_texts_tokens_or_the_first(loaded: Parts) -> None:
    batch = loaded[1].encode(TEXTS[:2]).batch([0, 1])
    with torch.inference_mode():
        tokens = loaded[0].encoder(**batch).last_hidden_state
        mean = PooledEncoder(loaded[0].encoder, "mean")(batch)
        first = PooledEncoder(loaded[0].encoder, "cls")(batch)
    torch.testing.assert_close(mean[0], tokens[0, :3].mean(0))
    torch.testing.assert_close(mean[1], tokens[1].mean(0))
    assert torch.equal(first, tokens[:, 0])


def test_two_texts_have_the_same_features_alone_and_in_a_padded_batch_and_their_order_counts(
    backbone: TextBackbone,
) -> None:
    encoder, processor, width = fetch(backbone, columns=("premise", "hypothesis"))
    rows = [{"premise": one, "hypothesis": other} for one, other in zip(TEXTS, TEXTS[1:] + TEXTS[:1], strict=True)]
    swapped = [{"premise": row["hypothesis"], "hypothesis": row["premise"]} for row in rows]
    inputs = processor.encode(rows)
    assert processor.has_segments
    with torch.inference_mode():
        together = encoder.eval()(inputs.batch(range(len(rows))))
        alone = torch.cat([encoder(inputs.batch([index])) for index in range(len(rows))])
        turned = encoder(processor.encode(swapped).batch(range(len(rows))))
        batch = inputs.batch([1])
        unmarked = encoder(batch | {"token_type_ids": torch.zeros_like(batch["token_type_ids"])})
    assert together.shape == (5, width)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(together, turned, atol=1e-3)
    assert not torch.allclose(alone[1], unmarked[0], atol=1e-3)  # the encoder reads which text a token is of


@pytest.mark.parametrize("separator", [None, " | "])
def test_a_saved_model_of_two_texts_answers_the_same(
    backbone: TextBackbone, tmp_path: Path, separator: str | None
) -> None:
    task, settings = get_task("text-classification"), backbone.model_copy(update={"separator": separator})
    built = task.build(settings, CLASSES.learned({"labels": ["no", "yes"]}), Path(), ["premise", "hypothesis"])
    task.save(built, settings, tmp_path)
    again = load_model(tmp_path)
    assert again.columns == ("premise", "hypothesis")
    batch = [{"premise": "good door", "hypothesis": "bad door"}, {"premise": "cloud " * 30, "hypothesis": "stone"}]
    with torch.inference_mode():
        expected = built.model.eval()(built.processor.encode(batch).batch([0, 1]))
        assert torch.equal(again.model(again.processor.encode(batch).batch([0, 1])), expected)


def test_the_pooler_that_nothing_uses_is_taken_out_and_dropout_is_as_set(encoder_folder: Path) -> None:
    encoder, _, _ = fetch(TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.3))
    assert not [name for name in encoder.state_dict() if "pooler" in name]
    rates = {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.3}


def test_what_is_saved_gives_the_same_features_and_names_no_place(
    backbone: TextBackbone, encoder_folder: Path, loaded: Parts, tmp_path: Path
) -> None:
    moved = copy(encoder_folder, tmp_path)
    for name, weights in (("one", encoder_folder), ("two", moved)):
        encoder, processor, _ = fetch(backbone.model_copy(update={"weights": str(weights)}))
        described = save(encoder, processor, backbone, tmp_path / name)
        assert described == backbone.model_dump() | {"pooling": "mean"}
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert one == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert "tokenizer.json" in one
    for content in one.values():
        assert str(encoder_folder).encode() not in content
        assert str(tmp_path.parent).encode() not in content
    again, processor, width = rebuild(backbone, tmp_path / "one")
    again.load_state_dict(loaded[0].state_dict(), strict=True)
    batch = processor.encode(TEXTS).batch(range(5))
    with torch.inference_mode():
        assert torch.equal(again.eval()(batch), loaded[0](batch))
    assert width == 16


def test_more_tokens_than_the_backbone_reads_are_refused(encoder_folder: Path) -> None:
    assert refusal(encoder_folder, max_tokens=33) == (
        "max_tokens is 33, but this backbone reads at most 32; lower backbone.max_tokens"
    )


def test_positions_that_a_backbone_reserves_cannot_be_asked_for(tmp_path: Path, encoder_folder: Path) -> None:
    """RoBERTa counts positions from 2: of 34 only 32 can hold tokens."""
    from transformers import RobertaConfig, RobertaModel

    weights = copy(encoder_folder, tmp_path)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = RobertaConfig(vocab_size=40, max_position_embeddings=34, pad_token_id=1, **sizes)
    RobertaModel(config).save_pretrained(weights)
    encoder, processor, _ = fetch(TextBackbone(weights=str(weights), max_tokens=32))
    assert encoder(processor.encode(["cloud " * 50]).batch([0])).shape == (1, 8)
    assert refusal(weights, max_tokens=33).startswith("max_tokens is 33, but this backbone reads at most 32; lower")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'no/such' does not exist"):
        fetch(TextBackbone(weights="no/such"), tmp_path)


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json", "tokenizer"])
def test_a_folder_without_what_an_encoder_needs_is_refused(encoder_folder: Path, tmp_path: Path, missing: str) -> None:
    weights = copy(encoder_folder, tmp_path)
    for path in weights.glob(f"{missing}*"):
        path.unlink()
    message = refusal(weights)
    what = "tokenizer (such as tokenizer.json)" if missing == "tokenizer" else "encoder with safetensors weights"
    assert message.startswith(f"'{weights}' holds no {what}")
    assert message.endswith("name another folder")


def test_weights_in_a_pickle_are_not_opened(encoder_folder: Path, tmp_path: Path) -> None:
    weights = copy(encoder_folder, tmp_path)
    (weights / "model.safetensors").rename(weights / "pytorch_model.bin")
    assert "holds no encoder with safetensors weights" in refusal(weights)


def test_torn_weights_are_refused(encoder_folder: Path, tmp_path: Path) -> None:
    weights = copy(encoder_folder, tmp_path)
    path = weights / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "holds no encoder with safetensors weights" in refusal(weights)


def test_weights_of_another_architecture_are_not_replaced_by_random_ones(encoder_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copy(encoder_folder, tmp_path)
    tensors = load_file(weights / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "layer.1.attention" not in name}
    assert len(kept) < len(tensors)
    save_file(kept, weights / "model.safetensors", {"format": "pt"})
    assert refusal(weights).startswith(
        f"'{weights}' lacks 10 tensors that its own configuration needs, such as encoder.layer.1"
    )


def test_weights_of_another_size_are_refused(encoder_folder: Path, tmp_path: Path) -> None:
    weights = copy(encoder_folder, tmp_path)
    config = json.loads((weights / "config.json").read_text())
    (weights / "config.json").write_text(json.dumps(config | {"hidden_size": 8}))
    assert "holds no encoder with safetensors weights" in refusal(weights)


def test_weights_without_the_pooler_that_nothing_uses_are_fine(encoder_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = copy(encoder_folder, tmp_path)
    tensors = load_file(weights / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}
    assert len(kept) == len(tensors) - 2
    save_file(kept, weights / "model.safetensors", {"format": "pt"})
    encoder, _, _ = fetch(TextBackbone(weights=str(weights), max_tokens=16))
    assert len(encoder.state_dict()) == len(kept)


def test_a_configuration_of_an_unknown_kind_is_refused(encoder_folder: Path, tmp_path: Path) -> None:
    weights = copy(encoder_folder, tmp_path)
    config = json.loads((weights / "config.json").read_text())
    (weights / "config.json").write_text(json.dumps(config | {"model_type": "nonesuch"}))
    assert "holds no encoder with safetensors weights" in refusal(weights)
