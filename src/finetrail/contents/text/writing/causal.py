"""A causal language model reads a prompt and goes on with the answer."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from finetrail.contents.text.past import Past
from finetrail.contents.text.soft_prompts import refuse_crowded, try_out, two_tokens, widened
from finetrail.contents.text.writing.lines import laid, one_each
from finetrail.contents.text.writing.logits import logits_of
from finetrail.contents.text.writing.soft_past import SOFT_PASTS, SoftPast
from finetrail.contents.text.writing.writer import NO_TOKEN, Told, Writer
from finetrail.models.network import Batch


class Causal(Writer):
    """A causal model; see `Writer`. Prompts come padded on the right; they are padded on the left to be gone on with.

    Args:
        model: maps input_ids and attention_mask (B, T) to logits (B, T, V).
        spare: how many tokens it can read beyond the longest prompt and answer; None for any number.

    Attributes:
        soft: trained vectors in front of every text; None where there are none.
        shares: whether several rows may lie in one line while it learns; see `finetrail.contents.text.writing.lines`.
    """

    def __init__(self, model: Any, spare: int | None = None) -> None:
        super().__init__(model)
        self.spare = spare
        self.soft: SoftPast | None = None
        self.shares = False

    @property
    def encoder(self) -> Any:
        """What reads the texts: all but the output layer."""
        return getattr(self.model, self.model.base_model_prefix)

    def add_soft_prompt(self, method: Any, tokens: int) -> Self:
        """Put trained vectors in front of every text, still all zero; see `finetrail.adaptation.soft_prompt`."""
        refuse_crowded(tokens, self.spare)
        self.soft = SOFT_PASTS[method](self.encoder, tokens)
        return self

    def initialise(self) -> None:
        """Draw the vectors that training starts from. Raises: ConfigError: the model cannot be trained with them."""
        if self.soft is None:
            return
        self.soft.initialise(self.encoder)
        try_out(self.soft.method, self.soft.vectors, lambda: self.pooled(two_tokens()))

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, E + S, V): of the E earlier tokens that are learnt, and of `references` (B, S).

        `learnt` (B, T) says which tokens of a prompt are: those of the assistant's earlier turns. Of a prompt with
        fewer than others, what fills up the E has no target.
        """
        if "references" not in batch or "rejected" in batch:
            return super().forward(batch)
        vectors, starts, behind = self._read(batch["references"], self.told(batch), share=self.shares)
        if "learnt" in batch:
            learnt = batch["learnt"].bool()
            places = learnt.long().argsort(dim=1, descending=True, stable=True)[:, : int(learnt.sum(1).max())]
            behind = torch.cat([(places - 1).clamp(min=0), behind], dim=1)
        return self._out(vectors, starts + behind)

    def told(self, batch: Batch) -> Told:
        before = {} if self.soft is None else {"before": self.soft.pairs(self.encoder)}
        return {name: batch[name] for name in ("input_ids", "attention_mask")} | before

    def logits(self, answers: Tensor, told: Told) -> Tensor:
        vectors, starts, behind = self._read(answers, told)
        return self._out(vectors, starts + behind)

    def generated(self, told: Told, asked: dict[str, Any]) -> Tensor:
        ids, mask = told["input_ids"], told["attention_mask"]
        width = ids.shape[1]
        places = torch.arange(width, device=ids.device) - (width - mask.sum(1, keepdim=True))
        left, real = ids.gather(1, places.clamp(min=0)), (places >= 0).long()
        found: Tensor
        if self.soft is None:
            found = self.model.generate(left, attention_mask=real, **asked)
            return found[:, width:]
        from transformers import DynamicCache

        cache, rows = DynamicCache(), len(left) * asked.get("num_beams", self.model.generation_config.num_beams)
        for layer, pair in enumerate(told["before"]):
            cache.update(*(one.expand(rows, -1, -1, -1) for one in pair), layer)
        # `generate` leaves out as many ids as the cache has tokens: these stand for the vectors.
        stand_ins = left.new_full((len(left), self.soft.tokens), self.model.generation_config.pad_token_id)
        whole, mask = torch.cat([stand_ins, left], dim=1), widened(real, self.soft.tokens)
        found = self.model.generate(whole, attention_mask=mask, past_key_values=cache, **asked)
        return found[:, whole.shape[1] :]

    def pooled(self, batch: Batch) -> Tensor:
        """The vector of each text's last token (B, D), which has read all others."""
        told = self.told(batch)
        vectors = self._vectors(told, told["input_ids"], told["attention_mask"])
        last = told["attention_mask"].sum(1) - 1
        return vectors[torch.arange(len(last), device=last.device), last]

    def _read(self, answers: Tensor, told: Told, *, share: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Read prompts with their answers (B, S) behind.

        Args:
            share: whether several rows may lie in one line.

        Returns:
            Vectors (N, D), the place among them of each row's first token (B, 1), and, counted from there, the places
            (B, S) in front of each token of the answers.
        """
        ids, lengths = told["input_ids"], told["attention_mask"].sum(1, keepdim=True)
        whole = lengths + (answers != NO_TOKEN).sum(1, keepdim=True)
        lines = (laid if share and self.soft is None else one_each)(whole.flatten().tolist())
        behind = lengths + torch.arange(answers.shape[1], device=ids.device)
        joined = torch.cat([ids, torch.full_like(answers, self.end)], dim=1)
        # The longest prompt and the longest answer are seldom of one row.
        joined = joined.scatter(1, behind, answers.masked_fill(answers == NO_TOKEN, self.end))[:, : lines.width]
        steps = torch.arange(lines.width, device=ids.device)
        starts = torch.tensor(lines.starts, device=ids.device).unsqueeze(1)
        real = steps < whole
        if lines.shared:
            places = (starts + steps)[real]
            filled = joined.new_full((lines.count * lines.width,), self.end)
            counted = torch.zeros_like(filled)  # what fills up a line is at place 0 again and again, and reads itself
            filled[places], counted[places] = joined[real], steps.expand_as(real)[real]
            shape = (lines.count, lines.width)
            given = {"input_ids": filled.view(shape), "position_ids": counted.view(shape)}
            vectors: Tensor = self.encoder(**given, use_cache=False)["last_hidden_state"]
        else:
            vectors = self._vectors(told, joined, real.long())
        return vectors.flatten(0, 1), starts, torch.minimum(behind, whole) - 1

    def _vectors(self, told: Told, ids: Tensor, mask: Tensor) -> Tensor:
        """Of each token (B, T, D), with a row in a line."""
        before: dict[str, Any] = {}
        if self.soft is not None:
            mask, before = widened(mask, self.soft.tokens), {"past_key_values": Past(told["before"])}
        found: Tensor = self.encoder(input_ids=ids, attention_mask=mask, use_cache=False, **before)["last_hidden_state"]
        return found

    def _out(self, vectors: Tensor, places: Tensor) -> Tensor:
        """Logits (B, S, V) of the vectors at places (B, S): only of tokens that are learnt or scored.

        A vocabulary is large.
        """
        layer: nn.Module = self.output_layer
        found = logits_of(layer, self.model.config, vectors.index_select(0, places.flatten()))
        return found.view(*places.shape, -1)
