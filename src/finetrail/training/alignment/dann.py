"""`dann`: features of which a discriminator cannot tell the domain (Ganin et al. 2016)."""

from torch import Tensor

from finetrail.training.alignment.adversary import Discriminator, domain_loss, reverse
from finetrail.training.alignment.alignment import Alignment, Domain, Strength

HIDDEN = 256


class Dann(Alignment):
    """The loss of a discriminator, which learns to lower it while the network learns to raise it.

    Args:
        strength: of the reversed gradient; the discriminator itself learns at full strength.
        width: D, of the features.
    """

    def __init__(self, strength: Strength, width: int) -> None:
        super().__init__(strength)
        self.discriminator = Discriminator(width, HIDDEN)

    def forward(self, source: Domain, target: Domain, progress: float) -> Tensor:
        """The mean cross-entropy of the discriminator."""
        strength = self.strength(progress)
        one, other = (reverse(domain.features.float(), strength) for domain in (source, target))
        return domain_loss(self.discriminator, one, other)
