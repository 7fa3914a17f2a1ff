"""HotFlip against a model that is linear in its token embeddings, where trying all replacements tells the best."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from finetrail.contents.attack import Attacked
from finetrail.contents.text.attacks import attack, token_kinds
from finetrail.contents.text.encoder import PooledEncoder
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.soft_prompts import add_soft_prompt
from finetrail.models.network import Batch, Network
from tests.conftest import COMMON, TOPICS

WORDS = [*COMMON, *TOPICS["sailing"].split(), "keel,", "xyz", "mooringhull"]


class Bag(nn.Module):
    """An encoder whose vectors are the embeddings themselves."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table = table

    def get_input_embeddings(self) -> nn.Embedding:
        return self.table

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return type("Output", (), {"last_hidden_state": self.table(input_ids)})


def loss(outputs: Tensor, batch: Batch) -> Tensor:
    return functional.cross_entropy(outputs, batch["targets"])


@pytest.fixture(scope="module")
def processor(tiny_bert: Path) -> TextProcessor:
    return TextProcessor(AutoTokenizer.from_pretrained(tiny_bert, local_files_only=True), 16)


@pytest.fixture(scope="module")
def bag(processor: TextProcessor) -> Attacked:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        table = nn.Embedding(len(processor.tokenizer), 8)
        network = Network(PooledEncoder(Bag(table), "mean"), nn.Linear(8, 2))
    return Attacked(network.eval(), processor, loss)


@pytest.fixture(scope="module")
def bert(processor: TextProcessor, tiny_bert: Path) -> Attacked:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = AutoModel.from_pretrained(tiny_bert, local_files_only=True)
        network = Network(PooledEncoder(encoder, "mean"), nn.Linear(32, 2))
    return Attacked(network.eval(), processor, loss)


def batch_of(processor: TextProcessor, texts: list[str]) -> Batch:
    batch = processor.encode(texts).batch(range(len(texts)))
    return batch | {"targets": torch.arange(len(texts)) % 2}


def under(model: Attacked, batch: Batch, *epsilons: int) -> list[Tensor]:
    changed = attack("hotflip", model, batch, epsilons, range(len(batch["targets"])))
    return [one["input_ids"] for one in changed]


def test_where_the_model_is_linear_no_single_replacement_is_worse(bag: Attacked, processor: TextProcessor) -> None:
    batch = batch_of(processor, ["there was another mast", "keel, hull and buoy"])
    kinds = token_kinds(processor.tokenizer, len(processor.tokenizer))
    (found,) = under(bag, batch, 1)
    with torch.no_grad():
        for row in range(2):
            one = {name: tensor[row : row + 1] for name, tensor in batch.items()}
            ids = one["input_ids"][0]
            tried = []
            for place in torch.nonzero(kinds[ids] > 0)[:, 0].tolist():
                for token in torch.nonzero(kinds == kinds[ids[place]])[:, 0].tolist():
                    other = one["input_ids"].clone()
                    other[0, place] = token
                    tried.append(float(bag.loss_of(one | {"input_ids": other})))
            assert len(tried) > 500
            reached = float(bag.loss_of(one | {"input_ids": found[row : row + 1]}))
            assert reached == pytest.approx(max(tried), rel=1e-5)


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=20), min_size=1, max_size=4))
def test_only_words_change_and_stay_words_and_no_more_than_epsilon(
    bert: Attacked, processor: TextProcessor, texts: list[list[str]]
) -> None:
    batch = batch_of(processor, [" ".join(words) for words in texts])
    before = {name: tensor.clone() for name, tensor in batch.items()}
    kinds = token_kinds(processor.tokenizer, len(processor.tokenizer))
    earlier = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    for epsilon, found in zip((1, 3), under(bert, batch, 1, 3), strict=True):
        changed = found != batch["input_ids"]
        assert int(changed.sum(1).max()) <= epsilon
        assert torch.equal(kinds[found], kinds[batch["input_ids"]]), "a start stays a start, and so on"
        assert not bool(changed[kinds[batch["input_ids"]] == 0].any()), "special tokens, padding and marks stay"
        assert not bool((earlier & ~changed).any()), "what was replaced stays replaced"
        earlier = changed
    assert all(torch.equal(before[name], batch[name]) for name in batch), "the batch itself stays as it is"


def test_it_raises_the_loss_of_a_network(bert: Attacked, processor: TextProcessor) -> None:
    batch = batch_of(processor, ["there was another mast", "keel hull and buoy", "the snow of another year"])
    with torch.no_grad():
        losses = [float(bert.loss_of(batch | {"input_ids": ids})) for ids in under(bert, batch, 1, 2, 4)]
        assert [float(bert.loss_of(batch)), *losses] == sorted([float(bert.loss_of(batch)), *losses])


def test_a_model_that_ignores_the_text_is_left_alone(processor: TextProcessor, tiny_bert: Path) -> None:
    network = Network(
        PooledEncoder(AutoModel.from_pretrained(tiny_bert, local_files_only=True), "mean"), nn.Linear(32, 2)
    )
    with torch.no_grad():
        cast(nn.Linear, network.head).weight.zero_()
    batch = batch_of(processor, ["there was another mast"])
    (found,) = under(Attacked(network.eval(), processor, loss), batch, 4)
    assert torch.equal(found, batch["input_ids"])


@pytest.mark.parametrize("method", ["prompt_tuning", "prefix_tuning"])
def test_encoders_with_soft_prompts_are_attacked_too(processor: TextProcessor, tiny_bert: Path, method: Any) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = PooledEncoder(AutoModel.from_pretrained(tiny_bert, local_files_only=True), "mean")
        add_soft_prompt(encoder, method, 2).initialise()
        network = Network(encoder, nn.Linear(32, 2)).eval()
    batch = batch_of(processor, ["there was another mast"])
    model = Attacked(network, processor, loss)
    (found,) = under(model, batch, 2)
    assert int((found != batch["input_ids"]).sum()) == 2
    with torch.no_grad():
        assert model.loss_of(batch | {"input_ids": found}) > model.loss_of(batch)


def test_tokens_of_other_tokenizers_keep_their_kind() -> None:
    """Byte-level BPE marks the start of a word, SentencePiece too, and others its end."""

    class Tokenizer:
        all_special_ids = (0,)
        tokens = (
            "<s>",
            "\u0120house",
            "\u0120mast",
            "ful",
            "ness",
            "\u2581keel",
            "hull</w>",
            "buoy</w>",
            ",",
            "\u0120.",
        )

        def __len__(self) -> int:
            return len(self.tokens)

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            return [self.tokens[number] for number in ids]

    kinds = token_kinds(Tokenizer(), 12).tolist()
    assert kinds[1] == kinds[2] > 0
    assert kinds[3] == kinds[4] > 0
    assert kinds[6] == kinds[7] > 0
    assert len({kinds[1], kinds[3], kinds[5], kinds[6]}) == 4
    assert [kinds[place] for place in (0, 8, 9, 10, 11)] == [0] * 5, "special, marks, and rows without a token"
