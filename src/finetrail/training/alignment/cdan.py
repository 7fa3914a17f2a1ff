"""`cdan`: as `dann`, within each class that the network answers (Long et al. 2018)."""

import torch
from torch import Tensor

from finetrail.training.alignment.adversary import Discriminator, domain_loss, reverse
from finetrail.training.alignment.alignment import Alignment, Domain, Strength
from finetrail.training.alignment.dann import HIDDEN

WIDEST = 4096
"""Of what the discriminator reads; wider products are mapped at random to this width."""
MAPPED = 1024


class Cdan(Alignment):
    """The loss of a discriminator that reads the product of features and answers.

    Args:
        strength: of the reversed gradient; the discriminator itself learns at full strength.
        width: D, of the features.
        classes: K, of the logits.
    """

    feature_map: Tensor
    answer_map: Tensor

    def __init__(self, strength: Strength, width: int, classes: int) -> None:
        super().__init__(strength)
        self._mapped = width * classes > WIDEST
        if self._mapped:
            # As the random numbers of a seed are, in a checkpoint: the discriminator means nothing without them.
            self.register_buffer("feature_map", torch.randn(width, MAPPED))
            self.register_buffer("answer_map", torch.randn(classes, MAPPED))
        self.discriminator = Discriminator(MAPPED if self._mapped else width * classes, HIDDEN)

    def forward(self, source: Domain, target: Domain, progress: float) -> Tensor:
        """The mean cross-entropy of the discriminator."""
        strength = self.strength(progress)
        return domain_loss(self.discriminator, *(self._product(one, strength) for one in (source, target)))

    def _product(self, domain: Domain, strength: float) -> Tensor:
        """Each feature times each answer (B, D * K), or a random map of them (B, `MAPPED`)."""
        features = reverse(domain.features.float(), strength)
        # The answers say within what to compare; they are not what is to be confused.
        answers = domain.logits.detach().float().softmax(dim=-1)
        if not self._mapped:
            return (answers[:, :, None] * features[:, None]).flatten(1)
        mapped: Tensor = (features @ self.feature_map) * (answers @ self.answer_map) / MAPPED**0.5
        return mapped
