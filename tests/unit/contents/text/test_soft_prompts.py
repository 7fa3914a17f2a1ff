"""Trained vectors beside a text: where they stand, which encoders take them, and that a saved model has them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.adaptation.prefix_tuning import PrefixTuning
from finetrail.adaptation.prompt_tuning import PromptTuning
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.settings import TextBackbone
from finetrail.contents.text.soft_prompts import PrefixEncoder, PromptEncoder, add_soft_prompt
from finetrail.errors import ConfigError, ModelError
from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.layers import backbone_layers
from finetrail.models.network import Network
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built
from finetrail.training.frozen_blocks import find_frozen_blocks
from tests.unit.models.networks import answers, text_classifier

TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "cloud " * 30]
METHODS: dict[str, PromptTuning | PrefixTuning] = {
    "prompt_tuning": PromptTuning(method="prompt_tuning", tokens=5),
    "prefix_tuning": PrefixTuning(method="prefix_tuning", tokens=5),
}


def build(backbone: TextBackbone) -> Built:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return text_classifier(backbone)


def prompted(backbone: TextBackbone, name: str) -> Built:
    built = build(backbone)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        METHODS[name].apply(built.model)
        vectors(built.model).data.normal_()
    return built


def vectors(model: Network) -> torch.nn.Parameter:
    (found,) = [one for one in model.backbone.parameters() if one.requires_grad]
    return found


def small_encoder(kind: str, attention: str) -> Any:
    """Two layers of 16 dimensions, of another family each time."""
    import transformers

    sizes: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "DistilBert":
        sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    elif kind != "MPNet":
        sizes["embedding_size"] = 8  # of ELECTRA and ALBERT; others know no such size
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=50, max_position_embeddings=40, intermediate_size=32, pad_token_id=0, **sizes
    )
    config._attn_implementation = attention
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return getattr(transformers, f"{kind}Model")(config).eval()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        *[(kind, "prompt_tuning") for kind in ("Bert", "Roberta", "Electra", "DistilBert", "Albert")],
        *[(kind, "prefix_tuning") for kind in ("Bert", "Roberta", "Electra")],
    ],
)
def test_padding_changes_nothing_and_every_vector_something(kind: str, method: Any, attention: str) -> None:
    backbone = PooledEncoder(small_encoder(kind, attention), "mean")
    add_soft_prompt(backbone, method, 4)
    (soft,) = [one for name, one in backbone.named_parameters() if name in {"encoder.prompt", "encoder.prefix"}]
    soft.data.normal_()
    ids = torch.randint(5, 49, (2, 6), generator=torch.Generator().manual_seed(3))
    mask = torch.ones(2, 6, dtype=torch.long)
    mask[1, 4:] = 0
    together = backbone({"input_ids": ids, "attention_mask": mask})
    alone = backbone({"input_ids": ids[1:, :4], "attention_mask": mask[1:, :4]})
    assert together.shape == (2, 16)
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)
    together.square().sum().backward()
    assert soft.grad is not None
    assert (soft.grad.abs().sum(-1) > 0).all()


@pytest.mark.parametrize("method", list(METHODS))
def test_of_two_texts_each_token_keeps_its_segment(method: Any) -> None:
    backbone = PooledEncoder(small_encoder("Bert", "eager"), "mean")
    add_soft_prompt(backbone, method, 4)
    ids = torch.randint(5, 49, (2, 6), generator=torch.Generator().manual_seed(3))
    mask = torch.ones(2, 6, dtype=torch.long)
    mask[1, 4:] = 0
    kinds = torch.tensor([[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 0, 0]])
    batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
    with torch.no_grad():
        together = backbone(batch)
        alone = backbone({name: one[1:, :4] for name, one in batch.items()})
        plain = backbone({"input_ids": ids, "attention_mask": mask})
        zeros = backbone(batch | {"token_type_ids": torch.zeros_like(kinds)})
    torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(plain, zeros)
    assert (together - zeros).abs().amax() > 1e-3


@pytest.mark.parametrize("kind", ["DistilBert", "MPNet", "Albert"])
def test_encoders_that_take_no_keys_and_values_are_refused(kind: str) -> None:
    message = (
        rf"adaptation\.method is 'prefix_tuning', but {kind}Model does not accept past_key_values; use another method"
    )
    with pytest.raises(ConfigError, match=message):
        add_soft_prompt(PooledEncoder(small_encoder(kind, "eager"), "mean"), "prefix_tuning", 4)


def test_a_prompt_stands_where_words_would(backbone: TextBackbone) -> None:
    built = build(backbone)
    inner = built.model.backbone.encoder
    METHODS["prompt_tuning"].apply(built.model)
    soft = built.model.backbone.encoder
    assert isinstance(soft, PromptEncoder)
    words = inner.get_input_embeddings().weight  # type: ignore[operator, union-attr]
    assert all((row == words).all(1).any() for row in soft.prompt)  # at first they are words
    ids = torch.stack([(row == words).all(1).nonzero()[0, 0] for row in soft.prompt])
    batch = built.processor.encode(TEXTS[:1]).batch([0])
    with torch.no_grad():
        found = soft.eval()(**batch).last_hidden_state
        joined = torch.cat((ids.unsqueeze(0), batch["input_ids"]), 1)
        expected = inner(input_ids=joined).last_hidden_state[:, 5:]  # type: ignore[operator]
    torch.testing.assert_close(found, expected)


def test_a_prefix_is_what_earlier_tokens_would_leave(backbone: TextBackbone) -> None:
    """transformers' own cache with the same keys and values gives the same."""
    from transformers import DynamicCache

    built = prompted(backbone, "prefix_tuning")
    soft = built.model.backbone.eval().encoder
    assert isinstance(soft, PrefixEncoder)
    batch = built.processor.encode(TEXTS).batch(range(4))
    cache = DynamicCache()
    for layer in range(2):
        pair = soft.prefix[2 * layer : 2 * layer + 2].view(2, 5, 2, 8).transpose(1, 2)
        cache.update(*[one.expand(4, -1, -1, -1) for one in pair], layer)
    mask = torch.cat((torch.ones(4, 5, dtype=torch.long), batch["attention_mask"]), 1)
    with torch.no_grad():
        expected = soft.encoder(input_ids=batch["input_ids"], attention_mask=mask, past_key_values=cache)
        assert torch.equal(soft(**batch).last_hidden_state, expected.last_hidden_state)


