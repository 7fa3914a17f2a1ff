"""As `dann`, within each class that the network answers (Long et al. 2018)."""

import torch
from torch import Tensor, nn

from finetrail.auxiliary.auxiliary import Read
from finetrail.auxiliary.terms.adversary import Discriminator, domain_loss, reverse
from finetrail.auxiliary.terms.dann import HIDDEN

WIDEST = 4096
"""Of what the discriminator reads; wider products are mapped at random to `MAPPED`."""
MAPPED = 1024


class ConditionalAdversary(nn.Module):
    """The loss of a discriminator that reads the product of features and answers.

    Args:
        width: D, of the features.
        classes: K, of the outputs.
    """

    feature_map: Tensor
    answer_map: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self._mapped = width * classes > WIDEST
        if self._mapped:
            # Drawn by the seed, so that a training that resumes draws them again.
            self.register_buffer("feature_map", torch.randn(width, MAPPED))
            self.register_buffer("answer_map", torch.randn(classes, MAPPED))
        self.discriminator = Discriminator(MAPPED if self._mapped else width * classes, HIDDEN)

    def forward(self, labelled: Read, unlabelled: Read) -> Tensor:
        """The mean cross-entropy of the discriminator."""
        one, other = (self._product(domain) for domain in (labelled, unlabelled))
        return domain_loss(self.discriminator, one, other)

    def _product(self, domain: Read) -> Tensor:
        """Each feature times each answer (B, D * K), or a random map of them (B, `MAPPED`)."""
        features = reverse(domain.features.float())
        # The answers say within what to compare; they are not what is to be confused.
        answers = domain.outputs.detach().float().softmax(dim=-1)
        if not self._mapped:
            return (answers[:, :, None] * features[:, None]).flatten(1)
        mapped: Tensor = (features @ self.feature_map) * (answers @ self.answer_map) / MAPPED**0.5
        return mapped
