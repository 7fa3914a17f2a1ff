"""What a model that writes texts learns: each token of an answer, given those before it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch, Network
from finetrail.targets.learning import Explained, Loss
from finetrail.targets.per_token import NO_TARGET, token_loss
from finetrail.targets.sequences.codec import SequenceAnswers, SequenceCodec
from finetrail.targets.sequences.settings import SequenceTraining

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept


_MOST_LOSS = 700.0  # whose exponential is still a number


class Writing(Protocol):
    """How the texts that a model writes become tokens, and back. Attributes: end: the id that ends an answer."""

    @property
    def end(self) -> int: ...

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of answers, each with its end."""
        ...

    def texts(self, answers: Sequence[Sequence[int]]) -> list[str]:
        """The texts of answers."""
        ...


@dataclass(frozen=True)
class SequenceTargets:
    """The tokens of the answers.

    Attributes:
        earlier: the tokens that are learnt in front of each answer; none but in conversations.
        scale: 1 over the mean number of tokens, so that every token counts the same however a batch is divided.
    """

    values: Sequence[Tensor]
    earlier: Sequence[Tensor]
    scale: float

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens of each."""
        return [len(value) for value in self.values]

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """`targets` (B, E + S), E the most earlier tokens and S the most of an answer; `targets_scale` (B,).

        The model gets the answers as `references` (B, S).
        """
        earlier, answers = (
            nn.utils.rnn.pad_sequence([of[index] for index in indices], True, NO_TARGET)
            for of in (self.earlier, self.values)
        )
        return {
            "targets": torch.cat([earlier, answers], dim=1),
            "references": answers,
            "targets_scale": torch.full((len(indices),), self.scale),
        }


@dataclass(frozen=True)
class SequenceLearning:
    """See `finetrail.targets.learning.Learning`. The model has an output layer of its own, and writes by itself."""

    codec: SequenceCodec

    def head(self, width: int) -> nn.Module:
        """None: the backbone gives the logits of its tokens."""
        return nn.Identity()

    def encode(self, labels: Sequence[str], inputs: Any) -> SequenceTargets:
        tokens = [torch.tensor(row) for row in inputs.writing.tokens(labels)]
        earlier = [torch.tensor(row, dtype=torch.long) for row in inputs.earlier]
        return SequenceTargets(tokens, earlier, len(tokens) / max(1, sum(map(len, (*tokens, *earlier)))))

    def loss(self, settings: SequenceTraining, labels: Sequence[str], *, finished: bool = False) -> Loss:
        return token_loss(settings.label_smoothing)

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """Of what the model wrote (B, 3, 1 + N), its front column and the tokens of each answer."""
        found = outputs.float().cpu().numpy()
        return [row[:, : 1 + int(row[2, 0])] for row in found]

    def answers(self, kept: Any, inputs: Any) -> SequenceAnswers:
        writing: Writing = inputs.writing
        ids = [row[0, 1:].astype(np.int64).tolist() for row in kept]
        # In float64, whose sum does not depend on how an answer's row was padded.
        scores = [row[1, 1:].astype(np.float64).mean() for row in kept]
        return SequenceAnswers(
            writing.texts(ids),
            np.array(scores, dtype=np.float64),
            np.array([row[2, 1:].min() for row in kept], dtype=np.float64),
            np.array(list(map(len, ids)), dtype=np.int64),
            np.array([row[-1] != writing.end for row in ids], dtype=np.bool_),
        )

    def explained(self, label: str, answers: SequenceAnswers, inputs: Any) -> Explained | None:
        """None: an answer has as many outputs as tokens, and no one of them explains a mistake."""
        return None

    def score(self, kept: Any, inputs: Any, labels: Sequence[str], *, finished: bool = False) -> Point:
        """The loss is that of a token of the labels, in nats, over the whole split; the perplexity its exponential."""
        lost, tokens = (sum(float(row[place, 0]) for row in kept) for place in (0, 1))
        loss = lost / max(1.0, tokens)
        scores = point_scores(self.codec.judge, labels, self.answers(kept, inputs))
        return {"loss": loss, "perplexity": math.exp(min(loss, _MOST_LOSS)), **scores}

    def finish(self, model: Network) -> None:
        """Nothing to do: the model answers as it was trained."""

    def fitted(self, kept: Any, inputs: Any, labels: Sequence[str]) -> "SequenceLearning":
        """The validation rows decide nothing."""
        return self
