"""An encoder reads a text, and a decoder writes the answer."""

import copy
from typing import Any

import torch
from torch import Tensor

from finetrail.contents.text.writing.writer import NO_TOKEN, Told, Writer
from finetrail.models.network import Batch


class EncoderDecoder(Writer):
    """An encoder-decoder; see `Writer`."""

    @property
    def start(self) -> int:
        """The id that a decoder begins with."""
        return int(self.model.generation_config.decoder_start_token_id)

    @property
    def encoder(self) -> Any:
        """What reads the texts."""
        return self.model.get_encoder()

    def told(self, batch: Batch) -> Told:
        read = {name: batch[name] for name in ("input_ids", "attention_mask")}
        return {"encoder_outputs": self.encoder(**read), "attention_mask": batch["attention_mask"]}

    def logits(self, answers: Tensor, told: Told) -> Tensor:
        known = answers.masked_fill(answers == NO_TOKEN, self.end)
        before = torch.cat([known.new_full((len(known), 1), self.start), known[:, :-1]], dim=1)
        found: Tensor = self.model(**told, decoder_input_ids=before, use_cache=False)["logits"]
        return found

    def generated(self, told: Told, asked: dict[str, Any]) -> Tensor:
        encoded = copy.copy(told["encoder_outputs"])  # `generate` repeats its rows in place, for the beams
        found: Tensor = self.model.generate(**told | {"encoder_outputs": encoded}, **asked)
        return found[:, 1:]

    def pooled(self, batch: Batch) -> Tensor:
        """The mean of the encoder's vectors (B, D)."""
        vectors: Tensor = self.told(batch)["encoder_outputs"]["last_hidden_state"]
        mask = batch["attention_mask"].unsqueeze(-1)
        return (vectors * mask).sum(1) / mask.sum(1).clamp(min=1)
