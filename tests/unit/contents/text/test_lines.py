"""Rows of a batch in few lines: they never read one another."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from finetrail.contents.text.writing.causal import Causal
from finetrail.contents.text.writing.lines import laid, one_each
from finetrail.contents.text.writing.logits import are_known
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.network import Batch
from tests.unit.contents.text.small_causal import batch_of, rows_of, small_causal, small_model

APART = ["gpt2", "llama", "mistral", "gemma2", "granite", "cohere"]
BATCH = batch_of((9, 7), (3, 4), (2, 5), (6, 2), (1, 1))
"""The longest row has 16 tokens; of the others, 7, 7 and 2 fill a line, and 8 have another."""


@pytest.mark.parametrize("seed", range(20))
def test_every_token_has_a_place_of_its_own_in_a_line_of_the_longest_row(seed: int) -> None:
    chance = np.random.default_rng(seed)
    lengths = chance.integers(1, 60, chance.integers(1, 30)).tolist()
    for lines in (laid(lengths), one_each(lengths)):
        assert lines.width == max(lengths)
        assert lines.count <= len(lengths)
        assert all(start % lines.width + length <= lines.width for start, length in _rows(lines.starts, lengths))
        ends = sorted((start, start + length) for start, length in _rows(lines.starts, lengths))
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))
        assert ends[-1][1] <= lines.count * lines.width


def test_rows_share_lines_only_where_that_saves_one() -> None:
    assert laid([9, 4, 5]).count == 2
    assert laid([9, 4, 6]) == one_each([9, 4, 6])


def _rows(starts: list[int], lengths: list[int]) -> list[tuple[int, int]]:
    return list(zip(starts, lengths, strict=True))


def lines_read(network: Causal, batch: Batch) -> list[int]:
    """How many lines each pass of the encoder reads."""
    counts: list[int] = []
    hook = network.encoder.register_forward_hook(
        lambda module, given, output: counts.append(len(output["last_hidden_state"]))
    )
    with torch.no_grad():
        network(batch)
    hook.remove()
    return counts


@pytest.mark.parametrize("kind", APART)
def test_in_shared_lines_the_loss_and_every_gradient_are_those_of_rows_alone(kind: str) -> None:
    """By transformers alone, row by row."""
    network = small_causal(kind)
    assert lines_read(network, BATCH) == [3]
    theirs = copy.deepcopy(network.model)
    loss, expected = _loss(network(BATCH), BATCH), torch.tensor(0.0)
    for prompt, reference in rows_of(BATCH):
        logits = theirs(torch.cat([prompt, reference]).unsqueeze(0)).logits[0, len(prompt) - 1 : -1]
        expected = expected + torch.nn.functional.cross_entropy(logits, reference, reduction="sum")
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    loss.backward()  # type: ignore[no-untyped-call]
    expected.backward()  # type: ignore[no-untyped-call]
    own, other = (dict(one.named_parameters()) for one in (network.model, theirs))
    for name, parameter in own.items():
        torch.testing.assert_close(parameter.grad, other[name].grad, rtol=1e-3, atol=1e-4, msg=lambda said: said + name)  # noqa: B023


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["references"].flatten(), reduction="sum")


@pytest.mark.parametrize("kind", ["falcon", "falcon-alibi", "bloom", "lfm2", "mamba"])
def test_models_that_would_mix_rows_read_each_in_a_line_of_its_own(kind: str) -> None:
    network = small_causal(kind)
    assert not network.shares
    assert lines_read(network, BATCH) == [len(BATCH["input_ids"])]


def test_another_row_changes_nothing_in_shared_lines() -> None:
    network, other = small_causal("llama"), {name: tensor.clone() for name, tensor in BATCH.items()}
    other["input_ids"][1, :3] += 1
    with torch.no_grad():
        one, changed = network(BATCH), network(other)
    for row in (0, 2, 3, 4):
        assert torch.equal(one[row], changed[row])
    assert not torch.equal(one[1], changed[1])


def test_earlier_turns_are_learnt_in_shared_lines_too() -> None:
    network, learnt = small_causal("gpt2"), torch.zeros_like(BATCH["input_ids"])
    learnt[0, 2:5] = learnt[2, 1] = 1
    batch = BATCH | {"learnt": learnt}
    with torch.no_grad():
        shared = network(batch)
        network.shares = False
        torch.testing.assert_close(shared, network(batch), rtol=1e-4, atol=1e-5)
    assert shared.shape[:2] == (5, 3 + 7)


def test_gradients_are_the_same_bits_when_blocks_are_recomputed() -> None:
    plain, checkpointed = small_causal("llama"), small_causal("llama")
    checkpoint_blocks(checkpointed)
    for network in (plain, checkpointed):
        _loss(network.train()(BATCH), BATCH).backward()  # type: ignore[no-untyped-call]
    for one, other in zip(plain.parameters(), checkpointed.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize(
    ("kind", "known"), [("granite", True), ("cohere", True), ("gemma2", True), ("hyperclovax", False)]
)
def test_logits_are_scaled_and_capped_as_transformers_does_or_refused(kind: str, known: bool) -> None:
    assert are_known(small_model(kind)) == known
