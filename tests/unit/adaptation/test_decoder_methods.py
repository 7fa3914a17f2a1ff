"""Every method on decoders: what trains, and that what is saved answers as what was trained."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from finetrail.adaptation.bitfit import Bitfit
from finetrail.adaptation.ia3 import Ia3
from finetrail.adaptation.lora import Lora
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.layers import backbone_layers
from finetrail.tasks.registry import get_task, load_model
from tests.unit.adaptation.test_methods import METHODS, TEXTS, some_steps
from tests.unit.models.networks import answers, copies, text_classifier

# No bias of a Llama or a Qwen3 could train.
CASES = [
    (kind, name) for kind in ("gpt2", "llama", "qwen3") for name in METHODS if kind == "gpt2" or name != "bitfit"
] + [("qwen2", "bitfit")]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), CASES)
def test_what_was_trained_and_merged_is_what_is_saved_and_loaded(
    decoders: Mapping[str, TextBackbone], tmp_path: Path, kind: str, name: str
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built, method = text_classifier(decoders[kind]), METHODS[name]
        method.apply(built.model)
    inputs, before = built.processor.encode(TEXTS), copies(built.model)
    for epoch in (1, 2):
        method.start_epoch(built.model, epoch)
        some_steps(built.model, inputs)
    trained = answers(built.model, inputs, 4)
    changed = {key for key, one in built.model.state_dict().items() if not torch.equal(one, before[key])}
    # `gradual_unfreeze` lets the last block train from the second epoch on; IA3 has a vector that softmax ignores.
    assert name == "linear_probe" or len(changed) > 2
    method.merge(built.model)
    np.testing.assert_allclose(answers(built.model, inputs, 4), trained, rtol=1e-3, atol=1e-4)
    get_task("text-classification").save(built, decoders[kind], tmp_path)
    loaded = load_model(tmp_path)
    assert (answers(loaded.model, loaded.processor.encode(TEXTS), 4) == answers(built.model, inputs, 4)).all()


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        ("gpt2", ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]),
        ("llama", [f"self_attn.{one}_proj" for one in "qkvo"] + [f"mlp.{one}_proj" for one in ("gate", "up", "down")]),
    ],
)
def test_low_rank_updates_are_beside_all_linear_layers_or_those_that_are_named(
    decoders: Mapping[str, TextBackbone], kind: str, inside: list[str]
) -> None:
    for names, asked in ((inside, None), (inside[:1], (inside[0],))):
        model = text_classifier(decoders[kind]).model
        Lora(method="lora", r=2, target_modules=asked).apply(model)
        adapted = {key.split(".lora_A")[0] for key, _ in model.named_parameters() if "lora_A" in key}
        assert {key.split(".", 6)[-1] for key in adapted} == set(names)
        assert len(adapted) == 2 * len(names)


def test_an_update_of_a_transposed_layer_is_the_product_of_its_two_matrices(
    decoders: Mapping[str, TextBackbone],
) -> None:
    model = text_classifier(decoders["gpt2"]).model
    name = "backbone.encoder.h.1.mlp.c_fc.weight"
    before = model.state_dict()[name].clone()
    assert before.shape == (16, 32)
    method = Lora(method="lora", r=2, alpha=6, target_modules=("h.1.mlp.c_fc",))
    method.apply(model)
    added = {key.split(".")[-3]: tensor for key, tensor in model.named_parameters() if "lora_" in key}
    with torch.no_grad():
        added["lora_B"].normal_()
        expected = before + 3 * (added["lora_B"] @ added["lora_A"]).T
    method.merge(model)
    torch.testing.assert_close(model.state_dict()[name], expected)


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("gpt2", 3 * 16 + 32),  # queries, keys and values in one, and what goes into the product down
        ("llama", 2 * 8 + 32),  # keys and values of two heads, shared by two heads of queries each
        ("qwen3", 2 * 16 + 32),
    ],
)
def test_factors_scale_keys_and_values_and_what_goes_into_the_product_down(
    decoders: Mapping[str, TextBackbone], kind: str, layer: int
) -> None:
    model = text_classifier(decoders[kind]).model
    Ia3(method="ia3").apply(model)
    assert sum(one.numel() for one in model.backbone.parameters() if one.requires_grad) == 2 * layer


def test_a_decoder_without_biases_has_none_to_train(decoders: Mapping[str, TextBackbone]) -> None:
    with pytest.raises(
        ConfigError, match="'bitfit', but this backbone has no biases; use another method, such as lora"
    ):
        Bitfit(method="bitfit").apply(text_classifier(decoders["llama"]).model)
    Lora(method="lora").apply(text_classifier(decoders["llama"]).model)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_layers_are_the_embeddings_and_the_blocks(decoders: Mapping[str, TextBackbone], kind: str) -> None:
    assert len(backbone_layers(text_classifier(decoders[kind]).model.backbone)) == 3
