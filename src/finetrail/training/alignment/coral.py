"""`coral`: the distance of the covariances of features (Sun & Saenko 2016)."""

from torch import Tensor

from finetrail.training.alignment.alignment import Alignment, Domain


class Coral(Alignment):
    """The squared Frobenius norm of the difference of the covariances, in parts of 4 D^2."""

    def forward(self, source: Domain, target: Domain, progress: float) -> Tensor:
        """0 where a domain has a single example, which has no covariance."""
        one, other = source.features.float(), target.features.float()
        if min(len(one), len(other)) < 2:
            return (one.sum() + other.sum()) * 0
        difference = _covariance(one) - _covariance(other)
        return self.strength(progress) * (difference**2).sum() / (4 * one.shape[1] ** 2)


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(dim=0)
    return centred.T @ centred / (len(features) - 1)
