"""Features of which a discriminator cannot tell the domain (Ganin et al. 2016)."""

from torch import Tensor, nn

from finetrail.auxiliary.auxiliary import Read
from finetrail.auxiliary.terms.adversary import Discriminator, domain_loss, reverse

HIDDEN = 256


class DomainAdversary(nn.Module):
    """The loss of a discriminator, which learns to lower it while the network learns to raise it.

    Args:
        width: D, of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.discriminator = Discriminator(width, HIDDEN)

    def forward(self, labelled: Read, unlabelled: Read) -> Tensor:
        """The mean cross-entropy of the discriminator."""
        one, other = (reverse(domain.features.float()) for domain in (labelled, unlabelled))
        return domain_loss(self.discriminator, one, other)
