"""What a model learns from preference pairs: to prefer the chosen answers, more than it did before."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.bootstrap import Draws, Floats, intervals, point_scores
from finetrail.evaluation.scores.metric import Point
from finetrail.models.inputs import Changes
from finetrail.models.network import Batch
from finetrail.targets.learning import START, Loss
from finetrail.targets.per_token import NO_TARGET
from finetrail.targets.preferences.codec import PreferenceCodec
from finetrail.targets.preferences.losses import dpo_loss
from finetrail.targets.preferences.metrics import RewardJudge
from finetrail.targets.preferences.reading import SIDES
from finetrail.targets.preferences.settings import PreferenceTraining
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.learning import SequenceLearning

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept

log = logging.getLogger(__name__)

DRAWS = Draws(1_000, seed=0)
"""Of the intervals of rewards."""


@dataclass(frozen=True)
class PairTargets:
    """The tokens of both answers of each pair.

    Attributes:
        prompts: the number of tokens in front of them.
    """

    chosen: Sequence[Tensor]
    rejected: Sequence[Tensor]
    prompts: Sequence[int]

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def values(self) -> Sequence[Tensor]:
        """What a preview shows as learnt."""
        return self.chosen

    @property
    def lengths(self) -> list[int]:
        """What a pair costs beside its prompt: both answers, and reading the prompt a second time."""
        sizes = zip(self.prompts, self.chosen, self.rejected, strict=True)
        return [prompt + len(one) + len(other) for prompt, one, other in sizes]

    def batch(self, indices: Sequence[int], changes: Changes) -> Batch:
        """What the model reads: the answers as `references` and `rejected` (B, S), which end in `NO_TARGET`."""
        sides = {"references": self.chosen, "rejected": self.rejected}
        return {
            name: nn.utils.rnn.pad_sequence([of[index] for index in indices], True, NO_TARGET)
            for name, of in sides.items()
        }


@dataclass(frozen=True)
class PreferenceLearning(SequenceLearning):
    """See `finetrail.targets.learning.Learning`.

    The outputs of a pair are the log-probabilities of its answers (B, 2). In an array of `keep`, a last column holds
    that of the rejected answer, and both before training; the front column has that of the chosen one.
    """

    codec: PreferenceCodec

    def encode(self, labels: Sequence[Mapping[str, str]], inputs: Any) -> PairTargets:  # type: ignore[override]
        chosen, rejected = (
            [torch.tensor(row) for row in inputs.writing.tokens([label[side] for label in labels])] for side in SIDES
        )
        same = sum(torch.equal(one, other) for one, other in zip(chosen, rejected, strict=True))
        if same:
            log.warning(
                "%d of %d pairs have the same tokens as both answers, and teach nothing; raise "
                "backbone.max_answer_tokens",
                same,
                len(labels),
            )
        return PairTargets(chosen, rejected, [len(row) for row in inputs.tokens])

    def loss(self, settings: PreferenceTraining, labels: Sequence[Any], *, finished: bool = False) -> Loss:  # type: ignore[override]
        return dpo_loss(settings.beta, settings.label_smoothing)

    @property
    def compares(self) -> bool:
        """See `finetrail.targets.learning.Comparing`."""
        return True

    def keep(self, outputs: Tensor, batch: Batch) -> "Kept":
        """As of any text; of pairs also the column that says how the model ranks them."""
        found = super().keep(outputs, batch)
        if START not in batch:
            return found
        ranked = torch.cat([outputs[:, :1, -1], batch[START]], dim=1).float().cpu().numpy()
        return [np.concatenate([row, column[:, None]], axis=1) for row, column in zip(found, ranked, strict=True)]

    def answers(self, kept: Any, inputs: Any) -> SequenceAnswers:
        return super().answers([row[:, : _width(row)] for row in kept], inputs)

    def score(self, kept: Any, inputs: Any, labels: Sequence[Any], *, finished: bool = False) -> Point:
        """The loss is that of training without smoothing; it and the rewards are known of pairs alone."""
        texts = point_scores(self.codec.judge, labels, self.answers(kept, inputs))
        gained = self._margins(kept)
        if gained is None:
            return texts
        return {"loss": float(np.logaddexp(0, -gained).mean()), **point_scores(RewardJudge(), labels, gained), **texts}

    def fitted(self, kept: Any, inputs: Any, labels: Sequence[Any]) -> "PreferenceLearning":
        """The same, with what the validation pairs say of the rewards, for the report and the model card."""
        gained = self._margins(kept)
        if gained is None:
            return self
        found = intervals(RewardJudge(), labels, gained, DRAWS)
        ends = {name: [one.value, one.low, one.high] for name, one in found.items()}
        return replace(self, codec=replace(self.codec, rewards=ends))

    def _margins(self, kept: Any) -> Floats | None:
        """By how much the reward of each chosen answer exceeds that of the rejected one (n,); None where unknown."""
        if not len(kept) or kept[0].shape[1] == _width(kept[0]):
            return None
        chosen, rejected = (-np.array([row[0, place] for row in kept], dtype=np.float64) for place in (0, -1))
        before = np.array([row[1:, -1] for row in kept], dtype=np.float64)
        return self.codec.beta * ((chosen - before[:, 0]) - (rejected - before[:, 1]))


def _width(row: Any) -> int:
    """The columns of a row that say what the model wrote."""
    return 1 + int(row[2, 0])
