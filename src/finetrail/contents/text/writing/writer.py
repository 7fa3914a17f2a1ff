"""A network that learns from answers to texts, and writes answers: what encoder-decoders and causal models share."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from finetrail.contents.text.settings import WritingBackbone
from finetrail.contents.text.writing.drawing import asked, overheard
from finetrail.errors import ConfigError
from finetrail.models.network import Batch, parts, rows
from finetrail.models.ties import save_tied_once

NO_TOKEN = -100
"""Fills up answers (B, S)."""
READ_AT_ONCE = 8
"""Answers whose logits are in memory together: a token has as many as a vocabulary has entries."""
_TOKENS = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "bad_words_ids",
)
Told = dict[str, Any]
"""What a network knows of the texts of a batch before it reads an answer."""


def writing_config(known: Any, settings: WritingBackbone) -> Any:
    """How answers are written: always the same one to a text.

    Args:
        known: the GenerationConfig of the weights, whose own habits, such as a least length, are not taken over.
    """
    from transformers import GenerationConfig

    beams = settings.beams
    return GenerationConfig(
        **{name: getattr(known, name) for name in _TOKENS},
        do_sample=False,
        max_new_tokens=settings.max_answer_tokens,
        num_beams=beams,
        num_return_sequences=min(beams, 2),
        no_repeat_ngram_size=settings.no_repeat_ngram_size,
        **({"early_stopping": True, "length_penalty": settings.length_penalty} if beams > 1 else {}),
    )


class Writer(nn.Module):
    """A model of transformers that writes answers, with its own output layer.

    Args:
        model: writes as `writing_config` says.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        save_tied_once(self)

    @property
    def most(self) -> int:
        """Tokens of the longest answer, its end included."""
        return int(self.model.generation_config.max_new_tokens)

    @property
    def end(self) -> int:
        """The id that ends an answer."""
        return int(self.model.generation_config.eos_token_id)

    @property
    def output_layer(self) -> nn.Module:
        """Maps the vectors of tokens to logits; often it is the table of word embeddings too."""
        found: nn.Module = self.model.get_output_embeddings()
        return found

    @abstractmethod
    def told(self, batch: Batch) -> Told:
        """What the model knows of the texts of a batch, with input_ids and attention_mask (B, T)."""

    @abstractmethod
    def logits(self, answers: Tensor, told: Told) -> Tensor:
        """Of each token of answers (B, S), which may end in NO_TOKEN, from those before it: (B, S, V)."""

    @abstractmethod
    def generated(self, told: Told, asked: dict[str, Any]) -> Tensor:
        """New answers (B, L), or (2 B, L): the best and the next best of each text.

        Args:
            asked: what `generate` is told beside the texts.
        """

    @abstractmethod
    def pooled(self, batch: Batch) -> Tensor:
        """The features of texts (B, D)."""

    def forward(self, batch: Batch) -> Tensor:
        """Logits (B, S, V) of `references` (B, S); without these, the features of texts (B, D).

        With `rejected` answers (B, R) beside them, the log-probabilities of both (B, 2).
        """
        if "rejected" in batch:
            told = self.told(batch)
            return -torch.stack([self._lost(batch[side], told) for side in ("references", "rejected")], dim=1)
        return self.logits(batch["references"], self.told(batch)) if "references" in batch else self.pooled(batch)

    def write(self, batch: Batch) -> Tensor:
        """Answers to the texts of a batch (B, 3, 1 + N), N the most tokens; NaN behind the end of each.

        Returns:
            Of each answer the ids of its tokens, their log-probabilities, and by how much each was likelier than the
            next best one: of several beams, the best answer than the next best. In front stand the summed negative
            log-likelihood of the reference, its number of tokens (both 0 without one), and the answer's. With
            `rejected` answers, the summed negative log-likelihood of each begins one more column, behind all others.
        """
        answers: Tensor = self.generated(self.told(batch), asked(batch))
        found: list[Tensor] = list(answers.unflatten(0, (rows(batch), -1)).split(READ_AT_ONCE))  # type: ignore[no-untyped-call]
        pairs = zip(parts(batch, READ_AT_ONCE), found, strict=True)
        return torch.cat([self._judged(part, *written.unbind(1)) for part, written in pairs])

    def _judged(self, batch: Batch, best: Tensor, *others: Tensor) -> Tensor:
        """What `write` returns. Args: best, others: the answers (B, L), and the next best ones."""
        told = self.told(batch)
        written = self._weighed(best, told)
        for other in others:
            lead = (self._worth(written) - self._worth(self._weighed(other, told))).abs()
            written[:, 2] = torch.where(written[:, 2].isnan(), torch.nan, lead[:, None])
        written = functional.pad(written, (0, self.most - written.shape[2]), value=torch.nan)
        written = torch.cat([self._front(batch, written, told), written], dim=2)
        if "rejected" not in batch:
            return written
        lost = self._lost(batch["rejected"], told)
        return torch.cat([written, functional.pad(lost[:, None, None], (0, 0, 0, 2))], dim=2)

    def stream(self, batch: Batch) -> Iterator[int]:
        """The tokens of the answer to one text, each while it is written; of several beams, all at the end."""
        how = asked(batch)
        if how.get("num_beams", self.model.generation_config.num_beams) > 1:
            with torch.inference_mode():
                best = self.generated(self.told(batch), how)[0]
            for token in best.tolist():
                yield token
                if token == self.end:
                    break
        else:
            yield from overheard(lambda streamer: self.generated(self.told(batch), how | {"streamer": streamer}))

    def weigh(self, batch: Batch, answers: Tensor) -> Tensor:
        """What `write` would return had it written these answers (B, N)."""
        told = self.told(batch)
        written = self._weighed(answers, told)
        return torch.cat([self._front(batch, written, told), written], dim=2)

    def add_soft_prompt(self, method: Any, tokens: int) -> Any:
        """Put trained vectors in front of every text. Raises: ConfigError: there is no one place in front of it."""
        raise ConfigError(
            f"adaptation.method is {method!r}, but this backbone reads with one part and writes with another, and "
            "trained vectors stand in front of one; use lora, last_layers or full"
        )

    def _weighed(self, ids: Tensor, told: Told) -> Tensor:
        """Ids of answers, log-probabilities and leads (B, 3, L). Args: ids: (B, L)."""
        ended = ((ids == self.end).cumsum(1) - (ids == self.end).long()) > 0
        logs = self.logits(ids.masked_fill(ended, NO_TOKEN), told).float().log_softmax(-1)
        two = logs.topk(2, dim=-1)
        own = logs.gather(2, ids.unsqueeze(-1)).squeeze(-1)
        rival = torch.where(two.indices[..., 0] == ids, two.values[..., 1], two.values[..., 0])
        return torch.stack([ids.float(), own, (own - rival).abs()], dim=1).masked_fill(ended[:, None], torch.nan)

    def _front(self, batch: Batch, written: Tensor, told: Told) -> Tensor:
        """The first column (B, 3, 1) of what `write` returns."""
        lost, tokens = (written.new_zeros(len(written)) for _ in range(2))
        if "references" in batch:
            lost = self._lost(batch["references"], told)
            tokens = (batch["references"] != NO_TOKEN).sum(1).to(lost)
        return torch.stack([lost, tokens, _length(written[:, 0]).to(lost)], dim=1).unsqueeze(-1)

    def _lost(self, answers: Tensor, told: Told) -> Tensor:
        """The summed negative log-likelihood of answers (B, S): (B,)."""
        logits = self.logits(answers, told).float()
        each = functional.cross_entropy(logits.flatten(0, 1), answers.flatten(), reduction="none")
        return each.view_as(answers).sum(1)

    def _worth(self, written: Tensor) -> Tensor:
        """What a beam search compares answers by (B,)."""
        worth: Tensor = written[:, 1].nansum(1) / _length(written[:, 0]) ** self.model.generation_config.length_penalty
        return worth


def _length(answers: Tensor) -> Tensor:
    """The number of tokens of answers (B, L), which are NaN behind their end."""
    return (~answers.isnan()).sum(1)
