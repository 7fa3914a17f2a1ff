"""An attack on texts: the tokens whose replacement raises the loss most, by its gradient at the token embeddings.

After Ebrahimi et al., HotFlip: White-Box Adversarial Examples for Text Classification (2018): to the first order, to
replace token a by token b changes the loss by (E[b] - E[a]) . gradient. One token after the other is replaced, each by
the best of all, with the gradient of the text as it is by then.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.attack import Attacked
from finetrail.models.network import Batch

_MARKS = ("##", "\u0120", "\u2581")  # before a piece inside a word (WordPiece), or at its start (BPE, SentencePiece)
_END = "</w>"
_FIXED = 0


def attack(
    name: str, attacked: Attacked, batch: Batch, epsilons: Sequence[int], seeds: Sequence[int]
) -> Iterator[Batch]:
    """See `finetrail.contents.content.Networks`. Args: epsilons: the most tokens that are replaced in an example."""
    table: nn.Embedding = attacked.network.backbone.encoder.get_input_embeddings()  # type: ignore[union-attr, operator]
    words = table.weight.detach()
    kinds = token_kinds(attacked.processor.tokenizer, len(words)).to(words.device)  # type: ignore[attr-defined]
    ids = batch["input_ids"].clone()
    free = batch["attention_mask"] > 0
    for count in range(1, max(epsilons) + 1):
        slopes = _slopes(attacked, batch | {"input_ids": ids}, table)
        for row, own, slope in zip(ids, free, slopes, strict=True):
            _replace_one(row, own, slope, words, kinds)
        if count in epsilons:
            yield batch | {"input_ids": ids.clone()}


def _replace_one(row: Tensor, free: Tensor, slope: Tensor, words: Tensor, kinds: Tensor) -> None:
    """Replace one token of a text in place, if that raises the loss by its gradient.

    Args:
        row: token ids (T,).
        free: which of them may still be replaced (T,); changed in place.
        slope: the gradient (T, D).
        words: the embeddings of all tokens (V, D).
        kinds: of all tokens (V,).
    """
    gains = slope @ words.T - (slope * words[row]).sum(1, keepdim=True)  # (T, V)
    fits = (kinds[row].unsqueeze(1) == kinds) & (kinds != _FIXED) & free.unsqueeze(1)
    gains = gains.masked_fill(~fits, -torch.inf)
    best = int(gains.argmax())
    place, token = divmod(best, len(words))
    if gains[place, token] > 0:
        row[place], free[place] = token, False


def token_kinds(tokenizer: Any, count: int) -> Tensor:
    """For each of `count` tokens a number that it shares with those that may stand in its place.

    A piece that begins a word is replaced by one that does, and one inside a word by such a one, so that words stay
    where they are. Special tokens, punctuation and all that is no letter or digit have the number 0: they stay.
    """
    special = set(tokenizer.all_special_ids)
    numbers: dict[tuple[str, str], int] = {}
    kinds = torch.full((count,), _FIXED)
    size = min(count, len(tokenizer))
    for token, text in enumerate(tokenizer.convert_ids_to_tokens(list(range(size)))):
        mark = next((one for one in _MARKS if text.startswith(one)), "")
        end = _END if text.endswith(_END) else ""
        if token not in special and text.removeprefix(mark).removesuffix(end).isalnum():
            kinds[token] = numbers.setdefault((mark, end), len(numbers) + 1)
    return kinds


def _slopes(attacked: Attacked, batch: Batch, table: nn.Module) -> Tensor:
    """The gradient of the loss at the token embeddings (B, T, D)."""
    looked_up: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Tensor) -> None:
        looked_up.append(output.requires_grad_())

    hook = table.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            (slopes,) = torch.autograd.grad(attacked.loss_of(batch), looked_up[:1])
    finally:
        hook.remove()
    return slopes
