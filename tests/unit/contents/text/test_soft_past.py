"""Trained vectors in front of what a causal model reads: they stand where words would, in training and in answers."""

from typing import Any

import pytest
import torch

from finetrail.adaptation.lora import Lora
from finetrail.adaptation.prefix_tuning import PrefixTuning
from finetrail.adaptation.prompt_tuning import PromptTuning
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.soft_prompts import add_soft_prompt
from finetrail.contents.text.writing.causal import Causal
from finetrail.errors import ConfigError
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.network import Network
from tests.unit.contents.text.small_causal import batch_of, rows_of, small_causal, small_model

METHODS: list[Any] = ["prompt_tuning", "prefix_tuning"]
KINDS = ["gpt2", "llama", "gemma2-wide", "falcon", "falcon-alibi", "falcon-new", "bloom"]
TOKENS = 3
BATCH = batch_of((9, 7), (3, 4), (2, 5))


def prompted(kind: str, method: Any, beams: int = 1) -> Causal:
    network = small_causal(kind)
    network.model.generation_config.num_beams = beams
    network.requires_grad_(False)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network.add_soft_prompt(method, TOKENS).initialise()
        assert network.soft is not None
        network.soft.vectors.data.normal_()
    return network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_each_row_reads_the_vectors_and_padding_changes_nothing(kind: str, method: Any) -> None:
    network = prompted(kind, method)
    together = network(BATCH)
    for row, (prompt, reference) in enumerate(rows_of(BATCH)):
        one = {"input_ids": prompt, "attention_mask": torch.ones_like(prompt), "references": reference}
        alone = network({name: tensor.unsqueeze(0) for name, tensor in one.items()})
        torch.testing.assert_close(together[row, : len(reference)], alone[0], rtol=1e-4, atol=1e-4)
    together.square().mean().backward()
    gradient: Any = network.soft.vectors.grad  # type: ignore[union-attr]
    assert (gradient.abs().amax(-1) > 0).all()


@pytest.mark.parametrize("kind", ["gpt2", "llama", "falcon", "falcon-alibi"])
def test_a_prompt_stands_where_words_would(kind: str) -> None:
    """transformers' own forward pass and `generate`, with the same words in front of the text."""
    network = prompted(kind, "prompt_tuning")
    words = torch.tensor([7, 21, 33])
    network.soft.vectors.data.copy_(network.model.get_input_embeddings().weight[words])  # type: ignore[union-attr]
    logits, written = network(BATCH), network.generated(network.told(BATCH), {})
    for row, (prompt, reference) in enumerate(rows_of(BATCH)):
        whole = torch.cat([words, prompt, reference]).unsqueeze(0)
        theirs = network.model(whole).logits[0, TOKENS + len(prompt) - 1 : -1]
        torch.testing.assert_close(logits[row, : len(reference)], theirs, rtol=1e-4, atol=1e-4)
        before = whole[:, : TOKENS + len(prompt)]
        answer = network.model.generate(before, attention_mask=torch.ones_like(before))[0, before.shape[1] :]
        assert written[row, : len(answer)].tolist() == answer.tolist()


@pytest.mark.parametrize(("kind", "beams"), [*((kind, 1) for kind in KINDS), ("llama", 2)])
@pytest.mark.parametrize("method", METHODS)
def test_answers_are_the_likeliest_tokens_by_the_vectors_that_were_trained(kind: str, method: Any, beams: int) -> None:
    """`generate` has a cache of its own; `logits` reads the answer again, as in training."""
    network = prompted(kind, method, beams)
    told = network.told(BATCH)
    with torch.no_grad():
        written = network.generated(told, {})
        logits = network.logits(written, told)
        for row, (prompt, _) in enumerate(rows_of(BATCH)):
            one = {"input_ids": prompt.unsqueeze(0), "attention_mask": torch.ones(1, len(prompt), dtype=torch.long)}
            alone = network.generated(network.told(one), {})[0]
            assert written[row, : len(alone)].tolist() == alone.tolist()
            if beams == 1:
                assert logits[row].argmax(-1)[: len(alone)].tolist() == alone.tolist()


def test_each_token_of_an_answer_costs_one_step() -> None:
    network = prompted("llama", "prompt_tuning")
    widths: list[int] = []
    hook = network.encoder.register_forward_hook(
        lambda module, given, output: widths.append(output["last_hidden_state"].shape[1])
    )
    network.generated(network.told(BATCH), {})
    hook.remove()
    assert widths == [TOKENS, 9, *[1] * (len(widths) - 2)]  # the vectors once, for all rows


@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_the_same_bits_when_blocks_are_recomputed(method: Any) -> None:
    gradients: list[Any] = []
    for checkpointed in (False, True):
        network = prompted("llama", method)
        if checkpointed:
            checkpoint_blocks(network)
        network(BATCH).square().mean().backward()
        gradients.append(network.soft.vectors.grad)  # type: ignore[union-attr]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("mamba", "MambaModel does not accept past_key_values; use another method, such as lora"),
        ("lfm2", r"vectors in front of a text \(.*\); use another method, such as lora"),
    ],
)
def test_recurrent_models_are_refused_before_training_and_lora_is_not(kind: str, cause: str, method: Any) -> None:
    with pytest.raises(ConfigError, match=cause):
        add(method, small_causal(kind))
    Lora(method="lora", r=2).apply(Network(small_causal(kind), torch.nn.Identity()))


def add(method: str, network: Causal) -> None:
    methods: Any = {"prompt_tuning": PromptTuning, "prefix_tuning": PrefixTuning}
    methods[method](method=method, tokens=3).apply(Network(network, torch.nn.Identity()))


@pytest.mark.parametrize("kind", ["falcon", "falcon-alibi", "falcon-new"])
def test_a_classifier_has_a_prefix_for_the_heads_that_have_keys_of_their_own(kind: str) -> None:
    encoder = small_model(kind).base_model.requires_grad_(False)
    backbone = PooledEncoder(encoder, "last")
    add_soft_prompt(backbone, "prefix_tuning", 3).initialise()
    batch = {name: BATCH[name] for name in ("input_ids", "attention_mask")}
    alone = {name: one[2:, :2] for name, one in batch.items()}
    torch.testing.assert_close(backbone(batch)[2:], backbone(alone), rtol=1e-4, atol=1e-4)


def test_an_encoder_that_fails_with_vectors_is_refused_in_one_line() -> None:
    encoder = small_model("llama").model
    encoder.forward = _failing(encoder.forward)
    backbone = PooledEncoder(encoder, "mean")
    with pytest.raises(ConfigError) as caught:
        add_soft_prompt(backbone, "prompt_tuning", 3).initialise()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("(RuntimeError: sizes differ, 1 and 2); use another method, such as lora")


def _failing(forward: Any) -> Any:
    def failing(*args: Any, inputs_embeds: Any = None, **others: Any) -> Any:
        if inputs_embeds is not None:
            raise RuntimeError("sizes differ,\n1 and 2")
        return forward(*args, **others)

    return failing


def test_vectors_need_places_beside_the_longest_prompt_and_answer() -> None:
    network = Causal(small_model("gpt2"), spare=4)
    network.add_soft_prompt("prompt_tuning", 4)
    with pytest.raises(ConfigError, match=r"adaptation\.tokens is 5, but this backbone reads only 4 more than"):
        network.add_soft_prompt("prompt_tuning", 5)
