"""A causal language model reads a prompt and goes on with the answer."""

from typing import Any

import torch
from torch import Tensor, nn

from finetrail.contents.text.writing.writer import NO_TOKEN, Told, Writer
from finetrail.models.network import Batch


class Causal(Writer):
    """A causal model; see `Writer`. Prompts come padded on the right; they are padded on the left to be gone on with.

    Args:
        model: maps input_ids and attention_mask (B, T) to logits (B, T, V).
    """

    @property
    def encoder(self) -> Any:
        """What reads the texts: all but the output layer."""
        return getattr(self.model, self.model.base_model_prefix)

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, E + S, V): of the E earlier tokens that are learnt, and of `references` (B, S).

        `learnt` (B, T) says which tokens of a prompt are: those of the assistant's earlier turns. Of a prompt with
        fewer than others, what fills up the E has no target.
        """
        if "references" not in batch or "learnt" not in batch:
            return super().forward(batch)
        vectors, behind = self._vectors(batch["references"], self.told(batch))
        learnt = batch["learnt"].bool()
        places = learnt.long().argsort(dim=1, descending=True, stable=True)[:, : int(learnt.sum(1).max())]
        return self._out(torch.cat([_taken(vectors, (places - 1).clamp(min=0)), _taken(vectors, behind)], dim=1))

    def told(self, batch: Batch) -> Told:
        return {name: batch[name] for name in ("input_ids", "attention_mask")}

    def logits(self, answers: Tensor, told: Told) -> Tensor:
        return self._out(_taken(*self._vectors(answers, told)))

    def generated(self, told: Told) -> Tensor:
        ids, mask = told["input_ids"], told["attention_mask"]
        width = ids.shape[1]
        places = torch.arange(width, device=ids.device) - (width - mask.sum(1, keepdim=True))
        left = ids.gather(1, places.clamp(min=0))
        found: Tensor = self.model.generate(left, attention_mask=(places >= 0).long())
        return found[:, width:]

    def pooled(self, batch: Batch) -> Tensor:
        """The vector of each text's last token (B, D), which has read all others."""
        vectors: Tensor = self.encoder(**self.told(batch), use_cache=False)["last_hidden_state"]
        return _taken(vectors, batch["attention_mask"].sum(1, keepdim=True) - 1)[:, 0]

    def _vectors(self, answers: Tensor, told: Told) -> tuple[Tensor, Tensor]:
        """The vectors (B, T + S, D) of prompts and answers, and the places (B, S) in front of each token of these."""
        ids, lengths = told["input_ids"], told["attention_mask"].sum(1, keepdim=True)
        count = answers.shape[1]
        behind = lengths + torch.arange(count, device=ids.device)
        joined = torch.cat([ids, ids.new_full((len(ids), count), self.end)], dim=1)
        joined = joined.scatter(1, behind, answers.masked_fill(answers == NO_TOKEN, self.end))
        mask = (torch.arange(joined.shape[1], device=ids.device) < lengths + count).long()
        vectors: Tensor = self.encoder(input_ids=joined, attention_mask=mask, use_cache=False)["last_hidden_state"]
        return vectors, behind - 1

    def _out(self, vectors: Tensor) -> Tensor:
        """Logits of vectors: only of tokens that are learnt or scored, since a vocabulary is large."""
        layer: nn.Module = self.output_layer
        found: Tensor = layer(vectors)
        return found


def is_plain(model: Any) -> bool:
    """Whether the logits of a causal model are those of its output layer, neither scaled nor capped."""
    ids = torch.arange(4).unsqueeze(0)
    with torch.no_grad():
        vectors = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False)["last_hidden_state"]
        found: Tensor = model(input_ids=ids, use_cache=False)["logits"]
        return torch.allclose(model.get_output_embeddings()(vectors), found, atol=1e-4, rtol=1e-4)


def _taken(vectors: Tensor, places: Tensor) -> Tensor:
    """The vectors (B, S, D) at places (B, S) of vectors (B, T, D)."""
    return vectors.gather(1, places.unsqueeze(-1).expand(-1, -1, vectors.shape[-1]))