@pytest.mark.parametrize("name", list(METHODS))
def test_the_saved_model_has_its_vectors_and_says_so(backbone: TextBackbone, tmp_path: Path, name: str) -> None:
    built = prompted(backbone, name)
    expected = answers(built.model, built.processor.encode(TEXTS), 2)
    get_task("text-classification").save(built, backbone, tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    assert described["backbone"]["soft_prompt"] == {"method": name, "tokens": 5}
    loaded = load_model(tmp_path)
    assert torch.equal(
        loaded.model.state_dict()[f"backbone.encoder.{name.removesuffix('_tuning')}"], vectors(built.model)
    )
    assert (answers(loaded.model, loaded.processor.encode(TEXTS), 2) == expected).all()
    del described["backbone"]["soft_prompt"]
    (tmp_path / "model.json").write_text(json.dumps(described))
    with pytest.raises(ModelError, match="does not fit its configuration"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", list(METHODS))
def test_vectors_need_places_beside_the_longest_text(encoder_folder: Path, name: str) -> None:
    """The encoder reads 32 tokens."""
    fits = build(TextBackbone(weights=str(encoder_folder), max_tokens=27, dropout=0.0))
    METHODS[name].apply(fits.model)
    assert answers(fits.model, fits.processor.encode(["cloud " * 50]), 1).shape == (1, 2)
    too_long = build(TextBackbone(weights=str(encoder_folder), max_tokens=28))
    message = r"adaptation\.tokens is 5, but this backbone reads only 4 more than max_tokens; lower one of the two"
    with pytest.raises(ConfigError, match=message):
        METHODS[name].apply(too_long.model)


@pytest.mark.parametrize("name", list(METHODS))
def test_layers_blocks_and_checkpointing_see_through_it(backbone: TextBackbone, name: str) -> None:
    gradients = []
    for checkpointed in (False, True):
        model = prompted(backbone, name)
        assert [one.split(".layer.")[1] for one, _ in backbone_blocks(model.model.backbone)] == ["0", "1"]
        assert len(backbone_layers(model.model.backbone)) == 3
        inputs = model.processor.encode(TEXTS)
        assert find_frozen_blocks(model.model, inputs) is None  # something trains in front of every block
        if checkpointed:
            checkpoint_blocks(model.model.backbone)
        model.model(inputs.batch(range(4))).square().sum().backward()
        gradients.append(vectors(model.model).grad)
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert torch.equal(gradients[0], gradients[1])
